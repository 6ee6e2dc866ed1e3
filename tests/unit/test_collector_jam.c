// SPDX-License-Identifier: MIT
#include "unit.h"

#include "busy.h"
#include "collector/server/jam.h"

#define SECOND	UINT64_C(1000000000)

static void test_nobody_is_looked_at_to_begin_with(void **state)
{
	struct jam jam = {};

	(void)state;
	assert_int_equal(jam_look(&jam, SECOND), JAM_NONE);
	jam_open(&jam, NULL);
	busy_for(1);
	assert_int_equal(jam_look(&jam, SECOND), JAM_NONE);
}

static void test_one_long_turn_is_a_jam_and_many_short_ones_are_none(void **state)
{
	uint64_t turns = 0;
	struct jam jam;

	(void)state;
	jam_open(&jam, &turns);
	for (; turns < 10; turns++) {
		assert_int_equal(jam_look(&jam, SECOND), JAM_BEGINS);
		assert_int_equal(jam_look(&jam, SECOND), JAM_NONE);
		busy_for(60);
		assert_int_equal(jam_look(&jam, SECOND), JAM_GOES_ON);
	}
	assert_int_equal(jam_look(&jam, SECOND), JAM_BEGINS);
	busy_for(500);
	assert_int_equal(jam_look(&jam, 2 * SECOND), JAM_HALF);
	assert_int_equal(jam_look(&jam, 2 * SECOND), JAM_LASTS);
	assert_int_equal(jam_look(&jam, 3 * SECOND), JAM_GOES_ON);
	busy_for(200);
	assert_int_equal(jam_look(&jam, 4 * SECOND), JAM_LASTS);
	turns++;
	assert_int_equal(jam_look(&jam, 99 * SECOND), JAM_BEGINS);
}

/* A thread that sleeps in core for hours answers a ping now and then. */
static void test_little_work_over_a_long_time_is_none(void **state)
{
	uint64_t turns = 0, now = SECOND;
	struct jam jam;

	(void)state;
	jam_open(&jam, &turns);
	for (unsigned int i = 0; i < 10; i++, now += 11 * SECOND) {
		assert_int_equal(jam_look(&jam, now), JAM_BEGINS);
		busy_for(60);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_is_looked_at_to_begin_with),
		cmocka_unit_test(test_one_long_turn_is_a_jam_and_many_short_ones_are_none),
		cmocka_unit_test(test_little_work_over_a_long_time_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
