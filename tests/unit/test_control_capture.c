// SPDX-License-Identifier: MIT
/* When a capture is what a request would make. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "control/capture.h"

#define GIVEN(name)	CAPTURE_GIVEN(PCAPRING_A_##name)

static struct sock_filter program[2] = { { .code = 6, .k = 1 }, { .code = 6 } };

static const struct capture whole_capture = {
	.ifname = "none0", .snaplen = 96, .ring_bytes = 4096, .ring_count = 3,
	.steer = PCAPRING_STEER_FLOW, .mode = PCAPRING_MODE_OVERWRITE,
	.direction = PCAPRING_DIRECTION_IN, .promisc = true, .allmulti = true,
	.tstamp = PCAPRING_TSTAMP_HARDWARE, .sample = 5, .filter = program,
	.filter_length = 2, .limit_packets = 6, .limit_bytes = 7, .limit_seconds = 8,
};

static const struct capture_request whole_request = {
	.given = GIVEN(IFNAME) | GIVEN(SNAPLEN) | GIVEN(RING_BYTES) | GIVEN(RINGS) |
		 GIVEN(STEER) | GIVEN(MODE) | GIVEN(DIRECTION) | GIVEN(PROMISC) |
		 GIVEN(ALLMULTI) | GIVEN(TSTAMP) | GIVEN(SAMPLE) | GIVEN(FILTER) |
		 GIVEN(LIMIT_PACKETS) | GIVEN(LIMIT_BYTES) | GIVEN(LIMIT_SECONDS),
	.ifname = "none0", .snaplen = 96, .ring_bytes = 4096, .rings = 3,
	.steer = PCAPRING_STEER_FLOW, .mode = PCAPRING_MODE_OVERWRITE,
	.direction = PCAPRING_DIRECTION_IN, .promisc = true, .allmulti = true,
	.tstamp = PCAPRING_TSTAMP_HARDWARE, .sample = 5, .filter = program,
	.filter_length = 2, .limit_packets = 6, .limit_bytes = 7, .limit_seconds = 8,
};

static void test_one_like_it(void **state)
{
	struct capture capture = whole_capture;

	(void)state;
	assert_true(capture_is_like(&capture, &whole_request));
	capture.id = 5;
	capture.frozen = true;
	capture.reader = true;
	capture.stats[PCAPRING_STAT_SEEN] = 9;
	assert_true(capture_is_like(&capture, &whole_request));
}

#define TEST_DIFFERS(member, value) do {				\
	struct capture capture = whole_capture;				\
									\
	capture.member = (value);					\
	assert_false(capture_is_like(&capture, &whole_request));	\
} while (0)

static void test_each_setting_counts(void **state)
{
	static struct sock_filter other[2] = { { .code = 6, .k = 1 }, { .code = 6, .jt = 1 } };

	(void)state;
	TEST_DIFFERS(ifname[4], '1');
	TEST_DIFFERS(snaplen, 97);
	TEST_DIFFERS(ring_bytes, 8192);
	TEST_DIFFERS(ring_count, 4);
	TEST_DIFFERS(steer, PCAPRING_STEER_CPU);
	TEST_DIFFERS(mode, PCAPRING_MODE_NORMAL);
	TEST_DIFFERS(direction, PCAPRING_DIRECTION_BOTH);
	TEST_DIFFERS(promisc, false);
	TEST_DIFFERS(allmulti, false);
	TEST_DIFFERS(tstamp, PCAPRING_TSTAMP_SOFTWARE);
	TEST_DIFFERS(sample, 1);
	TEST_DIFFERS(filter, other);
	TEST_DIFFERS(filter_length, 1);
	TEST_DIFFERS(filter_id, 1);
	TEST_DIFFERS(limit_packets, 0);
	TEST_DIFFERS(limit_bytes, 0);
	TEST_DIFFERS(limit_seconds, 0);
}

static void test_what_is_not_given_is_the_default(void **state)
{
	const struct capture_request request = { .given = GIVEN(IFNAME), .ifname = "none0" };
	struct capture capture = {
		.ifname = "none0", .snaplen = PCAPRING_SNAPLEN_MAX,
		.ring_bytes = PCAPRING_RING_BYTES_DEFAULT, .sample = 1,
	};

	(void)state;
	for (capture.ring_count = 1; capture.ring_count <= PCAPRING_RINGS_MAX;
	     capture.ring_count++)
		assert_true(capture_is_like(&capture, &request));
	capture.filter_id = 1;
	assert_false(capture_is_like(&capture, &request));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_like_it),
		cmocka_unit_test(test_each_setting_counts),
		cmocka_unit_test(test_what_is_not_given_is_the_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
