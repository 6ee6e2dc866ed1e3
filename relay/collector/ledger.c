// SPDX-License-Identifier: MIT
#include "ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LEDGER_TITLE	"pcapring-journal 2 "
#define LEDGER_CRC	9	/* characters before a line's text: hex, space */

/* Numbers of a word: of a ring's in "sync", of an interval's in "was". */
#define LEDGER_RING	11
#define LEDGER_INTERVAL	7

static const char *const ledger_kinds[INTERVAL_KINDS] = {
	[INTERVAL_ELSEWHERE] = "elsewhere",
	[INTERVAL_DUPLICATES] = "duplicates",
	[INTERVAL_DISORDER] = "disorder",
	[INTERVAL_DROPPED] = "dropped",
};

static uint32_t lines_crc(const char *text, size_t length)
{
	uint32_t crc = ~0u;

	while (length--) {
		crc ^= (unsigned char)*text++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

bool lines_open(struct lines *lines)
{
	*lines = (struct lines){ 0 };
	lines->stream = open_memstream(&lines->bytes, &lines->size);
	return lines->stream;
}

bool lines_close(struct lines *lines)
{
	if (fclose(lines->stream))
		lines->failed = true;
	lines->stream = NULL;
	return !lines->failed;
}

static bool lines_begin(struct lines *lines, struct lines *line)
{
	lines->failed |= !lines_open(line);
	return line->stream;
}

/* The line that gathered in @line goes to @lines, behind its sum. */
static void lines_add(struct lines *lines, struct lines *line)
{
	lines->failed |= !lines_close(line);
	if (line->bytes)
		fprintf(lines->stream, "%08" PRIx32 " %s\n",
			lines_crc(line->bytes, line->size), line->bytes);
	free(line->bytes);
}

static void lines_hex(FILE *out, const uint8_t *id)
{
	for (int i = 0; i < MESSAGE_ID_BYTES; i++)
		fprintf(out, "%02x", id[i]);
}

void lines_title(struct lines *lines, const uint8_t id[MESSAGE_ID_BYTES])
{
	struct lines line;

	if (!lines_begin(lines, &line))
		return;
	fputs(LEDGER_TITLE, line.stream);
	lines_hex(line.stream, id);
	lines_add(lines, &line);
}

void lines_file(struct lines *lines, const struct ledger_file *file, uint64_t time)
{
	struct lines line;

	if (!lines_begin(lines, &line))
		return;
	fprintf(line.stream, "file %u %" PRIu64 " ", file->number, time);
	lines_hex(line.stream, file->boot);
	fputc(' ', line.stream);
	lines_hex(line.stream, file->capture);
	fprintf(line.stream, " %u ", file->ring_count);
	if (file->ring == LEDGER_ALL)
		fputc('*', line.stream);
	else
		fprintf(line.stream, "%u", file->ring);
	fprintf(line.stream, " %u %u %s %s =%s =%s =%s =%s",
		file->format.linktype, file->format.snaplen,
		file->format.microseconds ? "us" : "ns",
		file->format.big_endian ? "be" : "le", file->sensor,
		file->interface, file->host, file->name);
	lines_add(lines, &line);
}

static void lines_numbers(FILE *out, const uint64_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(out, ":%" PRIu64, numbers[i]);
}

static void lines_ring(FILE *out, uint32_t i, const struct ledger_ring *ring)
{
	const uint64_t numbers[] = {
		ring->packets, ring->bytes, ring->elsewhere, ring->duplicates,
		ring->disorder, ring->dropped, ring->twice, ring->first, ring->last,
	};

	fprintf(out, " %u:", i);
	if (ring->known)
		fprintf(out, "%" PRIu64, ring->offset);
	else
		fputc('-', out);
	lines_numbers(out, numbers, sizeof(numbers) / sizeof(*numbers));
}

void lines_sync(struct lines *lines, unsigned int number, uint64_t time,
		uint64_t length, const struct ledger_ring *now,
		const struct ledger_ring *before, uint32_t ring_count)
{
	struct lines line;

	if (!lines_begin(lines, &line))
		return;
	fprintf(line.stream, "sync %u %" PRIu64 " %" PRIu64, number, time, length);
	for (uint32_t i = 0; i < ring_count; i++)
		if (before ? memcmp(&now[i], &before[i], sizeof(*now)) :
			     ledger_told(&now[i], 1))
			lines_ring(line.stream, i, &now[i]);
	lines_add(lines, &line);
}

static void lines_was(struct lines *lines, const struct ledger_file *file)
{
	struct lines line;

	if (!lines_begin(lines, &line))
		return;
	fprintf(line.stream, "was %u", file->number);
	for (size_t i = 0; i < file->intervals.count; i++) {
		const struct interval *one = &file->intervals.list[i];
		const uint64_t numbers[] = {
			one->from, one->to, one->noticed, one->amount, one->times,
		};

		fprintf(line.stream, " %u:%s", one->ring, ledger_kinds[one->kind]);
		lines_numbers(line.stream, numbers, sizeof(numbers) / sizeof(*numbers));
	}
	lines_add(lines, &line);
}

void lines_gone(struct lines *lines, unsigned int number, uint64_t time,
		uint64_t missing)
{
	struct lines line;

	if (!lines_begin(lines, &line))
		return;
	fprintf(line.stream, "gone %u %" PRIu64 " %" PRIu64, number, time, missing);
	lines_add(lines, &line);
}

bool ledger_told(const struct ledger_ring *rings, uint32_t ring_count)
{
	for (uint32_t i = 0; i < ring_count; i++)
		if (rings[i].known || rings[i].twice)
			return true;
	return false;
}

void lines_ledger(struct lines *lines, const struct ledger *ledger)
{
	lines_title(lines, ledger->id);
	for (const struct ledger_file *file = ledger->first; file;
	     file = file->next) {
		lines_file(lines, file, file->since);
		if (file->length || ledger_told(file->rings, file->ring_count))
			lines_sync(lines, file->number, file->synced, file->length,
				   file->rings, NULL, file->ring_count);
		if (file->intervals.count)
			lines_was(lines, file);
		if (file->gone)
			lines_gone(lines, file->number, file->lost, file->missing);
	}
}

/* The next word of a line, or NULL. */
static char *ledger_word(char **line)
{
	char *word = *line;
	size_t length = strcspn(word, " ");

	if (!length)
		return NULL;
	*line = word + length;
	if (**line)
		*(*line)++ = '\0';
	return word;
}

static bool ledger_number(const char *text, uint64_t most, uint64_t *number)
{
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return !errno && !*end && *number <= most;
}

static bool ledger_u32(char **line, uint64_t most, uint32_t *out)
{
	uint64_t number;

	if (!ledger_number(ledger_word(line), most, &number))
		return false;
	*out = number;
	return true;
}

static bool ledger_hex(const char *text, uint8_t *id)
{
	unsigned int byte;

	if (!text || strlen(text) != 2 * MESSAGE_ID_BYTES ||
	    strspn(text, "0123456789abcdef") != 2 * MESSAGE_ID_BYTES)
		return false;
	for (int i = 0; i < MESSAGE_ID_BYTES; i++) {
		sscanf(text + 2 * i, "%2x", &byte);
		id[i] = byte;
	}
	return true;
}

static bool ledger_text(char **line, char *out, size_t size)
{
	const char *word = ledger_word(line);

	if (!word || *word != '=' || strlen(word + 1) >= size)
		return false;
	strcpy(out, word + 1);
	return true;
}

static bool ledger_either(char **line, const char *no, const char *yes, bool *out)
{
	const char *word = ledger_word(line);

	*out = word && !strcmp(word, yes);
	return word && (*out || !strcmp(word, no));
}

void ledger_free_file(struct ledger_file *file)
{
	intervals_free(&file->intervals);
	free(file);
}

static struct ledger_file *ledger_among(struct ledger_file *file, uint32_t number)
{
	while (file && file->number != number)
		file = file->next;
	return file;
}

static void ledger_add(struct ledger *ledger, struct ledger_file *file)
{
	*ledger->last = file;
	ledger->last = &file->next;
}

struct ledger_file *ledger_new_file(uint32_t ring_count)
{
	struct ledger_file *file = calloc(1, sizeof(*file) + ring_count *
					   sizeof(file->rings[0]));

	if (file)
		file->ring_count = ring_count;
	return file;
}

struct ledger_file *ledger_copy_file(const struct ledger_file *file)
{
	struct ledger_file *copy = ledger_new_file(file->ring_count);

	if (!copy)
		return NULL;
	memcpy(copy, file, sizeof(*file) + file->ring_count * sizeof(file->rings[0]));
	copy->next = NULL;
	intervals_copy(&copy->intervals, &file->intervals);
	return copy;
}

/* The file of a line's next word, which may change. */
static struct ledger_file *ledger_find(struct ledger *ledger, char **line)
{
	struct ledger_file *file;
	uint32_t number;

	if (!ledger_u32(line, UINT32_MAX, &number))
		return NULL;
	file = ledger_among(ledger->first, number);
	if (file || !ledger->base)
		return file;
	file = ledger_among(ledger->base->first, number);
	if (!file)
		return NULL;
	file = ledger_copy_file(file);
	if (!file)
		abort();	/* rather than take it for an error of the line */
	ledger_add(ledger, file);
	return file;
}

static bool ledger_has(const struct ledger *ledger, uint32_t number)
{
	return ledger_among(ledger->first, number) ||
	       (ledger->base && ledger_among(ledger->base->first, number));
}

static bool ledger_parse_names(struct ledger_file *file, char *line)
{
	return ledger_u32(&line, 0xffff, &file->format.linktype) &&
	       ledger_u32(&line, UINT32_MAX, &file->format.snaplen) &&
	       ledger_either(&line, "ns", "us", &file->format.microseconds) &&
	       ledger_either(&line, "le", "be", &file->format.big_endian) &&
	       ledger_text(&line, file->sensor, sizeof(file->sensor)) &&
	       ledger_text(&line, file->interface, sizeof(file->interface)) &&
	       ledger_text(&line, file->host, sizeof(file->host)) &&
	       /* the rest of the line: blanks may be in it */
	       *line == '=' && strlen(line + 1) < sizeof(file->name) &&
	       strcpy(file->name, line + 1) &&
	       *file->name && !strchr(file->name, '/');
}

static bool ledger_parse_file(struct ledger *ledger, char *line)
{
	uint32_t number, rings, ring = LEDGER_ALL;
	uint64_t since;
	uint8_t boot[MESSAGE_ID_BYTES], capture[MESSAGE_ID_BYTES];
	struct ledger_file *file;
	const char *word;
	uint64_t n;

	if (!ledger_u32(&line, UINT32_MAX, &number) || ledger_has(ledger, number) ||
	    !ledger_number(ledger_word(&line), UINT64_MAX, &since) ||
	    !ledger_hex(ledger_word(&line), boot) ||
	    !ledger_hex(ledger_word(&line), capture) ||
	    !ledger_u32(&line, MESSAGE_RINGS_MAX, &rings) || !rings)
		return false;
	word = ledger_word(&line);
	if (word && strcmp(word, "*")) {
		if (!ledger_number(word, rings - 1, &n))
			return false;
		ring = n;
	}
	file = ledger_new_file(rings);
	if (!file)
		abort();	/* rather than cut the journal as if it were damaged */
	file->number = number;
	file->ring = ring;
	file->since = since;
	memcpy(file->boot, boot, sizeof(boot));
	memcpy(file->capture, capture, sizeof(capture));
	if (!ledger_parse_names(file, line)) {
		ledger_free_file(file);
		return false;
	}
	ledger_add(ledger, file);
	return true;
}

/* The numbers of "1:2:3". */
static bool ledger_numbers(char *word, uint64_t *numbers, size_t count)
{
	while (count--) {
		char *colon = strchr(word, ':');

		if (!colon != !count)
			return false;
		if (colon)
			*colon = '\0';
		if (!ledger_number(word, UINT64_MAX, numbers++))
			return false;
		word = colon ? colon + 1 : NULL;
	}
	return true;
}

/* A word up to its first colon; *@rest is what follows. */
static bool ledger_split(char *word, char **rest)
{
	*rest = strchr(word, ':');
	if (!*rest)
		return false;
	*(*rest)++ = '\0';
	return true;
}

static bool ledger_parse_ring(char *word, uint32_t ring_count,
			      struct ledger_ring *rings)
{
	uint64_t ring, offset = 0, n[LEDGER_RING - 2];
	char *at, *account;
	bool known;

	if (!ledger_split(word, &at) || !ledger_number(word, ring_count - 1, &ring) ||
	    !ledger_split(at, &account))
		return false;
	known = strcmp(at, "-");
	if ((known && !ledger_number(at, UINT64_MAX, &offset)) ||
	    !ledger_numbers(account, n, LEDGER_RING - 2))
		return false;
	rings[ring] = (struct ledger_ring){ .twice = n[6] };
	if (known)
		rings[ring] = (struct ledger_ring){
			.known = true,
			.offset = offset,
			.packets = n[0],
			.bytes = n[1],
			.elsewhere = n[2],
			.duplicates = n[3],
			.disorder = n[4],
			.dropped = n[5],
			.twice = n[6],
			.first = n[7],
			.last = n[8],
		};
	return true;
}

/* What the ring's account has more now. */
static void ledger_note(struct ledger_file *file, uint32_t i,
			const struct ledger_ring *now)
{
	const struct ledger_ring *before = &file->rings[i];
	const uint64_t counts[INTERVAL_KINDS][2] = {
		[INTERVAL_ELSEWHERE] = { before->elsewhere, now->elsewhere },
		[INTERVAL_DUPLICATES] = { before->duplicates, now->duplicates },
		[INTERVAL_DISORDER] = { before->disorder, now->disorder },
		[INTERVAL_DROPPED] = { before->dropped, now->dropped },
	};
	bool newer = now->last > before->last;

	if (newer)
		intervals_end(&file->intervals, i, now->last);
	for (int kind = 0; kind < INTERVAL_KINDS; kind++)
		if (counts[kind][1] > counts[kind][0])
			intervals_note(&file->intervals, &(struct interval){
				.ring = i,
				.kind = kind,
				.from = before->last,
				.to = newer ? now->last : 0,
				.noticed = file->synced,
				.amount = counts[kind][1] - counts[kind][0],
				.times = 1,
			});
}

/* All of the line, or nothing. */
static bool ledger_parse_sync(struct ledger *ledger, char *line)
{
	struct ledger_file *file = ledger_find(ledger, &line);
	struct ledger_ring rings[MESSAGE_RINGS_MAX];
	uint64_t time, length;
	char *word;

	if (!file || !ledger_number(ledger_word(&line), UINT64_MAX, &time) ||
	    !ledger_number(ledger_word(&line), INT64_MAX, &length))
		return false;
	memcpy(rings, file->rings, file->ring_count * sizeof(*rings));
	while ((word = ledger_word(&line)))
		if (!ledger_parse_ring(word, file->ring_count, rings))
			return false;
	file->synced = time;
	for (uint32_t i = 0; i < file->ring_count; i++)
		ledger_note(file, i, &rings[i]);
	memcpy(file->rings, rings, file->ring_count * sizeof(*rings));
	file->length = length;
	return true;
}

static bool ledger_parse_interval(char *word, uint32_t ring_count,
				  struct intervals *intervals)
{
	uint64_t ring, n[LEDGER_INTERVAL - 2];
	char *kind, *rest;
	int i = 0;

	if (!ledger_split(word, &kind) || !ledger_split(kind, &rest) ||
	    !ledger_number(word, ring_count - 1, &ring) ||
	    !ledger_numbers(rest, n, LEDGER_INTERVAL - 2))
		return false;
	while (i < INTERVAL_KINDS && strcmp(kind, ledger_kinds[i]))
		i++;
	if (i == INTERVAL_KINDS)
		return false;
	intervals_add(intervals, &(struct interval){
		.ring = ring,
		.kind = i,
		.from = n[0],
		.to = n[1],
		.noticed = n[2],
		.amount = n[3],
		.times = n[4],
	});
	return true;
}

static bool ledger_parse_was(struct ledger *ledger, char *line)
{
	struct ledger_file *file = ledger_find(ledger, &line);
	struct intervals intervals = { 0 };
	char *word;

	if (!file)
		return false;
	while ((word = ledger_word(&line)))
		if (!ledger_parse_interval(word, file->ring_count, &intervals)) {
			intervals_free(&intervals);
			return false;
		}
	intervals_free(&file->intervals);
	file->intervals = intervals;
	return true;
}

static bool ledger_parse_gone(struct ledger *ledger, char *line)
{
	struct ledger_file *file = ledger_find(ledger, &line);
	uint64_t time, missing;

	if (!file || !ledger_number(ledger_word(&line), UINT64_MAX, &time) ||
	    !ledger_number(ledger_word(&line), UINT64_MAX, &missing))
		return false;
	file->gone = true;
	file->lost = time;
	file->missing = missing;
	return true;
}

/* A line's text, which changes. */
static bool ledger_parse_line(struct ledger *ledger, char *line)
{
	const char *verb;

	if (!ledger->titled) {
		if (strncmp(line, LEDGER_TITLE, strlen(LEDGER_TITLE)))
			return false;
		ledger->titled = ledger_hex(line + strlen(LEDGER_TITLE),
					      ledger->id);
		return ledger->titled;
	}
	verb = ledger_word(&line);
	if (verb && !strcmp(verb, "file"))
		return ledger_parse_file(ledger, line);
	if (verb && !strcmp(verb, "sync"))
		return ledger_parse_sync(ledger, line);
	if (verb && !strcmp(verb, "was"))
		return ledger_parse_was(ledger, line);
	if (verb && !strcmp(verb, "gone"))
		return ledger_parse_gone(ledger, line);
	return false;
}

size_t ledger_parse(struct ledger *ledger, char *text, size_t size)
{
	char *p = text, *end = text + size, sum[LEDGER_CRC + 1];

	while (p < end) {
		char *newline = memchr(p, '\n', end - p);

		if (!newline || newline - p < LEDGER_CRC ||
		    memchr(p, '\0', newline - p))
			break;
		*newline = '\0';
		snprintf(sum, sizeof(sum), "%08" PRIx32 " ",
			 lines_crc(p + LEDGER_CRC, newline - p - LEDGER_CRC));
		if (memcmp(p, sum, LEDGER_CRC) ||
		    !ledger_parse_line(ledger, p + LEDGER_CRC))
			break;
		p = newline + 1;
	}
	return p - text;
}

void ledger_init(struct ledger *ledger, const struct ledger *base)
{
	*ledger = (struct ledger){ .base = base };
	ledger->last = &ledger->first;
	if (!base)
		return;
	ledger->titled = base->titled;
	memcpy(ledger->id, base->id, sizeof(ledger->id));
}

void ledger_merge(struct ledger *ledger, struct ledger *over)
{
	struct ledger_file *file = over->first, *next;

	for (; file; file = next) {
		struct ledger_file **at = &ledger->first;

		next = file->next;
		file->next = NULL;
		while (*at && (*at)->number != file->number)
			at = &(*at)->next;
		if (!*at) {
			ledger_add(ledger, file);
			continue;
		}
		file->next = (*at)->next;
		if (ledger->last == &(*at)->next)
			ledger->last = &file->next;
		ledger_free_file(*at);
		*at = file;
	}
	ledger_init(over, ledger);
}

void ledger_free(struct ledger *ledger)
{
	struct ledger_file *file, *next;

	for (file = ledger->first; file; file = next) {
		next = file->next;
		ledger_free_file(file);
	}
}
