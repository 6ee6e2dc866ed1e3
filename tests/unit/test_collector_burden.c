// SPDX-License-Identifier: MIT
#include "unit.h"

#include "collector/server/burden.h"

#define MIB		UINT64_C(1048576)
#define SECOND		UINT64_C(1000000000)

static void test_what_is_not_delivered_is_held(void **state)
{
	struct burden burden = {};

	(void)state;
	burden_look(&burden, 5 * MIB, 0);
	assert_int_equal(burden.held, 5 * MIB);
	burden_look(&burden, 7 * MIB, 0);
	assert_int_equal(burden.held, 7 * MIB);
	burden_look(&burden, 7 * MIB, 7 * MIB);
	assert_int_equal(burden.held, 0);
}

/* Frames and TLS do not add up, however long it goes on. */
static void test_what_comes_beside_messages_is_not_held(void **state)
{
	struct burden burden = {};

	(void)state;
	for (uint64_t n = 1; n <= 1000000; n++)
		burden_look(&burden, n * (MIB + MIB / 100), n * MIB);
	assert_int_equal(burden.held, 0);
}

/* Who has sent much before may hold no more for that. */
static void test_nothing_is_saved_up(void **state)
{
	struct burden burden = {};

	(void)state;
	burden_look(&burden, 1000 * MIB, 1000 * MIB);
	burden_look(&burden, 1010 * MIB, 1000 * MIB);
	assert_int_equal(burden.held, 10 * MIB);
}

static void test_looks_are_as_frequent_as_room_is_short(void **state)
{
	(void)state;
	assert_in_range(burden_rest(0, 512 * MIB), SECOND / 5, SECOND);
	assert_in_range(burden_rest(0, 16 * MIB), SECOND / 1000, SECOND / 100);
	assert_in_range(burden_rest(500 * MIB, 512 * MIB), SECOND / 1000, SECOND / 100);
	assert_in_range(burden_rest(600 * MIB, 512 * MIB), SECOND / 1000, SECOND / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_not_delivered_is_held),
		cmocka_unit_test(test_what_comes_beside_messages_is_not_held),
		cmocka_unit_test(test_nothing_is_saved_up),
		cmocka_unit_test(test_looks_are_as_frequent_as_room_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
