// SPDX-License-Identifier: MIT
/* Rows of pcapring top: rates, shares, order, numbers with their units. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/table.h"

#define WIDE	(TABLE_LINE_MAX - 1)

/* Two looks at captures, and what they come to. */
struct looks {
	struct capture_list before, now;
	struct table table;
};

static struct capture *add(struct capture_list *list, uint32_t id)
{
	struct capture *capture = capture_list_add(list);

	assert_non_null(capture);
	capture->id = id;
	capture->uuid[0] = id + 1;
	capture->ring_bytes = 4096;
	capture->ring_count = 1;
	strcpy(capture->ifname, "eth0");
	return capture;
}

/* In between, so many were captured, each of 100 bytes, and dropped. */
static struct capture *pass(struct looks *looks, uint32_t id, uint64_t captured,
			    uint64_t dropped)
{
	struct capture *capture = add(&looks->before, id);

	capture->stats[PCAPRING_STAT_CAPTURED] = 1000;
	capture->stats[PCAPRING_STAT_BYTES] = 5000;
	capture = add(&looks->now, id);
	capture->stats[PCAPRING_STAT_CAPTURED] = 1000 + captured;
	capture->stats[PCAPRING_STAT_BYTES] = 5000 + 100 * captured;
	capture->stats[PCAPRING_STAT_DROPPED] = dropped;
	return capture;
}

static void look(struct looks *looks, enum table_order order, int width)
{
	table_free(&looks->table);
	assert_true(table_make(&looks->table, &looks->now, &looks->before, 2, order, width));
}

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct looks));
	return !*state;
}

static int tear_down(void **state)
{
	struct looks *looks = *state;

	table_free(&looks->table);
	capture_list_free(&looks->before);
	capture_list_free(&looks->now);
	free(looks);
	return 0;
}

static void assert_line(const struct looks *looks, size_t row, const char *text)
{
	char line[TABLE_LINE_MAX], squeezed[TABLE_LINE_MAX];
	char *to = squeezed;

	table_line(&looks->table, &looks->table.rows[row], line);
	for (const char *p = line; *p; p++)
		if (*p != ' ' || (to != squeezed && to[-1] != ' '))
			*to++ = *p;
	*to = '\0';
	assert_string_equal(squeezed, text);
}

static void test_rates_are_per_second(void **state)
{
	struct looks *looks = *state;

	pass(looks, 3, 30, 10);
	look(looks, TABLE_PACKETS, WIDE);
	assert_line(looks, 0, "pcapring3 eth0 15 pkt/s 12.00 kbit/s 1.030 kpkt 0 pkt 10 pkt 25.0 % 0.0 % no waiting");
}

static void test_a_new_one_has_no_rates(void **state)
{
	struct looks *looks = *state;

	add(&looks->now, 0)->ifindex = 1;
	look(looks, TABLE_PACKETS, WIDE);
	assert_line(looks, 0, "pcapring0 eth0 - - 0 pkt 0 pkt 0 pkt - 0.0 % no capturing");
}

static void test_the_fullest_ring_counts(void **state)
{
	struct looks *looks = *state;
	struct capture *capture = add(&looks->now, 0);

	capture->ring_count = 3;
	capture->rings[0].head = 1024;
	capture->rings[1].head = 9192;
	capture->rings[1].tail = 6120;
	capture->rings[2].head = 6120;
	capture->rings[2].tail = 6120;
	look(looks, TABLE_PACKETS, WIDE);
	assert_line(looks, 0, "pcapring0 eth0 - - 0 pkt 0 pkt 0 pkt - 75.0 % no waiting");
	capture->rings[2].tail = 6121;
	look(looks, TABLE_PACKETS, WIDE);
	assert_line(looks, 0, "pcapring0 eth0 - - 0 pkt 0 pkt 0 pkt - ? no waiting");
}

static void test_state_and_reader(void **state)
{
	struct looks *looks = *state;
	struct capture *capture = add(&looks->now, 0);

	strcpy(capture->ifname, "any");
	capture->reader = true;
	look(looks, TABLE_PACKETS, WIDE);
	assert_line(looks, 0, "pcapring0 any - - 0 pkt 0 pkt 0 pkt - 0.0 % yes capturing");
	capture->frozen = true;
	look(looks, TABLE_PACKETS, WIDE);
	assert_line(looks, 0, "pcapring0 any - - 0 pkt 0 pkt 0 pkt - 0.0 % yes frozen");
}

static void assert_order(const struct looks *looks, uint32_t first, uint32_t second,
			 uint32_t third)
{
	assert_int_equal(looks->table.rows[0].capture->id, first);
	assert_int_equal(looks->table.rows[1].capture->id, second);
	assert_int_equal(looks->table.rows[2].capture->id, third);
}

static void test_the_largest_is_first(void **state)
{
	struct looks *looks = *state;

	pass(looks, 0, 10, 0);
	pass(looks, 1, 30, 5)->stats[PCAPRING_STAT_BYTES] = 5000;
	pass(looks, 2, 20, 5);
	look(looks, TABLE_PACKETS, WIDE);
	assert_order(looks, 1, 2, 0);
	look(looks, TABLE_BITS, WIDE);
	assert_order(looks, 2, 0, 1);
	look(looks, TABLE_DROPS, WIDE);
	assert_order(looks, 1, 2, 0);
}

static void test_numbers_have_four_digits_and_a_unit(void **state)
{
	static const struct {
		uint64_t number;
		const char *text;
	} cases[] = {
		{ 0, "0 pkt" }, { 7, "7 pkt" }, { 999, "999 pkt" }, { 1000, "1.000 kpkt" },
		{ 9999, "9.999 kpkt" }, { 10000, "10.00 kpkt" }, { 99994, "99.99 kpkt" },
		{ 99996, "100.0 kpkt" }, { 999949, "999.9 kpkt" }, { 999951, "1.000 Mpkt" },
		{ 1234567890, "1.235 Gpkt" }, { UINT64_MAX, "18.45 Epkt" },
	};
	struct looks *looks = *state;
	struct capture *capture = add(&looks->now, 0);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char line[TABLE_LINE_MAX];

		capture->stats[PCAPRING_STAT_CAPTURED] = cases[i].number;
		look(looks, TABLE_PACKETS, WIDE);
		snprintf(line, sizeof(line), "pcapring0 eth0 - - %s 0 pkt 0 pkt - 0.0 %% no waiting",
			 cases[i].text);
		assert_line(looks, 0, line);
	}
}

/* The titles stand above their columns, and no line is wider than it may be. */
static void test_what_does_not_fit_is_left_out(void **state)
{
	struct looks *looks = *state;
	char titles[TABLE_LINE_MAX], line[TABLE_LINE_MAX];

	pass(looks, 0, 10, 0);
	for (int width = 79; width < 140; width++) {
		look(looks, TABLE_PACKETS, width);
		table_titles(&looks->table, titles);
		table_line(&looks->table, &looks->table.rows[0], line);
		assert_int_equal(strlen(titles), strlen(line));
		assert_true(strlen(titles) <= (size_t)width);
		assert_non_null(strstr(titles, "DROPPED"));
		assert_true(!strstr(titles, "CAPTURED") <= (width < 90));
		assert_true(!strstr(titles, "STATE") <= (width < 111));
	}
}

static void test_a_name_is_no_sequence(void **state)
{
	struct looks *looks = *state;

	strcpy(add(&looks->now, 0)->ifname, "a\033[2J\n\377");
	look(looks, TABLE_PACKETS, WIDE);
	assert_line(looks, 0, "pcapring0 a?[2J?? - - 0 pkt 0 pkt 0 pkt - 0.0 % no waiting");
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rates_are_per_second),
		TEST(test_a_new_one_has_no_rates),
		TEST(test_the_fullest_ring_counts),
		TEST(test_state_and_reader),
		TEST(test_the_largest_is_first),
		TEST(test_numbers_have_four_digits_and_a_unit),
		TEST(test_what_does_not_fit_is_left_out),
		TEST(test_a_name_is_no_sequence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
