// SPDX-License-Identifier: MIT
/*
 * The journal: what is accepted keeps the bounds of journal.h, reading it again
 * or writing it anew says the same, and what was committed is there again.
 */
#include "collector/files/intervals.c"
#include "collector/files/journal.c"
#include "collector/files/ledger.c"
#include "collector/files/lines.c"
#include "collector/files/parse.c"

#include "fuzz.h"

#define TEXT_MAX	65536

int LLVMFuzzerInitialize(int *argc, char ***argv);

static char folder[PATH_MAX], file[PATH_MAX + 8], path[PATH_MAX + 16];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *base = getenv("TMPDIR");

	(void)argc;
	(void)argv;
	snprintf(folder, sizeof(folder), "%s/fuzz-journal-XXXXXX", base ? base : "/tmp");
	FUZZ_TRUE(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/x", folder);
	snprintf(path, sizeof(path), "%s.journal", file);
	return 0;
}

static bool same_ring(const struct ledger_ring *a, const struct ledger_ring *b)
{
	return a->known == b->known && a->offset == b->offset &&
	       a->packets == b->packets && a->bytes == b->bytes &&
	       a->elsewhere == b->elsewhere && a->duplicates == b->duplicates &&
	       a->disorder == b->disorder && a->dropped == b->dropped &&
	       a->twice == b->twice && a->first == b->first && a->last == b->last;
}

static void same_intervals(const struct intervals *a, const struct intervals *b)
{
	FUZZ_TRUE(a->count == b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct interval *x = &a->list[i], *y = &b->list[i];

		FUZZ_TRUE(x->ring == y->ring && x->kind == y->kind);
		FUZZ_TRUE(x->from == y->from && x->to == y->to);
		FUZZ_TRUE(x->noticed == y->noticed && x->amount == y->amount);
		FUZZ_TRUE(x->times == y->times);
	}
}

static void same_file(const struct ledger_file *a, const struct ledger_file *b)
{
	FUZZ_TRUE(a->number == b->number);
	FUZZ_TRUE(!memcmp(a->boot, b->boot, MESSAGE_ID_BYTES));
	FUZZ_TRUE(!memcmp(a->capture, b->capture, MESSAGE_ID_BYTES));
	FUZZ_TRUE(a->ring_count == b->ring_count && a->ring == b->ring);
	FUZZ_TRUE(ringfile_same(&a->format, &b->format));
	FUZZ_TRUE(a->format.snaplen == b->format.snaplen);
	FUZZ_TRUE(!strcmp(a->sensor, b->sensor) && !strcmp(a->host, b->host));
	FUZZ_TRUE(!strcmp(a->interface, b->interface));
	FUZZ_TRUE(!strcmp(a->name, b->name));
	FUZZ_TRUE(a->gone == b->gone && a->missing == b->missing);
	FUZZ_TRUE(a->length == b->length);
	for (uint32_t i = 0; i < a->ring_count; i++)
		FUZZ_TRUE(same_ring(&a->rings[i], &b->rings[i]));
}

static void same_closed(const struct journal *a, const struct journal *b)
{
	const struct ledger_closed *x = journal_closed(a), *y = journal_closed(b);

	for (; x && y; x = x->next, y = y->next) {
		FUZZ_TRUE(!strcmp(x->name, y->name) && x->length == y->length);
		FUZZ_TRUE(ledger_name_fine(x->name) && x->length);
	}
	FUZZ_TRUE(!x && !y);
}

static void same(const struct journal *a, const struct journal *b)
{
	const struct ledger_file *x = journal_files(a), *y = journal_files(b);

	FUZZ_TRUE(!memcmp(journal_id(a), journal_id(b), MESSAGE_ID_BYTES));
	for (; x && y; x = x->next, y = y->next) {
		same_file(x, y);
		same_intervals(&x->intervals, &y->intervals);
		FUZZ_TRUE(x->since == y->since && x->lost == y->lost);
	}
	FUZZ_TRUE(!x && !y);
	same_closed(a, b);
}

static bool ends(const char *text, size_t size)
{
	return memchr(text, '\0', size);
}

static void check_intervals(const struct intervals *intervals, uint32_t ring_count)
{
	unsigned int counts[MESSAGE_RINGS_MAX][INTERVAL_KINDS] = { 0 };

	for (size_t i = 0; i < intervals->count; i++) {
		const struct interval *one = &intervals->list[i];

		FUZZ_TRUE(one->ring < ring_count && one->kind < INTERVAL_KINDS);
		FUZZ_TRUE(++counts[one->ring][one->kind] <= INTERVALS_MAX);
	}
}

/* From nothing to what the ring has now, they count just that. */
static void check_sums(const struct ledger_file *one)
{
	uint64_t sums[MESSAGE_RINGS_MAX][INTERVAL_KINDS] = { 0 };

	for (size_t i = 0; i < one->intervals.count; i++)
		sums[one->intervals.list[i].ring][one->intervals.list[i].kind] +=
			one->intervals.list[i].amount;
	for (uint32_t i = 0; i < one->ring_count; i++) {
		FUZZ_TRUE(sums[i][INTERVAL_ELSEWHERE] == one->rings[i].elsewhere);
		FUZZ_TRUE(sums[i][INTERVAL_DUPLICATES] == one->rings[i].duplicates);
		FUZZ_TRUE(sums[i][INTERVAL_DISORDER] == one->rings[i].disorder);
		FUZZ_TRUE(sums[i][INTERVAL_DROPPED] == one->rings[i].dropped);
	}
}

static void check_file(const struct ledger_file *one)
{
	FUZZ_TRUE(ends(one->sensor, sizeof(one->sensor)));
	FUZZ_TRUE(ends(one->interface, sizeof(one->interface)));
	FUZZ_TRUE(ends(one->host, sizeof(one->host)));
	FUZZ_TRUE(ends(one->name, sizeof(one->name)));
	FUZZ_TRUE(one->ring_count >= 1 && one->ring_count <= MESSAGE_RINGS_MAX);
	FUZZ_TRUE(one->ring < one->ring_count || one->ring == LEDGER_ALL);
	FUZZ_TRUE(one->format.linktype <= 0xffff);
	FUZZ_TRUE(!*one->name || ledger_name_fine(one->name));
	FUZZ_TRUE(one->length <= INT64_MAX);
	check_intervals(&one->intervals, one->ring_count);
}

static struct journal *read_back(const char *write)
{
	struct journal *journal = journal_read(write);

	FUZZ_TRUE(journal);
	return journal;
}

/* Lines of input to lines of a journal: each behind its sum. */
static size_t add_sums(char *out, const uint8_t *bytes, size_t size)
{
	char *start = out;

	while (size) {
		const uint8_t *newline = memchr(bytes, '\n', size);
		size_t length = newline ? (size_t)(newline - bytes) : size;

		out += sprintf(out, "%08x ", lines_crc((const char *)bytes, length));
		memcpy(out, bytes, length);
		out += length;
		*out++ = '\n';
		bytes += length;
		size -= length;
		if (newline) {
			bytes++;
			size--;
		}
	}
	return out - start;
}

static size_t make_text(char *out, struct fuzz_input *in)
{
	static const char title[] = LINES_TITLE "00112233445566778899aabbccddeeff";
	uint8_t flags = fuzz_number(in, 1);
	size_t torn = fuzz_number(in, 1), size = 0;

	if (flags & 1)
		size = add_sums(out, (const uint8_t *)title, strlen(title));
	if (flags & 2) {
		memcpy(out + size, in->p, in->left);
		size += in->left;
	} else {
		size += add_sums(out + size, in->p, in->left);
	}
	return torn < size ? size - torn : 0;
}

static size_t load(char *out)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, out, TEXT_MAX);

	FUZZ_TRUE(n >= 0);
	close(fd);
	return n;
}

static void store(const char *text, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	FUZZ_TRUE(fd >= 0 && write(fd, text, size) == (ssize_t)size);
	close(fd);
}

/* A file with any content. */
static void read_any(struct fuzz_input *in)
{
	static char text[TEXT_MAX], now[TEXT_MAX];
	size_t size = make_text(text, in), left;
	struct journal *looked, *opened, *again;

	store(text, size);
	looked = journal_read(file);
	opened = journal_open(file);
	FUZZ_TRUE(!looked == !opened);
	left = load(now);
	FUZZ_TRUE(left <= size && !memcmp(now, text, left));
	if (!opened) {
		FUZZ_TRUE(left == size);
		return;
	}
	FUZZ_TRUE(left == opened->end);
	same(looked, opened);
	for (const struct ledger_file *one = journal_files(opened); one; one = one->next)
		check_file(one);
	again = read_back(file);
	same(looked, again);
	journal_close(again);
	/* as compaction does */
	FUZZ_TRUE(journal_renew(opened, "", 0));
	journal_close(opened);
	again = read_back(file);
	same(looked, again);
	journal_close(again);
	journal_close(looked);
}

static struct ledger_file *make_file(struct fuzz_input *in)
{
	uint32_t ring_count = 1 + fuzz_number(in, 1) % MESSAGE_RINGS_MAX;
	struct ledger_file *one = ledger_new_file(ring_count);
	uint8_t flags = fuzz_number(in, 1);
	char text[256];

	FUZZ_TRUE(one);
	one->number = fuzz_number(in, 4);
	one->ring = flags & 1 ? LEDGER_ALL : fuzz_number(in, 1) % ring_count;
	memset(one->boot, fuzz_number(in, 1), MESSAGE_ID_BYTES);
	memset(one->capture, fuzz_number(in, 1), MESSAGE_ID_BYTES);
	one->format = (struct ringfile_format) {
		.microseconds = flags & 2,
		.big_endian = flags & 4,
		.linktype = fuzz_number(in, 2),
		.snaplen = fuzz_number(in, 3),
	};
	/* a sensor chooses these */
	fuzz_text(in, text, "");
	path_encode(text, one->sensor);
	fuzz_text(in, text, "");
	path_encode(text, one->interface);
	fuzz_text(in, text, "");
	path_encode(text, one->host);
	/* who starts the program, this */
	fuzz_text(in, one->name, "/\n");
	if (!ledger_name_fine(one->name))
		strcpy(one->name, "x");
	return one;
}

static void make_states(struct fuzz_input *in, struct ledger_file *one)
{
	one->length = fuzz_number(in, 8) & INT64_MAX;
	for (uint32_t i = 0; i < one->ring_count && in->left; i++) {
		uint8_t flags = fuzz_number(in, 1);

		if (flags & 2)
			one->rings[i].twice = fuzz_number(in, 8);
		if (!(flags & 1))
			continue;
		one->rings[i] = (struct ledger_ring) {
			.known = true,
			.offset = fuzz_number(in, 8),
			.packets = fuzz_number(in, 8),
			.bytes = fuzz_number(in, 8),
			.elsewhere = fuzz_number(in, 2),
			.duplicates = fuzz_number(in, 8),
			.disorder = fuzz_number(in, 2),
			.dropped = fuzz_number(in, 8),
			.twice = one->rings[i].twice,
			.last = fuzz_number(in, 8),
		};
	}
}

/* What the collector writes. */
static void write_any(struct fuzz_input *in)
{
	struct ledger_file *one = make_file(in);
	struct journal *journal, *again;

	unlink(path);
	journal = journal_open(file);
	FUZZ_TRUE(journal);
	journal_declare(journal, one);
	FUZZ_TRUE(journal_commit(journal));
	make_states(in, one);
	journal_sync(journal, one->number, one->length, one->rings, NULL, one->ring_count);
	if (one->length & 1) {
		one->gone = true;
		one->missing = one->length / 3;
		journal_gone(journal, one->number, one->missing);
	}
	FUZZ_TRUE(journal_commit(journal));
	again = read_back(file);
	same(journal, again);
	FUZZ_TRUE(journal_files(again) && !journal_files(again)->next);
	same_file(one, journal_files(again));
	check_sums(journal_files(again));
	journal_close(again);
	journal_close(journal);
	free(one);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { bytes, size };

	/* each byte can become a line of eleven */
	if (size > TEXT_MAX / 12)
		return -1;
	if (fuzz_number(&in, 1) & 1)
		write_any(&in);
	else
		read_any(&in);
	return 0;
}
