// SPDX-License-Identifier: MIT
/* What people and Prometheus read: the text format, numbers with units, the line. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/live.h"
#include "common/metrics.h"
#include "common/quantity.h"

static const struct metrics_family family = { "some_total", "counter", "What there is." };

/* What was written, until the next time. */
static struct {
	char *text;
	size_t size;
	FILE *out;
} page;

static int begin(void **state)
{
	(void)state;
	free(page.text);
	page.text = NULL;
	page.out = open_memstream(&page.text, &page.size);
	return !page.out;
}

static const char *end(void)
{
	fclose(page.out);
	return page.text;
}

static void test_families_and_samples(void **state)
{
	const struct metrics_label labels[] = { { "ring", "0" }, { "state", "dropped" }, {} };

	(void)state;
	metrics_family(page.out, &family);
	metrics_count(page.out, &family, labels, UINT64_MAX);
	metrics_value(page.out, &family, NULL, -0.25);
	assert_string_equal(end(), "# HELP some_total What there is.\n"
			    "# TYPE some_total counter\n"
			    "some_total{ring=\"0\",state=\"dropped\"} 18446744073709551615\n"
			    "some_total -0.25\n");
}

static void test_labels_are_escaped(void **state)
{
	const struct metrics_label labels[] = { { "name", "a\"b\\c\nd} 1\n# x" }, {} };

	(void)state;
	metrics_count(page.out, &family, labels, 1);
	assert_string_equal(end(), "some_total{name=\"a\\\"b\\\\c\\nd} 1\\n# x\"} 1\n");
}

static void test_buckets_hold_what_is_below(void **state)
{
	const struct metrics_family delay = { "delay_seconds", "histogram", "" };
	const struct metrics_label labels[] = { { "sensor", "s" }, {} };
	struct metrics_histogram one = {}, all = {};
	const char *text;

	(void)state;
	metrics_observe(&one, -3);	/* a clock that is ahead */
	metrics_observe(&one, 0.001);
	metrics_observe(&one, 0.3);
	metrics_observe(&one, 100000);
	metrics_add(&all, &one);
	metrics_add(&all, &one);
	metrics_histogram(page.out, &delay, labels, &all);
	text = end();
	assert_non_null(strstr(text, "delay_seconds_bucket{sensor=\"s\",le=\"0.001\"} 4\n"));
	assert_non_null(strstr(text, "delay_seconds_bucket{sensor=\"s\",le=\"0.25\"} 4\n"));
	assert_non_null(strstr(text, "delay_seconds_bucket{sensor=\"s\",le=\"0.5\"} 6\n"));
	assert_non_null(strstr(text, "delay_seconds_bucket{sensor=\"s\",le=\"600\"} 6\n"));
	assert_non_null(strstr(text, "delay_seconds_bucket{sensor=\"s\",le=\"+Inf\"} 8\n"));
	assert_non_null(strstr(text, "delay_seconds_sum{sensor=\"s\"} 200000.602\n"));
	assert_non_null(strstr(text, "delay_seconds_count{sensor=\"s\"} 8\n"));
}

static void test_a_histogram_without_labels(void **state)
{
	const struct metrics_family delay = { "delay_seconds", "histogram", "" };
	const struct metrics_histogram none = {};

	(void)state;
	metrics_histogram(page.out, &delay, NULL, &none);
	end();
	assert_non_null(strstr(page.text, "delay_seconds_bucket{le=\"+Inf\"} 0\n"));
	assert_non_null(strstr(page.text, "delay_seconds_sum 0\ndelay_seconds_count 0\n"));
}

static void test_the_process_is_told(void **state)
{
	double resident = 0, start = 0;
	const char *text, *at;

	(void)state;
	metrics_program(page.out, "unit");
	text = end();
	assert_non_null(strstr(text, "\nunit_build_info{version=\""));
	at = strstr(text, "\nprocess_resident_memory_bytes ");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "\nprocess_resident_memory_bytes %lf", &resident), 1);
	assert_true(resident > 100000 && resident < 1e11);
	at = strstr(text, "\nprocess_start_time_seconds ");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "\nprocess_start_time_seconds %lf", &start), 1);
	assert_true(start > 1e9);
}

static void test_numbers_have_units(void **state)
{
	static const struct {
		double number;
		const char *text;
	} scaled[] = {
		{ 0, "0 B" }, { 0.2, "0.2 B" }, { 1, "1 B" }, { 42.4, "42 B" },
		{ 999.4, "999 B" }, { 999.6, "1.0 kB" }, { 12345, "12.3 kB" },
		{ 123456, "123 kB" }, { 12345678, "12.3 MB" }, { 1.5e18, "1.5 EB" },
		{ 5e21, "5000 EB" },
	}, times[] = {
		{ 0, "0 ms" }, { 0.0123, "12.3 ms" }, { -0.5, "-500 ms" }, { 1.25, "1.25 s" },
		{ 119, "119 s" }, { 600, "10 min" }, { 93784, "1 d 2 h" }, { -7300, "-2 h 1 min" },
	};
	char out[QUANTITY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(scaled) / sizeof(scaled[0]); i++)
		assert_string_equal(quantity_scaled(out, scaled[i].number, "B"), scaled[i].text);
	assert_string_equal(quantity_counted(out, 12345, "packets"), "12.3k packets");
	assert_string_equal(quantity_counted(out, 3, "packets"), "3 packets");
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_string_equal(quantity_time(out, times[i].number), times[i].text);
	assert_string_equal(quantity_date(out, 1795361466999999999), "2026-11-22T15:31:06Z");
}

static void test_the_line_tells_rates_and_loss(void **state)
{
	struct live_numbers before = { .packets = 1000, .bytes = 100000, .lost = 0 };
	struct live_numbers now = { .packets = 3000, .bytes = 350000, .lost = 1000 };
	char line[256];

	(void)state;
	live_write(line, sizeof(line), &before, &now, 2);
	assert_string_equal(line, "1k packets/s, 1 Mbit/s; 3k packets, 1k lost (25 %)");
	strcpy(now.note, "ring 3 % full");
	/* a relay that began anew */
	live_write(line, sizeof(line), &now, &before, 1);
	assert_string_equal(line, "0 packets/s, 0 bit/s; 1k packets, 0 lost (0 %)");
	live_write(line, 10, &before, &now, 1);
	assert_int_equal(strlen(line), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_families_and_samples, begin),
		cmocka_unit_test_setup(test_labels_are_escaped, begin),
		cmocka_unit_test_setup(test_buckets_hold_what_is_below, begin),
		cmocka_unit_test_setup(test_a_histogram_without_labels, begin),
		cmocka_unit_test_setup(test_the_process_is_told, begin),
		cmocka_unit_test(test_numbers_have_units),
		cmocka_unit_test(test_the_line_tells_rates_and_loss),
	};
	int failed;

	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(page.text);
	return failed;
}
