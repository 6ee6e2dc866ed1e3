// SPDX-License-Identifier: MIT
/* Both codecs of the control program: they have to understand each other. */
#include "unit.h"

#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "control/reply.h"
#include "control/request.h"

#define GIVEN(name)	CAPTURE_GIVEN(PCAPRING_A_##name)

static uint8_t attributes[65536] __attribute__((aligned(8)));

static size_t put(size_t at, uint16_t type, const void *value, size_t length)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + length, .nla_type = type };

	memcpy(attributes + at, &attr, sizeof(attr));
	memcpy(attributes + at + NLA_HDRLEN, value, length);
	return at + NLA_ALIGN(attr.nla_len);
}

static void test_what_is_asked_for_is_understood(void **state)
{
	struct sock_filter filter[3] = { { .k = 1 } };
	const struct capture_request request = {
		.given = GIVEN(ID) | GIVEN(IFNAME) | GIVEN(SNAPLEN) | GIVEN(RING_BYTES) |
			 GIVEN(RINGS) | GIVEN(STEER) | GIVEN(MODE) | GIVEN(DIRECTION) |
			 GIVEN(PROMISC) | GIVEN(ALLMULTI) | GIVEN(TSTAMP) | GIVEN(SAMPLE) |
			 GIVEN(FROZEN) | GIVEN(FILTER) | GIVEN(LIMIT_PACKETS) |
			 GIVEN(LIMIT_BYTES) | GIVEN(LIMIT_SECONDS),
		.id = 7, .ifname = "exactly15bytes_", .snaplen = 96,
		.ring_bytes = 1ULL << 30, .rings = 3, .steer = PCAPRING_STEER_FLOW,
		.mode = PCAPRING_MODE_OVERWRITE, .direction = PCAPRING_DIRECTION_OUT,
		.promisc = true, .allmulti = true, .tstamp = PCAPRING_TSTAMP_HARDWARE,
		.sample = 1000, .frozen = true, .filter = filter, .filter_length = 3,
		.limit_packets = 1ULL << 40, .limit_bytes = UINT64_MAX,
		.limit_seconds = UINT32_MAX,
	};
	size_t length = request_encode(&request, NULL);
	struct capture capture = { 0 };

	(void)state;
	assert_int_equal(request_encode(&request, attributes), length);
	assert_true(reply_decode(attributes, length, &capture));
	assert_int_equal(capture.id, 7);
	assert_string_equal(capture.ifname, "exactly15bytes_");
	assert_int_equal(capture.snaplen, 96);
	assert_int_equal(capture.ring_bytes, 1ULL << 30);
	assert_int_equal(capture.steer, PCAPRING_STEER_FLOW);
	assert_int_equal(capture.mode, PCAPRING_MODE_OVERWRITE);
	assert_int_equal(capture.direction, PCAPRING_DIRECTION_OUT);
	assert_true(capture.promisc && capture.allmulti && capture.frozen);
	assert_false(capture.reader);
	assert_int_equal(capture.tstamp, PCAPRING_TSTAMP_HARDWARE);
	assert_int_equal(capture.sample, 1000);
	assert_int_equal(capture.filter_length, 3);
	assert_memory_equal(capture.filter, filter, sizeof(filter));
	assert_int_equal(capture.limit_packets, 1ULL << 40);
	assert_int_equal(capture.limit_bytes, UINT64_MAX);
	assert_int_equal(capture.limit_seconds, UINT32_MAX);
	capture_free(&capture);
}

static void test_what_is_not_given_is_not_sent(void **state)
{
	const struct capture_request request = { .given = GIVEN(FILTER), .ifname = "eth0" };
	const struct nlattr *attr = (const void *)attributes;

	(void)state;
	assert_int_equal(request_encode(&request, attributes), NLA_HDRLEN);
	assert_int_equal(attr->nla_type, PCAPRING_A_FILTER);
	assert_int_equal(attr->nla_len, NLA_HDRLEN);
}

/* A ring with counters; each attribute of the kernel's is there once. */
static size_t put_ring(size_t at, uint32_t index)
{
	struct nlattr nest = { .nla_type = PCAPRING_A_RING | NLA_F_NESTED };
	uint64_t number = 1000 + index;
	size_t begin = at, stats;

	at = put(at + NLA_HDRLEN, PCAPRING_RING_INDEX, &index, sizeof(index));
	for (int type = PCAPRING_RING_HEAD; type <= PCAPRING_RING_OLDEST; type++) {
		if (type != PCAPRING_RING_STATS)
			at = put(at, type, &number, sizeof(number));
	}
	stats = at;
	at += NLA_HDRLEN;
	for (int type = PCAPRING_STAT_SEEN; type <= PCAPRING_STAT_MAX; type++) {
		number = 100 * index + type;
		at = put(at, type, &number, sizeof(number));
	}
	nest.nla_len = at - begin;
	memcpy(attributes + begin, &nest, sizeof(nest));
	nest = (struct nlattr) { at - stats, PCAPRING_RING_STATS | NLA_F_NESTED };
	memcpy(attributes + stats, &nest, sizeof(nest));
	return at;
}

static void test_rings_and_counters_are_understood(void **state)
{
	struct capture *capture = calloc(1, sizeof(*capture));
	size_t length = 0;

	(void)state;
	for (uint32_t i = 0; i < PCAPRING_RINGS_MAX; i++)
		length = put_ring(length, i);
	assert_true(reply_decode(attributes, length, capture));
	assert_int_equal(capture->ring_count, PCAPRING_RINGS_MAX);
	assert_int_equal(capture->rings[63].index, 63);
	assert_int_equal(capture->rings[63].head, 1063);
	assert_int_equal(capture->rings[63].seen, 1063);
	assert_int_equal(capture->rings[63].tail, 1063);
	assert_int_equal(capture->rings[63].oldest, 1063);
	for (int type = PCAPRING_STAT_SEEN; type <= PCAPRING_STAT_MAX; type++)
		assert_int_equal(capture->rings[63].stats[type], 6300 + type);

	memset(capture, 0, sizeof(*capture));
	length = put_ring(length, 64);
	assert_false(reply_decode(attributes, length, capture));
	free(capture);
}

/* Cut anywhere, in memory that ends there. */
static void test_what_is_cut_does_no_harm(void **state)
{
	struct capture *capture = calloc(1, sizeof(*capture));
	size_t length = put_ring(put(0, PCAPRING_A_IFNAME, "eth0", 5), 0);

	(void)state;
	for (size_t cut = 0; cut < length; cut++) {
		uint8_t *bytes = malloc(cut);

		memcpy(bytes, attributes, cut);
		memset(capture, 0, sizeof(*capture));
		reply_decode(bytes, cut, capture);
		assert_true(capture->ring_count <= 1);
		free(bytes);
	}
	free(capture);
}

static void test_what_is_not_known_is_passed_over(void **state)
{
	struct capture capture = { 0 };
	uint32_t number = 5;
	size_t length;

	(void)state;
	length = put(0, PCAPRING_A_MAX + 1, "future", 6);
	length = put(length, PCAPRING_A_PAD, "", 0);
	length = put(length, PCAPRING_A_ID, &number, sizeof(number));
	assert_true(reply_decode(attributes, length, &capture));
	assert_int_equal(capture.id, 5);
}

static void test_what_has_another_size_is_refused(void **state)
{
	static const struct {
		uint16_t type;
		uint16_t length;
	} bad[] = {
		{ PCAPRING_A_ID, 0 }, { PCAPRING_A_ID, 3 }, { PCAPRING_A_ID, 8 },
		{ PCAPRING_A_UUID, 15 }, { PCAPRING_A_UUID, 17 },
		{ PCAPRING_A_RING_BYTES, 4 }, { PCAPRING_A_FROZEN, 4 },
		{ PCAPRING_A_FILTER, 7 },
		{ PCAPRING_A_IFNAME, 0 }, { PCAPRING_A_REASON, 8 /* no NUL */ },
	};
	struct capture capture = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		size_t length = put(0, bad[i].type, "########################",
				    bad[i].length);

		assert_false(reply_decode(attributes, length, &capture));
	}
}

static void test_a_second_filter_is_refused(void **state)
{
	struct capture capture = { 0 };
	struct sock_filter filter = { .k = 1 };
	size_t length = put(0, PCAPRING_A_FILTER, &filter, sizeof(filter));

	(void)state;
	length = put(length, PCAPRING_A_FILTER, &filter, sizeof(filter));
	assert_false(reply_decode(attributes, length, &capture));
	capture_free(&capture);
}

static void test_a_text_that_is_too_long_is_cut(void **state)
{
	struct capture capture = { 0 };
	char text[2 * CAPTURE_REASON_MAX];
	size_t length;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	length = put(0, PCAPRING_A_REASON, text, sizeof(text));
	assert_true(reply_decode(attributes, length, &capture));
	assert_int_equal(strlen(capture.reason), CAPTURE_REASON_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_asked_for_is_understood),
		cmocka_unit_test(test_what_is_not_given_is_not_sent),
		cmocka_unit_test(test_rings_and_counters_are_understood),
		cmocka_unit_test(test_what_is_cut_does_no_harm),
		cmocka_unit_test(test_what_is_not_known_is_passed_over),
		cmocka_unit_test(test_what_has_another_size_is_refused),
		cmocka_unit_test(test_a_second_filter_is_refused),
		cmocka_unit_test(test_a_text_that_is_too_long_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
