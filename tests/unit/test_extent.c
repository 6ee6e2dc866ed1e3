// SPDX-License-Identifier: MIT
#include "unit.h"

#include <string.h>

#include "channel/backoff.h"
#include "channel/extent.h"
#include "flight.h"

#define RING_BYTES	(1 << 20)
#define EXTENT		(RING_BYTES / 8)

static void test_the_tail_waits_for_the_oldest_extent(void **state)
{
	struct extents extents;
	struct extent *first, *second, *third;

	(void)state;
	extents_init(&extents, RING_BYTES);
	assert_int_equal(extents_tail(&extents, 500), 500);
	first = extents_begin(&extents, 1000, 1500);
	second = extents_begin(&extents, 5000, 1500);
	third = extents_begin(&extents, 9000, 1500);
	assert_int_equal(extents_tail(&extents, 12000), 1000);
	extent_let_go(second);
	assert_int_equal(extents_tail(&extents, 12000), 1000);
	extent_let_go(first);
	assert_int_equal(extents_tail(&extents, 12000), 9000);
	extent_let_go(third);
	assert_int_equal(extents_tail(&extents, 12000), 12000);
}

static void test_what_does_not_fit_is_copied(void **state)
{
	struct extents extents;

	(void)state;
	extents_init(&extents, RING_BYTES);
	assert_null(extents_begin(&extents, 0, EXTENT + 1));
	assert_non_null(extents_begin(&extents, 0, EXTENT));
	extents_init(&extents, 1 << 30);
	assert_null(extents_begin(&extents, 0, EXTENT_BYTES_MAX + 1));
	assert_non_null(extents_begin(&extents, 0, EXTENT_BYTES_MAX));
}

static void test_a_pinned_ring_is_copied_from(void **state)
{
	struct extents extents;
	struct extent *extent;

	(void)state;
	extents_init(&extents, RING_BYTES);
	extent = extents_begin(&extents, 0, 1500);
	assert_non_null(extents_begin(&extents, RING_BYTES / 4 * 3, 1500));
	assert_null(extents_begin(&extents, RING_BYTES / 4 * 3 + 1, 1500));
	extent_let_go(extent);
	assert_non_null(extents_begin(&extents, RING_BYTES / 4 * 3 + 1, 1500));
}

static void test_a_full_fifo_is_copied_past(void **state)
{
	struct extent *held[EXTENTS_MAX];
	struct extents extents;

	(void)state;
	extents_init(&extents, RING_BYTES);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < EXTENTS_MAX; i++) {
			held[i] = extents_begin(&extents, i, 1024);
			assert_non_null(held[i]);
		}
		assert_null(extents_begin(&extents, EXTENTS_MAX, 1024));
		extent_let_go(held[0]);
		held[0] = extents_begin(&extents, EXTENTS_MAX, 1024);
		assert_non_null(held[0]);
		assert_null(extents_begin(&extents, EXTENTS_MAX + 1, 1024));
		for (int i = 0; i < EXTENTS_MAX; i++)
			extent_let_go(held[i]);
	}
	assert_int_equal(extents_tail(&extents, 77), 77);
}

/* Two calls that send the same bytes: the older one lets go last. */
static void test_extents_of_several_calls_overlap(void **state)
{
	struct extent *old[2], *young[3];
	struct extents extents;

	(void)state;
	extents_init(&extents, RING_BYTES);
	old[0] = extents_hold(&extents, 1000, 2000);
	old[1] = extents_hold(&extents, 2000, 3000);
	young[0] = extents_hold(&extents, 500, 1500);
	young[1] = extents_hold(&extents, 1500, 4000);
	assert_int_equal(extents_tail(&extents, 9000), 500);
	extent_let_go(young[0]);
	assert_int_equal(extents_tail(&extents, 9000), 1000);
	extent_let_go(young[1]);
	young[2] = extents_hold(&extents, 4000, 9000);
	assert_int_equal(extents_tail(&extents, 9000), 1000);
	assert_int_equal(extents_tail(&extents, 800), 800);
	extent_let_go(old[0]);
	assert_int_equal(extents_tail(&extents, 9000), 2000);
	extent_let_go(old[1]);
	assert_int_equal(extents_tail(&extents, 9000), 4000);
	extent_let_go(young[2]);
	assert_int_equal(extents_tail(&extents, 9000), 9000);
}

static void test_no_more_extents_than_slots(void **state)
{
	struct extent *held[EXTENTS_MAX];
	struct extents extents;

	(void)state;
	extents_init(&extents, RING_BYTES);
	for (int i = 0; i < EXTENTS_MAX; i++) {
		assert_false(extents_full(&extents));
		held[i] = extents_hold(&extents, i, i + 1);
		assert_non_null(held[i]);
	}
	assert_true(extents_full(&extents));
	assert_null(extents_hold(&extents, 0, 1));
	extent_let_go(held[7]);
	assert_ptr_equal(extents_hold(&extents, 0, 1), held[7]);
	assert_null(extents_hold(&extents, 0, 1));
}

static void test_everything_of_a_short_call_is_in_flight(void **state)
{
	struct flight flight;

	(void)state;
	flight_init(&flight);
	assert_int_equal(flight_packets(&flight), 0);
	for (int i = 0; i < 1000; i++)
		flight_add(&flight, 1500);
	assert_int_equal(flight_packets(&flight), 1000);
}

/* Never fewer than the packets of the last FLIGHT_BYTES, hardly more. */
static void bound(uint32_t bytes, uint64_t packets)
{
	uint64_t exact = (FLIGHT_BYTES + bytes - 1) / bytes;
	struct flight flight;

	flight_init(&flight);
	for (uint64_t i = 1; i <= packets; i++) {
		flight_add(&flight, bytes);
		assert_true(flight_packets(&flight) >= (i < exact ? i : exact));
		assert_true(flight_packets(&flight) <=
			    exact + FLIGHT_MARK_BYTES / bytes + 1);
	}
}

static void test_of_a_long_call_the_end_is_in_flight(void **state)
{
	(void)state;
	bound(100, 500000);
	bound(1500, 50000);
	bound(65536, 2000);
	bound(262144 + 40, 1000);
}

static void test_pauses_grow_to_their_limit(void **state)
{
	struct backoff backoff = {};
	double base = BACKOFF_FIRST_MS;

	(void)state;
	for (int i = 0; i < 40; i++) {
		uint32_t pause = backoff_next(&backoff);

		assert_in_range(pause, base * 0.8 - 8, base * 1.2 + 8);
		base = base * 1.6 < BACKOFF_MAX_MS ? base * 1.6 : BACKOFF_MAX_MS;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_tail_waits_for_the_oldest_extent),
		cmocka_unit_test(test_what_does_not_fit_is_copied),
		cmocka_unit_test(test_a_pinned_ring_is_copied_from),
		cmocka_unit_test(test_a_full_fifo_is_copied_past),
		cmocka_unit_test(test_extents_of_several_calls_overlap),
		cmocka_unit_test(test_no_more_extents_than_slots),
		cmocka_unit_test(test_everything_of_a_short_call_is_in_flight),
		cmocka_unit_test(test_of_a_long_call_the_end_is_in_flight),
		cmocka_unit_test(test_pauses_grow_to_their_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
