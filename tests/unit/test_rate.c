// SPDX-License-Identifier: MIT
/* How rates are read, and what a bucket gives; no test waits for the clock. */
#include "unit.h"

#include "common/size.h"
#include "rate.h"

#define HOUR	(3600 * CLOCK_SECOND)

static void test_rates_are_bytes_or_bits_that_say_so(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "1", 1 }, { "500", 500 }, { "10k", 10240 }, { "10M", 10 << 20 },
		{ "1024G", RATE_MAX }, { "8bit", 1 }, { "1bit", 1 }, { "64kbit", 8000 },
		{ "100Mbit", 12500000 }, { "10Gbit", 1250000000 },
	};
	static const char *const bad[] = {
		"", "0", "-1", "+1", " 1", "1 ", "1T", "1.5M", "1025G", "bit", "kbit", "0bit",
		"1kkbit", "1bits", "1Bit", "-1bit", " 1bit", "0x1bit", "1bitbit",
		"9000000Gbit", "99999999999999999999999999999999999999bit",
	};
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(rate_parse(good[i].text, &bytes));
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(rate_parse(bad[i], &bytes));
}

static void test_an_empty_bucket_waits_for_half_of_it(void **state)
{
	struct rate rate = { .bytes = 1000000, .since = clock_now() };
	const int64_t burst = 25000;

	(void)state;
	rate.credit = -500000;
	assert_false(rate_may(&rate));
	/* what is missing, and half a bucket, at a byte a microsecond */
	assert_in_range(rate_deadline(&rate) - rate.since,
			(-rate.credit + burst / 2) * 1000,
			(-rate.credit + burst / 2 + 2) * 1000 + 1);
	assert_true(rate_deadline(&rate) > clock_now());
}

static void test_a_bucket_holds_little(void **state)
{
	struct rate rate = { .bytes = 1000000, .since = clock_now() - HOUR };

	(void)state;
	assert_true(rate_may(&rate));
	assert_int_equal(rate.credit, 25001);
	assert_int_equal(rate_deadline(&rate), CLOCK_NEVER);
	rate_spend(&rate, 25000);
	assert_true(rate_may(&rate));
	rate_spend(&rate, 1000000000);
	assert_false(rate_may(&rate));
	assert_true(rate.credit < 0);
}

/* However often it is looked at, slow rates give what they promise. */
static void test_parts_of_bytes_are_not_lost(void **state)
{
	struct rate rate = { .bytes = 3, .credit = -10800, .since = clock_now() - HOUR };
	int64_t begin = rate.since;

	(void)state;
	rate_may(&rate);
	for (int i = 0; i < 100; i++)
		rate_may(&rate);
	/* a byte each third of a second, since then */
	assert_in_range((rate.since - begin) / (CLOCK_SECOND / 3), 10799, 10820);
	assert_in_range(rate.credit, 0, 1);
}

static void test_a_machine_may_have_been_up_for_years(void **state)
{
	struct rate rate = { .bytes = RATE_MAX, .since = clock_now() - 10 * 365 * 24 * HOUR };

	(void)state;
	assert_true(rate_may(&rate));
	assert_int_equal(rate.credit, RATE_MAX / 40 + 1);
}

static void test_extremes_do_not_overflow(void **state)
{
	struct rate rate = { .bytes = RATE_MAX, .since = clock_now() - 1000 * HOUR };

	(void)state;
	assert_true(rate_may(&rate));
	rate_spend(&rate, 1ULL << 40);
	assert_in_range(rate_deadline(&rate) - rate.since, 0, 2 * CLOCK_SECOND);
	rate = (struct rate) { .bytes = 1, .credit = -(1LL << 32), .since = clock_now() };
	assert_true(rate_deadline(&rate) > clock_now() + HOUR);
	assert_int_equal(rate_share(&rate), 1024);
	rate.bytes = RATE_MAX;
	assert_int_equal(rate_share(&rate), UINT32_MAX);
	rate.bytes = 1000000;
	assert_int_equal(rate_share(&rate), 25001);
	assert_false(rate_limits(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates_are_bytes_or_bits_that_say_so),
		cmocka_unit_test(test_an_empty_bucket_waits_for_half_of_it),
		cmocka_unit_test(test_a_bucket_holds_little),
		cmocka_unit_test(test_parts_of_bytes_are_not_lost),
		cmocka_unit_test(test_a_machine_may_have_been_up_for_years),
		cmocka_unit_test(test_extremes_do_not_overflow),
	};

	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
