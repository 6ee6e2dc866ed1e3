// SPDX-License-Identifier: MIT
/* restore: what a start makes of a directory, and of the journal's word for it. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/files/folder.h"
#include "collector/files/journal.h"
#include "collector/files/restore.h"

static char path[] = "/tmp/pcapring-unit-XXXXXX";
static char write_path[64];
static struct journal *journal;
static struct ledger_file *files[2];	/* epochs 1 and 2 */

static void put(const char *name, size_t size)
{
	char where[128];
	int fd;

	snprintf(where, sizeof(where), "%s/%s", path, name);
	fd = open(where, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

/* Bytes of a file; -1: it is not there. */
static off_t size_of(const char *name)
{
	char where[128];
	struct stat st;

	snprintf(where, sizeof(where), "%s/%s", path, name);
	return stat(where, &st) ? -1 : st.st_size;
}

/* What comes of an epoch goes to @name, of @length bytes; "": to none. */
static void next(unsigned int number, const char *name, uint64_t length)
{
	static const struct ledger_ring none;
	const struct ledger_ring ring = { .known = true, .offset = length };

	journal_next(journal, number, name);
	if (*name)
		journal_sync(journal, number, length, &ring, &none, 1);
}

/* The program ends here, and another one starts. */
static void restart(void)
{
	struct folder *folder;

	assert_true(journal_commit(journal));
	journal_close(journal);
	journal = journal_open(write_path);
	folder = folder_open(path);
	assert_non_null(journal);
	assert_non_null(folder);
	assert_true(restore_files(journal, folder));
	folder_close(folder);
}

/* What something has to be done with, as the journal says it: "x.pcap 34, ". */
static const char *closed(void)
{
	static char text[256];
	size_t used = 0;

	*text = '\0';
	for (const struct ledger_closed *one = journal_closed(journal); one; one = one->next)
		used += snprintf(text + used, sizeof(text) - used, "%s %ju, ", one->name,
				 (uintmax_t)one->length);
	return text;
}

static void what_was_written_becomes_complete(void **state)
{
	(void)state;
	next(1, "x.pcap", 34);
	next(2, "y.pcap", 24);
	put("x.pcap.part", 50);
	put("y.pcap.part", 50);
	put(".z.pcap.new", 50);
	restart();
	assert_int_equal(size_of("x.pcap"), 34);
	assert_int_equal(size_of("y.pcap.part"), -1);
	assert_int_equal(size_of("y.pcap"), -1);
	assert_int_equal(size_of(".z.pcap.new"), -1);
	assert_string_equal(closed(), "x.pcap 34, ");
}

static void a_name_that_is_given_again_is_the_new_file_s(void **state)
{
	(void)state;
	/* the command moves x.pcap away; another epoch gets the name; then a kill */
	next(1, "x.pcap", 34);
	next(1, "", 0);
	next(2, "x.pcap", 64);
	put("x.pcap.part", 70);
	restart();
	assert_int_equal(size_of("x.pcap"), 64);
	assert_string_equal(closed(), "x.pcap 64, ");
}

static void nor_is_one_that_is_complete_cut_to_another_s_length(void **state)
{
	(void)state;
	next(1, "x.pcap", 34);
	next(1, "", 0);
	next(2, "x.pcap", 64);
	next(2, "", 0);
	put("x.pcap.part", 64);
	restart();
	assert_int_equal(size_of("x.pcap"), 64);
	assert_string_equal(closed(), "x.pcap 64, ");
}

static void the_oldest_of_a_name_is_done_first(void **state)
{
	(void)state;
	next(1, "x.pcap", 34);
	next(1, "", 0);
	assert_true(journal_commit(journal));
	/* in one round: it is done, and another one of that name complete */
	next(2, "x.pcap", 64);
	next(2, "", 0);
	journal_done(journal, "x.pcap");
	assert_true(journal_commit(journal));
	assert_string_equal(closed(), "x.pcap 64, ");
	put("x.pcap", 64);
	restart();
	assert_int_equal(size_of("x.pcap"), 64);
	assert_string_equal(closed(), "x.pcap 64, ");
}

static void two_of_a_name_are_done_in_one_round(void **state)
{
	(void)state;
	for (int i = 1; i <= 2; i++) {
		next(i, "x.pcap", 34);
		next(i, "", 0);
		assert_true(journal_commit(journal));
	}
	journal_done(journal, "x.pcap");
	journal_done(journal, "x.pcap");
	assert_true(journal_commit(journal));
	assert_string_equal(closed(), "");
	journal_done(journal, "x.pcap");	/* and no third one */
	assert_false(journal_commit(journal));
}

static void nothing_is_done_with_one_that_is_not_there(void **state)
{
	(void)state;
	next(1, "x.pcap", 34);
	restart();
	assert_true(journal_files(journal)->gone);
	assert_int_equal(journal_files(journal)->missing, 34);
	assert_string_equal(closed(), "");
}

/* The numbers of those that the journal knows: "2 4 ". */
static const char *known(void)
{
	static char text[64];
	size_t used = 0;

	*text = '\0';
	for (const struct ledger_file *one = journal_files(journal); one; one = one->next)
		used += snprintf(text + used, sizeof(text) - used, "%u ", one->number);
	return text;
}

static void what_nobody_came_back_to_for_long_is_forgotten(void **state)
{
	struct ledger_file *one = ledger_new_file(1);

	(void)state;
	one->ring = LEDGER_ALL;
	strcpy(one->sensor, "s");
	for (one->number = 3; one->number <= 5; one->number++)
		journal_declare(journal, one);
	next(1, "x.pcap", 34);		/* is the newest now */
	next(1, "", 0);
	assert_true(journal_commit(journal));
	assert_true(journal_trim(journal, 5));
	assert_string_equal(known(), "1 2 3 4 5 ");
	assert_true(journal_trim(journal, 3));
	assert_string_equal(known(), "1 4 5 ");
	put("x.pcap", 34);
	next(4, "y.pcap", 24);
	restart();
	assert_string_equal(known(), "1 4 5 ");
	assert_string_equal(closed(), "x.pcap 34, ");
	/* and others can come */
	one->number = 6;
	journal_declare(journal, one);
	assert_true(journal_commit(journal));
	assert_string_equal(known(), "1 4 5 6 ");
	ledger_free_file(one);
}

static int begin(void **state)
{
	(void)state;
	if (!mkdtemp(path))
		return -1;
	snprintf(write_path, sizeof(write_path), "%s/" JOURNAL_DIRECTORY, path);
	return 0;
}

/* A journal with two epochs, of which nothing is there. */
static int set_up(void **state)
{
	(void)state;
	journal = journal_open(write_path);
	if (!journal)
		return -1;
	for (int i = 0; i < 2; i++) {
		files[i] = ledger_new_file(1);
		files[i]->number = i + 1;
		files[i]->ring = LEDGER_ALL;
		strcpy(files[i]->sensor, "s");
		journal_declare(journal, files[i]);
	}
	return journal_commit(journal) ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const names[] = {
		"x.pcap", "x.pcap.part", "y.pcap", "y.pcap.part", ".z.pcap.new",
		".pcapring.journal",
	};
	char where[128];

	(void)state;
	journal_close(journal);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(where, sizeof(where), "%s/%s", path, names[i]);
		unlink(where);
	}
	for (int i = 0; i < 2; i++)
		ledger_free_file(files[i]);
	return 0;
}

static int end(void **state)
{
	(void)state;
	return rmdir(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_written_becomes_complete, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_name_that_is_given_again_is_the_new_file_s,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(nor_is_one_that_is_complete_cut_to_another_s_length,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_oldest_of_a_name_is_done_first, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(two_of_a_name_are_done_in_one_round, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_done_with_one_that_is_not_there,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_nobody_came_back_to_for_long_is_forgotten,
						set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector restore", tests, begin, end);
}
