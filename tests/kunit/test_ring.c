// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring in its real pages, which the kernel maps twice, fed by packets.
 * What it does by itself is tested in user space (tests/unit/test_kmod_ring.c).
 */

#include <linux/netdevice.h>
#include <linux/vmalloc.h>

#include "fixture.h"

#define RING_BYTES	PAGE_SIZE
#define RING_HEADER	sizeof(struct pcapring_record)
#define RING_FILL	0xa5

static struct pcapring_ring *ring_of(struct kunit *test)
{
	return fixture_ring(test->priv);
}

/* Bytes of the ring from position @from to @to are as they were. */
static void ring_expect_untouched(struct kunit *test, u64 from, u64 to)
{
	const u8 *at = pcapring_ring_at(ring_of(test), from);

	KUNIT_EXPECT_NULL(test, memchr_inv(at, RING_FILL, to - from));
}

static void ring_wraps_at_every_offset(struct kunit *test)
{
	struct packet packet = { .bytes = 100, .outer_tag = 0x8100 };
	u64 begin, end;

	for (begin = 7 * RING_BYTES; begin < 8 * RING_BYTES; begin++) {
		memset(ring_of(test)->data, RING_FILL, RING_BYTES);
		packet.shape = begin % PACKET_SHAPES;
		packet.out = packet.shape == PACKET_ALL_PAGED;
		fixture_start_at(test->priv, begin);
		fixture_feed(test, &packet);
		end = fixture_expect(test, begin, &packet, packet_length(&packet));
		ring_expect_untouched(test, end, begin + RING_BYTES);
	}
}

/* The same bytes again, one ring further: user space relies on it, too. */
static void ring_is_mapped_twice(struct kunit *test)
{
	const u8 *data = ring_of(test)->data;
	struct packet packet = { .bytes = 2000 };

	fixture_start_at(test->priv, RING_BYTES - 1000);
	fixture_feed(test, &packet);
	KUNIT_EXPECT_EQ(test, memcmp(data, data + RING_BYTES, RING_BYTES), 0);
	KUNIT_EXPECT_PTR_EQ(test, vmalloc_to_page(data), vmalloc_to_page(data + RING_BYTES));
}

static void ring_filled_exactly(struct kunit *test)
{
	struct packet packet = { .bytes = RING_BYTES - RING_HEADER };
	struct packet small = { .bytes = 14 };
	struct pcapring_ring *ring = ring_of(test);
	u64 end;

	fixture_start_at(test->priv, 123);
	fixture_feed(test, &packet);
	end = fixture_expect(test, 123, &packet, packet.bytes);
	KUNIT_EXPECT_EQ(test, end, 123ull + RING_BYTES);
	fixture_feed(test, &small);
	KUNIT_EXPECT_EQ(test, ring->head, end);
	KUNIT_EXPECT_EQ(test, ring->count.dropped, 1ull);
	/* one byte too few is too few */
	pcapring_ring_release(ring, 123 + RING_HEADER + small.bytes - 1);
	fixture_feed(test, &small);
	KUNIT_EXPECT_EQ(test, ring->count.dropped, 2ull);
	pcapring_ring_release(ring, 123 + RING_HEADER + small.bytes);
	fixture_feed(test, &small);
	fixture_expect(test, end, &small, small.bytes);
	KUNIT_EXPECT_EQ(test, ring->count.dropped, 2ull);
}

/* No snaplen allows it; if there were one, the ring would stand it. */
static void ring_drops_what_is_larger(struct kunit *test)
{
	struct packet packet = { .bytes = RING_BYTES - RING_HEADER + 1 };
	struct fixture *fixture = test->priv;
	struct pcapring_config config;
	struct pcapring_fault fault;

	fixture_config(&config);
	config.snaplen++;
	KUNIT_EXPECT_EQ(test, pcapring_config_check(&config, &fault), -EINVAL);

	memset(ring_of(test)->data, RING_FILL, RING_BYTES);
	fixture->capture->tap.snaplen = PCAPRING_SNAPLEN_MAX;
	for (; packet.bytes < 4 * RING_BYTES; packet.bytes += 1000) {
		fixture_feed(test, &packet);
		KUNIT_EXPECT_EQ(test, ring_of(test)->head, 0ull);
	}
	KUNIT_EXPECT_EQ(test, ring_of(test)->count.dropped, ring_of(test)->count.seen);
	ring_expect_untouched(test, 0, RING_BYTES);
}

static void ring_full_drops_the_newest(struct kunit *test)
{
	const u32 fits = RING_BYTES / 64;
	struct packet packet = { .bytes = 64 - RING_HEADER };
	struct pcapring_ring *ring = ring_of(test);
	u64 end = 0;
	u32 i;

	for (i = 0; i < fits + 10; i++) {
		packet.stamp = 1 + i;
		fixture_feed(test, &packet);
	}
	for (i = 0; i < fits; i++) {
		packet.stamp = 1 + i;
		end = fixture_expect(test, end, &packet, packet.bytes);
	}
	KUNIT_EXPECT_EQ(test, ring->head, end);
	KUNIT_EXPECT_EQ(test, ring->count.captured, (u64)fits);
	KUNIT_EXPECT_EQ(test, ring->count.dropped, 10ull);
	KUNIT_EXPECT_EQ(test, ring->producer->count.dropped, 10ull);
}

/* All that a tail can be, relative to a head in the middle of things. */
static void ring_survives_corrupt_tails(struct kunit *test)
{
	const u64 head = 10 * RING_BYTES + 77;
	const struct {
		u64 tail;
		bool good;
	} cases[] = {
		{ head, true },
		{ head - 30, true },			/* room for one of 30 + 16 */
		{ head - RING_BYTES + 46, true },	/* exactly */
		{ head - RING_BYTES + 45, false },
		{ head - RING_BYTES, false },		/* in range, but full */
		{ head - RING_BYTES - 1, false },
		{ head + 1, false },
		{ head + 46, false },
		{ head + RING_BYTES, false },
		{ 0, false },
		{ 1, false },
		{ head ^ 1ull << 63, false },
		{ head ^ 1ull << 32, false },
		{ head ^ 1ull << 20, false },
		{ 1ull << 63, false },
		{ S64_MAX, false },
		{ U64_MAX, false },
		{ U64_MAX - RING_BYTES, false },
	};
	struct packet packet = { .bytes = 30 };
	struct pcapring_ring *ring = ring_of(test);
	size_t i;

	memset(ring->data, RING_FILL, RING_BYTES);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fixture_start_at(test->priv, head);
		/* full, as far as it knows */
		ring->tail = head - RING_BYTES;
		ring->consumer->tail = cases[i].tail;
		fixture_feed(test, &packet);
		KUNIT_EXPECT_EQ_MSG(test, ring->head != head, cases[i].good, "case %zu", i);
		if (cases[i].good) {
			fixture_expect(test, head, &packet, 30);
			memset(ring->data, RING_FILL, RING_BYTES);
		}
		ring_expect_untouched(test, head, head + RING_BYTES);
	}
	KUNIT_EXPECT_EQ(test, ring->count.captured + ring->count.dropped, ring->count.seen);
	KUNIT_EXPECT_EQ(test, ring->count.captured, 3ull);
}

/* A tail that moves at random, while packets come: nothing is ever lost to count. */
static void ring_counts_under_random_tails(struct kunit *test)
{
	struct packet packet = { .bytes = 60 };
	struct pcapring_ring *ring = ring_of(test);
	u64 state = 88172645463325252ull;
	int i;

	for (i = 0; i < 5000; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		ring->consumer->tail = i % 3 ? ring->head - state % (2 * RING_BYTES) : state;
		ring->consumer->seen = state;
		fixture_feed(test, &packet);
		KUNIT_ASSERT_EQ(test, ring->count.seen, i + 1ull);
		KUNIT_ASSERT_EQ(test, ring->count.captured + ring->count.dropped, ring->count.seen);
		KUNIT_ASSERT_EQ(test, ring->head,
				ring->count.bytes + RING_HEADER * ring->count.captured);
	}
	KUNIT_EXPECT_GT(test, ring->count.captured, 100ull);
	KUNIT_EXPECT_GT(test, ring->count.dropped, 100ull);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE(ring_wraps_at_every_offset),
	KUNIT_CASE(ring_is_mapped_twice),
	KUNIT_CASE(ring_filled_exactly),
	KUNIT_CASE(ring_drops_what_is_larger),
	KUNIT_CASE(ring_full_drops_the_newest),
	KUNIT_CASE(ring_survives_corrupt_tails),
	KUNIT_CASE(ring_counts_under_random_tails),
	{}
};

static struct kunit_suite ring_suite = {
	.name = "ring",
	.init = fixture_init,
	.exit = fixture_close,
	.test_cases = ring_cases,
};

kunit_test_suites(&ring_suite);
