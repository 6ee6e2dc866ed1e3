// SPDX-License-Identifier: MIT
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define ROTATED	".1"

static char log_path[] = "/tmp/test_log.XXXXXX";

static int set_up(void **state)
{
	(void)state;
	close(mkstemp(log_path));
	assert_true(log_to(log_path));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	log_to(NULL);
	unlink(log_path);
	strcpy(log_path + strlen(log_path) - 6, "XXXXXX");
	return 0;
}

/* Lines of the file; the last one without the time and its end is in @last. */
static unsigned int lines_of(const char *path, char last[256])
{
	FILE *file = fopen(path, "r");
	unsigned int count = 0;
	char line[4096];

	*last = '\0';
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		count++;
		line[strcspn(line, "\n")] = '\0';
		snprintf(last, 256, "%s", strchr(line, ' ') + 1);
	}
	fclose(file);
	return count;
}

static void test_what_others_wrote_stays_in_its_line(void **state)
{
	char last[256];

	(void)state;
	log_info("sensor %s", "a\nforged: b\r\033[2J\177\tc \303\244");
	assert_int_equal(lines_of(log_path, last), 1);
	assert_string_equal(last, "pcapring: sensor a?forged: b??[2J??c \303\244");
}

/* In UTF-8, or where the terminal has one byte for each character. */
static void test_orders_to_terminals_are_none_in_any_encoding(void **state)
{
	char last[256];

	(void)state;
	log_info("%s", "\302\2332J \2332J \342\202\254 \342\202 \303 \365\200\200\200");
	lines_of(log_path, last);
	assert_string_equal(last, "pcapring: ??2J ?2J \342\202\254 ?? ? ????");
}

static void test_a_file_is_opened_anew(void **state)
{
	char other[sizeof(log_path) + sizeof(ROTATED)], last[256];

	(void)state;
	snprintf(other, sizeof(other), "%s" ROTATED, log_path);
	log_info("first");
	assert_int_equal(rename(log_path, other), 0);
	log_info("second");
	assert_true(log_to(log_path));
	log_info("third");
	assert_int_equal(lines_of(other, last), 2);
	assert_int_equal(lines_of(log_path, last), 1);
	assert_string_equal(last, "pcapring: third");
	unlink(other);
}

static void test_what_cannot_be_opened_changes_nothing(void **state)
{
	char last[256];

	(void)state;
	assert_false(log_to("/nowhere/log"));
	log_info("here");
	assert_int_equal(lines_of(log_path, last), 1);
}

static void test_there_is_an_end_to_what_is_logged(void **state)
{
	char last[256];
	unsigned int lines;

	(void)state;
	for (int i = 0; i < 2 * LOG_BURST; i++)
		log_warning("again and again");
	lines = lines_of(log_path, last);
	assert_true(lines <= LOG_BURST + 1);
	log_set_verbose(1);
	log_debug("this was asked for");
	assert_int_equal(lines_of(log_path, last), lines + 1);
	log_set_verbose(0);
	log_debug("this was not");
	assert_int_equal(lines_of(log_path, last), lines + 1);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_others_wrote_stays_in_its_line),
		TEST(test_orders_to_terminals_are_none_in_any_encoding),
		TEST(test_a_file_is_opened_anew),
		TEST(test_what_cannot_be_opened_changes_nothing),
		TEST(test_there_is_an_end_to_what_is_logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
