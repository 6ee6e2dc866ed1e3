// SPDX-License-Identifier: MIT
#include "unit.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metadata.h"
#include "common/service.h"
#include "common/size.h"

static void test_sizes_take_powers_of_1024(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 }, { "65536", 65536 }, { "64k", 65536 },
		{ "64K", 65536 }, { "32M", 32 << 20 }, { "32m", 32 << 20 },
		{ "1G", 1 << 30 }, { "18446744073709551615", UINT64_MAX },
		{ "17179869183G", 17179869183ULL << 30 },
	};
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(size_parse(good[i].text, &bytes));
		assert_int_equal(bytes, good[i].bytes);
	}
}

static void test_sizes_refuse_everything_else(void **state)
{
	static const char *const bad[] = {
		"", "k", "-1", "+1", " 1", "1 ", "1kB", "1T", "0x10", "1.5k",
		"18446744073709551616", "17179869184G", "99999999999999999999",
	};
	uint64_t bytes = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(size_parse(bad[i], &bytes));
	assert_int_equal(bytes, 7);
}

static void test_numbers_stay_in_their_range(void **state)
{
	uint64_t number = 7;

	(void)state;
	assert_true(number_parse("1", 1, 9, &number));
	assert_int_equal(number, 1);
	assert_true(number_parse("9", 1, 9, &number));
	assert_int_equal(number, 9);
	assert_false(number_parse("0", 1, 9, &number));
	assert_false(number_parse("10", 1, 9, &number));
	assert_false(number_parse("1k", 1, 9999, &number));
	assert_false(number_parse("", 0, 9, &number));
	assert_int_equal(number, 9);
}

static bool set(struct metadata *metadata, const char *key, const char *value)
{
	return metadata_set(metadata, key, strlen(key), value, strlen(value));
}

static void test_metadata_comes_back_as_it_was(void **state)
{
	char text[METADATA_TEXT_MAX], value[3 * METADATA_TEXT_MAX];
	struct metadata metadata;

	(void)state;
	for (int i = 0; i < METADATA_TEXT_MAX - 1; i++)
		text[i] = i + 1;
	text[METADATA_TEXT_MAX - 1] = '\0';
	assert_true(metadata_encode(text, value, sizeof(value)));
	for (const char *p = value; *p; p++)
		assert_in_range(*p, 0x21, 0x7e);
	metadata_defaults(&metadata);
	assert_true(set(&metadata, METADATA_SENSOR, value));
	assert_string_equal(metadata.sensor, text);
	assert_string_equal(metadata.host, "");
}

static void test_metadata_encodes_what_it_has_to(void **state)
{
	char value[16];

	(void)state;
	assert_true(metadata_encode("a %\n\x7f", value, sizeof(value)));
	assert_string_equal(value, "a%20%25%0A%7F");
	assert_true(metadata_encode("", value, 1));
	assert_false(metadata_encode("", value, 0));
	assert_true(metadata_encode("%", value, 4));
	assert_false(metadata_encode("%", value, 3));
	assert_false(metadata_encode("ab", value, 2));
}

static void test_metadata_defaults_to_ethernet(void **state)
{
	struct metadata metadata;

	(void)state;
	metadata_defaults(&metadata);
	assert_int_equal(metadata.linktype, 1);
	assert_int_equal(metadata.snaplen, 262144);
	assert_int_equal(metadata.tsresol, 6);
	assert_string_equal(metadata.interface, "");
}

static void test_metadata_refuses_and_keeps_what_it_had(void **state)
{
	static const char *const bad[][2] = {
		{ METADATA_HOST, "%" }, { METADATA_HOST, "%4" },
		{ METADATA_HOST, "%4g" }, { METADATA_HOST, "%00" },
		{ METADATA_HOST, "a b" }, { METADATA_HOST, "\xff" },
		{ METADATA_LINKTYPE, "65536" }, { METADATA_LINKTYPE, "" },
		{ METADATA_LINKTYPE, "-1" }, { METADATA_SNAPLEN, "0" },
		{ METADATA_SNAPLEN, "2147483648" },
		{ METADATA_TSRESOL, "7" }, { METADATA_TSRESOL, "3" },
		{ METADATA_TSRESOL, "00000000000000000000009" },
	};
	struct metadata metadata, before;

	(void)state;
	metadata_defaults(&metadata);
	before = metadata;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(set(&metadata, bad[i][0], bad[i][1]));
	assert_false(metadata_set(&metadata, METADATA_SNAPLEN,
				  strlen(METADATA_SNAPLEN), "9\0" "9", 3));
	assert_memory_equal(&metadata, &before, sizeof(before));
}

static void test_metadata_refuses_a_text_that_is_too_long(void **state)
{
	char text[METADATA_TEXT_MAX + 1];
	struct metadata metadata;

	(void)state;
	memset(text, 'x', sizeof(text));
	metadata_defaults(&metadata);
	assert_true(metadata_set(&metadata, METADATA_HOST, strlen(METADATA_HOST),
				 text, METADATA_TEXT_MAX - 1));
	assert_int_equal(strlen(metadata.host), METADATA_TEXT_MAX - 1);
	assert_false(metadata_set(&metadata, METADATA_HOST, strlen(METADATA_HOST),
				  text, METADATA_TEXT_MAX));
}

static void test_metadata_ignores_other_keys(void **state)
{
	struct metadata metadata, before;

	(void)state;
	metadata_defaults(&metadata);
	before = metadata;
	assert_true(set(&metadata, "user-agent", "%%%"));
	assert_true(set(&metadata, "pcapring-hos", "x"));
	assert_true(set(&metadata, "pcapring-host2", "x"));
	assert_memory_equal(&metadata, &before, sizeof(before));
}

static void test_metadata_numbers(void **state)
{
	struct metadata metadata;

	(void)state;
	metadata_defaults(&metadata);
	assert_true(set(&metadata, METADATA_LINKTYPE, "101"));
	assert_true(set(&metadata, METADATA_SNAPLEN, "2147483647"));
	assert_true(set(&metadata, METADATA_TSRESOL, "9"));
	assert_int_equal(metadata.linktype, 101);
	assert_int_equal(metadata.snaplen, 2147483647);
	assert_int_equal(metadata.tsresol, 9);
}

/* What the calls of @say write to standard error. */
static void capture_log(char *out, size_t size, void (*say)(void))
{
	int saved = dup(STDERR_FILENO), ends[2];
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	say();
	dup2(saved, STDERR_FILENO);
	close(ends[1]);
	close(saved);
	n = read(ends[0], out, size - 1);
	assert_true(n >= 0);
	out[n] = '\0';
	close(ends[0]);
}

static void say_all(void)
{
	unsetenv("JOURNAL_STREAM");
	log_open("name", 0);
	log_error("e %d", 1);
	log_warning("w");
	log_info("i");
	log_debug("d");
	log_open("name", 1);
	log_debug("d");
}

static void say_to_journal(void)
{
	char stream[64];
	struct stat st;

	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open("name", 1);
	log_error("e");
	log_warning("w");
	log_info("i");
	log_debug("d");
	unsetenv("JOURNAL_STREAM");
	log_open("name", 0);
}

static void say_too_much(void)
{
	char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_open("name", 0);
	log_info("%s", text);
	log_info("after");
}

static void test_log_names_the_program(void **state)
{
	char out[256];

	(void)state;
	capture_log(out, sizeof(out), say_all);
	assert_string_equal(out, "name: e 1\nname: w\nname: i\nname: d\n");
}

static void test_log_gives_priorities_to_the_journal(void **state)
{
	char out[256];

	(void)state;
	capture_log(out, sizeof(out), say_to_journal);
	assert_string_equal(out, "<3>e\n<4>w\n<6>i\n<7>d\n");
}

static void test_log_cuts_what_is_too_long(void **state)
{
	char out[8192];

	(void)state;
	capture_log(out, sizeof(out), say_too_much);
	assert_int_equal(strlen(strchr(out, '\n') + 1), strlen("name: after\n"));
}

static void test_signals_arrive_in_the_signalfd(void **state)
{
	struct pollfd signals = { .fd = service_signals(), .events = POLLIN };
	int ends[2];

	(void)state;
	assert_true(signals.fd >= 0);
	assert_int_equal(poll(&signals, 1, 0), 0);
	kill(getpid(), SIGTERM);
	assert_int_equal(poll(&signals, 1, 5000), 1);
	close(signals.fd);

	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(write(ends[1], "x", 1), -1);	/* and no SIGPIPE */
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_take_powers_of_1024),
		cmocka_unit_test(test_sizes_refuse_everything_else),
		cmocka_unit_test(test_numbers_stay_in_their_range),
		cmocka_unit_test(test_metadata_comes_back_as_it_was),
		cmocka_unit_test(test_metadata_encodes_what_it_has_to),
		cmocka_unit_test(test_metadata_defaults_to_ethernet),
		cmocka_unit_test(test_metadata_refuses_and_keeps_what_it_had),
		cmocka_unit_test(test_metadata_refuses_a_text_that_is_too_long),
		cmocka_unit_test(test_metadata_ignores_other_keys),
		cmocka_unit_test(test_metadata_numbers),
		cmocka_unit_test(test_log_names_the_program),
		cmocka_unit_test(test_log_gives_priorities_to_the_journal),
		cmocka_unit_test(test_log_cuts_what_is_too_long),
		cmocka_unit_test(test_signals_arrive_in_the_signalfd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
