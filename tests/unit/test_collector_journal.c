// SPDX-License-Identifier: MIT
/* journal: what was committed is there again, whatever was torn behind it. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/files/journal.h"
#include "collector_folder.h"

#define STATES	6

static struct ledger_file *declaration(unsigned int number)
{
	struct ledger_file *one = ledger_new_file(number);

	one->number = number;
	one->ring = number == 2 ? 1 : LEDGER_ALL;
	memset(one->boot, number, MESSAGE_ID_BYTES);
	memset(one->capture, 0xf0 + number, MESSAGE_ID_BYTES);
	one->format = (struct ringfile_format){ 113, 96, number == 2, number == 3 };
	strcpy(one->sensor, "sensor%20x");
	snprintf(one->name, sizeof(one->name), "x.%u.pcap", number);
	return one;
}

/* Commit the nth state; all of it can be told from n. */
static void commit(struct journal *journal, unsigned int n)
{
	struct ledger_ring rings[3] = { 0 }, before[3] = { 0 };
	struct ledger_file *one;

	if (n % 2) {
		one = declaration((n + 1) / 2);
		journal_declare(journal, one);
		free(one);
	} else if (n == STATES) {
		journal_gone(journal, 1, 55);
	} else {
		rings[n / 2 - 1] = (struct ledger_ring){
			true, 1000 * n, n, 2 * n, 3 * n, 4 * n, 5 * n, UINT64_MAX,
			6 * n, 7 * n, 8 * n };
		journal_sync(journal, n / 2, 100 * n, rings, before, n / 2);
	}
	assert_true(journal_commit(journal));
}

static const struct ledger_file *find(const struct journal *journal,
				       unsigned int number)
{
	const struct ledger_file *one = journal_files(journal);

	while (one && one->number != number)
		one = one->next;
	return one;
}

/* The state that was there after the nth commit. */
static void check(const struct journal *journal, unsigned int n)
{
	for (unsigned int number = 1; number <= 3; number++) {
		const struct ledger_file *one = find(journal, number);
		struct ledger_file *want = declaration(number);

		assert_true(!one == (n < 2 * number - 1));
		if (one) {
			assert_int_equal(one->ring, want->ring);
			assert_int_equal(one->ring_count, number);
			assert_memory_equal(one->boot, want->boot, MESSAGE_ID_BYTES);
			assert_memory_equal(one->capture, want->capture, MESSAGE_ID_BYTES);
			assert_memory_equal(&one->format, &want->format,
					    sizeof(one->format));
			assert_string_equal(one->sensor, want->sensor);
			assert_string_equal(one->interface, "");
			assert_string_equal(one->name, want->name);
			assert_int_equal(one->length, number < 3 && n >= 2 * number ?
					 200 * number : 0);
			assert_int_equal(one->gone, number == 1 && n == STATES);
			assert_int_equal(one->missing, one->gone ? 55 : 0);
		}
		if (one && one->length) {
			const struct ledger_ring *ring = &one->rings[number - 1];

			assert_true(ring->known);
			assert_int_equal(ring->offset, 2000 * number);
			assert_int_equal(ring->packets, 2 * number);
			assert_int_equal(ring->bytes, 4 * number);
			assert_int_equal(ring->elsewhere, 6 * number);
			assert_int_equal(ring->duplicates, 8 * number);
			assert_int_equal(ring->disorder, 10 * number);
			assert_true(ring->dropped == UINT64_MAX);
			assert_int_equal(ring->twice, 12 * number);
			assert_int_equal(ring->first, 14 * number);
			assert_int_equal(ring->last, 16 * number);
		}
		free(want);
	}
}

static size_t load(char *text, size_t size)
{
	FILE *in = fopen(folder_journal, "r");
	size_t n = fread(text, 1, size, in);

	fclose(in);
	return n;
}

static void store(const char *text, size_t size)
{
	FILE *out = fopen(folder_journal, "w");

	assert_int_equal(fwrite(text, 1, size, out), size);
	fclose(out);
}

/* *@ends: how long the journal was after each commit. */
static size_t fill(char *text, size_t size, size_t ends[STATES + 1])
{
	struct journal *journal = journal_open(folder_file);
	struct stat st;

	assert_non_null(journal);
	assert_int_equal(access(folder_journal, F_OK), -1);
	ends[0] = 0;
	for (unsigned int n = 1; n <= STATES; n++) {
		commit(journal, n);
		check(journal, n);
		assert_int_equal(stat(folder_journal, &st), 0);
		ends[n] = st.st_size;
	}
	journal_close(journal);
	return load(text, size);
}

static void comes_back_as_it_was(void **state)
{
	char text[4096];
	size_t ends[STATES + 1];
	struct journal *journal;
	uint8_t id[MESSAGE_ID_BYTES];

	(void)state;
	fill(text, sizeof(text), ends);
	journal = journal_open(folder_file);
	check(journal, STATES);
	memcpy(id, journal_id(journal), sizeof(id));
	assert_null(journal_open(folder_file));	/* it is locked */
	journal_close(journal);
	journal = journal_read(folder_file);
	check(journal, STATES);
	assert_memory_equal(journal_id(journal), id, sizeof(id));
	journal_close(journal);
}

/* How many commits are whole in @size bytes. */
static unsigned int whole(const size_t ends[STATES + 1], size_t size)
{
	unsigned int n = 0;

	while (n < STATES && ends[n + 1] <= size)
		n++;
	return n;
}

static void is_a_prefix_when_cut_at_every_byte(void **state)
{
	char text[4096], now[4096];
	size_t ends[STATES + 1], size, title;

	(void)state;
	size = fill(text, sizeof(text), ends);
	title = strchr(text, '\n') + 1 - text;
	for (size_t cut = 0; cut <= size; cut++) {
		struct journal *journal;

		store(text, cut);
		journal = journal_open(folder_file);
		if (cut < title) {
			assert_null(journal);
			assert_int_equal(load(now, sizeof(now)), cut);
			continue;
		}
		assert_non_null(journal);
		check(journal, whole(ends, cut));
		journal_close(journal);
		assert_int_equal(load(now, sizeof(now)), whole(ends, cut) ?
				 ends[whole(ends, cut)] : title);
	}
}

static void ignores_all_from_a_damaged_byte_on(void **state)
{
	char text[4096];
	size_t ends[STATES + 1], size, title;

	(void)state;
	size = fill(text, sizeof(text), ends);
	title = strchr(text, '\n') + 1 - text;
	for (size_t at = title; at < size; at++) {
		struct journal *journal;

		text[at] ^= 0x11;
		store(text, size);
		text[at] ^= 0x11;
		journal = journal_open(folder_file);
		assert_non_null(journal);
		check(journal, whole(ends, at));
		journal_close(journal);
	}
}

static void goes_on_after_a_cut(void **state)
{
	char text[4096];
	size_t ends[STATES + 1], size;

	(void)state;
	size = fill(text, sizeof(text), ends);
	for (unsigned int n = 1; n < STATES; n++) {
		struct journal *journal;

		store(text, n % 2 ? ends[n] + 1 : ends[n + 1] - 1);
		journal = journal_open(folder_file);
		for (unsigned int more = n + 1; more <= STATES; more++)
			commit(journal, more);
		journal_close(journal);
		journal = journal_open(folder_file);
		check(journal, STATES);
		journal_close(journal);
	}
	assert_true(size);
}

static void a_failed_commit_leaves_nothing(void **state)
{
	struct rlimit limit, little = { 400, RLIM_INFINITY };
	struct journal *journal = journal_open(folder_file);
	struct stat st;

	(void)state;
	commit(journal, 1);
	assert_int_equal(stat(folder_journal, &st), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	little.rlim_cur = st.st_size + 10;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	journal_gone(journal, 1, 1);
	assert_false(journal_commit(journal));
	assert_int_equal(errno, EFBIG);
	check(journal, 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (unsigned int n = 2; n <= STATES; n++)
		commit(journal, n);
	journal_close(journal);
	journal = journal_open(folder_file);
	check(journal, STATES);
	journal_close(journal);
}

/* What would not be read again is not there, and can be told from a full disk. */
static void refuses_what_it_could_not_read(void **state)
{
	static const struct {
		const char *sensor, *name;
		unsigned int number;
	} wrong[] = {
		{ "a b", "y", 7 }, { "a", "y\nz", 7 }, { "a", "../y", 7 }, { "a", "/y", 7 },
		{ "a", "y//z", 7 }, { "a", "x/..", 7 },
		{ "a", "y", 1 },		/* which is taken */
	};
	struct journal *journal = journal_open(folder_file);
	struct stat before, after;

	(void)state;
	commit(journal, 1);
	assert_int_equal(stat(folder_journal, &before), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct ledger_file *one = declaration(1);

		one->number = wrong[i].number;
		strcpy(one->sensor, wrong[i].sensor);
		strcpy(one->name, wrong[i].name);
		journal_gone(journal, 1, 44);	/* with it, nor this */
		journal_declare(journal, one);
		assert_false(journal_commit(journal));
		assert_int_equal(errno, EBADMSG);
		free(one);
		check(journal, 1);
	}
	journal_gone(journal, 5, 1);	/* which there is not */
	assert_false(journal_commit(journal));
	assert_int_equal(stat(folder_journal, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	for (unsigned int n = 2; n <= STATES; n++)
		commit(journal, n);
	journal_close(journal);
	journal = journal_open(folder_file);
	check(journal, STATES);
	journal_close(journal);
}

static void refuses_a_first_line_that_it_could_not_read(void **state)
{
	struct journal *journal = journal_open(folder_file);

	(void)state;
	journal_gone(journal, 1, 1);
	assert_false(journal_commit(journal));
	assert_int_equal(access(folder_journal, F_OK), -1);
	commit(journal, 1);
	check(journal, 1);
	journal_close(journal);
}

/* Two files of one number: nothing counts from the second on. */
static void tells_files_apart_by_number(void **state)
{
	char text[4096], *line;
	size_t ends[STATES + 1], size;
	struct journal *journal;

	(void)state;
	size = fill(text, sizeof(text), ends);
	line = memchr(text, '\n', size);	/* the first "file" begins behind it */
	memmove(text + ends[3] + (ends[1] - (line + 1 - text)), text + ends[3],
		size - ends[3]);
	memcpy(text + ends[3], line + 1, text + ends[1] - (line + 1));
	store(text, size + (ends[1] - (line + 1 - text)));
	journal = journal_open(folder_file);
	check(journal, 3);
	journal_close(journal);
	assert_int_equal(load(text, sizeof(text)), ends[3]);
}

static void is_written_anew_when_it_grows(void **state)
{
	struct journal *journal = journal_open(folder_file);
	struct ledger_ring now = { .known = true }, before = { 0 };
	struct stat st;

	(void)state;
	commit(journal, 1);
	for (unsigned int i = 1; i <= 40000; i++) {
		now.offset = i;
		journal_sync(journal, 1, 24 + i, &now, &before, 1);
		if (i % 1000 == 0)
			assert_true(journal_commit(journal));
	}
	assert_int_equal(stat(folder_journal, &st), 0);
	assert_in_range(st.st_size, 100, 1300000);
	journal_close(journal);
	journal = journal_open(folder_file);
	assert_int_equal(find(journal, 1)->length, 40024);
	assert_int_equal(find(journal, 1)->rings[0].offset, 40000);
	journal_close(journal);
}

static unsigned int count_closed(const struct journal *journal)
{
	unsigned int count = 0;

	for (const struct ledger_closed *closed = journal_closed(journal); closed;
	     closed = closed->next)
		count++;
	return count;
}

/* A file is complete, another one follows. */
static void turn(struct journal *journal, unsigned int number, struct ledger_ring *now)
{
	const struct ledger_ring before = *now;
	char name[64];

	snprintf(name, sizeof(name), "sensor/eth0-%08u.pcap", number);
	journal_next(journal, 1, name);
	now->offset += 1000;
	now->packets += 10;
	journal_sync(journal, 1, 1024, now, &before, 1);
}

static void tells_files_that_follow_each_other(void **state)
{
	struct journal *journal = journal_open(folder_file);
	struct ledger_ring now = { .known = true };

	(void)state;
	commit(journal, 1);
	for (unsigned int i = 0; i < 3; i++) {
		turn(journal, i, &now);
		assert_true(journal_commit(journal));
	}
	journal_next(journal, 1, "");
	assert_true(journal_commit(journal));
	for (int again = 0; again < 2; again++) {
		assert_string_equal(find(journal, 1)->name, "");
		assert_int_equal(find(journal, 1)->length, 0);
		assert_int_equal(find(journal, 1)->rings[0].offset, 3000);
		assert_int_equal(find(journal, 1)->rings[0].packets, 30);
		assert_int_equal(count_closed(journal), 3);
		assert_string_equal(journal_closed(journal)->name, "sensor/eth0-00000000.pcap");
		assert_int_equal(journal_closed(journal)->length, 1024);
		journal_close(journal);
		journal = journal_open(folder_file);
	}
	journal_done(journal, "sensor/eth0-00000001.pcap");
	journal_done(journal, "sensor/eth0-00000000.pcap");
	assert_true(journal_commit(journal));
	assert_int_equal(count_closed(journal), 1);
	assert_string_equal(journal_closed(journal)->name, "sensor/eth0-00000002.pcap");
	journal_done(journal, "sensor/eth0-00000001.pcap");	/* which is not there any more */
	assert_false(journal_commit(journal));
	assert_int_equal(errno, EBADMSG);
	journal_close(journal);
}

static void a_file_without_a_packet_never_was(void **state)
{
	struct journal *journal = journal_open(folder_file);
	struct ledger_ring now = { .known = true }, before = { 0 };

	(void)state;
	commit(journal, 1);
	journal_next(journal, 1, "a.pcap");
	journal_sync(journal, 1, 24, &now, &before, 1);
	journal_next(journal, 1, "");
	assert_true(journal_commit(journal));
	assert_int_equal(count_closed(journal), 0);
	journal_close(journal);
}

static void stays_small_over_many_files(void **state)
{
	struct journal *journal = journal_open(folder_file);
	struct ledger_ring now = { .known = true };
	char name[64];
	struct stat st;

	(void)state;
	commit(journal, 1);
	for (unsigned int i = 0; i < 50000; i++) {
		turn(journal, i, &now);
		if (i >= 5) {
			snprintf(name, sizeof(name), "sensor/eth0-%08u.pcap", i - 5);
			journal_done(journal, name);
		}
		if (i % 100 == 99)
			assert_true(journal_commit(journal));
	}
	assert_int_equal(stat(folder_journal, &st), 0);
	assert_in_range(st.st_size, 100, 1300000);
	journal_close(journal);
	journal = journal_open(folder_file);
	assert_int_equal(find(journal, 1)->rings[0].packets, 500000);
	assert_string_equal(find(journal, 1)->name, "sensor/eth0-00049999.pcap");
	assert_int_equal(count_closed(journal), 4);	/* and one that is written */
	journal_close(journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(comes_back_as_it_was, folder_empty),
		cmocka_unit_test_setup(is_a_prefix_when_cut_at_every_byte, folder_empty),
		cmocka_unit_test_setup(ignores_all_from_a_damaged_byte_on, folder_empty),
		cmocka_unit_test_setup(goes_on_after_a_cut, folder_empty),
		cmocka_unit_test_setup(a_failed_commit_leaves_nothing, folder_empty),
		cmocka_unit_test_setup(refuses_what_it_could_not_read, folder_empty),
		cmocka_unit_test_setup(refuses_a_first_line_that_it_could_not_read, folder_empty),
		cmocka_unit_test_setup(tells_files_apart_by_number, folder_empty),
		cmocka_unit_test_setup(is_written_anew_when_it_grows, folder_empty),
		cmocka_unit_test_setup(tells_files_that_follow_each_other, folder_empty),
		cmocka_unit_test_setup(a_file_without_a_packet_never_was, folder_empty),
		cmocka_unit_test_setup(stays_small_over_many_files, folder_empty),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector journal", tests, folder_make,
					   folder_remove);
}
