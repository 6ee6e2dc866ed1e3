// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring in its real pages, which the kernel maps twice, fed by packets.
 * What it does by itself is tested in user space (tests/unit/test_kmod_ring.c).
 */

#include <linux/if_arp.h>
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
	KUNIT_EXPECT_EQ(test, ring->producer->count.dropped, 1ull);
	/* one byte too few is too few */
	pcapring_ring_release(ring, 123 + RING_HEADER + small.bytes - 1);
	fixture_feed(test, &small);
	KUNIT_EXPECT_EQ(test, ring->producer->count.dropped, 2ull);
	pcapring_ring_release(ring, 123 + RING_HEADER + small.bytes);
	fixture_feed(test, &small);
	fixture_expect(test, end, &small, small.bytes);
	KUNIT_EXPECT_EQ(test, ring->producer->count.dropped, 2ull);
}

/* No snaplen allows it; if there were one, the ring would stand it. */
static void ring_drops_what_is_larger(struct kunit *test)
{
	struct packet packet = { .bytes = RING_BYTES - RING_HEADER + 1 };
	const struct pcapring_counters *count;
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
	count = &ring_of(test)->producer->count;
	KUNIT_EXPECT_EQ(test, count->dropped, count->seen);
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
	KUNIT_EXPECT_EQ(test, ring->producer->count.captured, (u64)fits);
	KUNIT_EXPECT_EQ(test, ring->producer->count.dropped, 10ull);
	KUNIT_EXPECT_EQ(test, ring->producer->count.dropped, 10ull);
}

static void ring_expect_counted(struct kunit *test, const u64 *counter)
{
	struct packet packet = { .bytes = 1000 };
	u64 before = *counter;

	fixture_feed(test, &packet);
	KUNIT_EXPECT_EQ(test, *counter, before + 1);
}

/* Packets that do not fit are known early: not by what is not sure to drop them. */
static void ring_full_judges_as_ever(struct kunit *test)
{
	const struct packet large = { .bytes = RING_BYTES - 100 }, small = { .bytes = 20 };
	struct pcapring_tap *tap = &((struct fixture *)test->priv)->capture->tap;
	struct pcapring_counters *count = &ring_of(test)->producer->count;
	u64 end;

	fixture_feed(test, &large);
	ring_expect_counted(test, &count->dropped);
	ring_expect_counted(test, &count->dropped);

	pcapring_ring_set_frozen(ring_of(test), true);
	ring_expect_counted(test, &count->paused);
	pcapring_ring_set_frozen(ring_of(test), false);
	tap->sample = 2;
	ring_expect_counted(test, &count->dropped);
	ring_expect_counted(test, &count->sampled);
	tap->sample = 1;
	tap->limit.on = true;
	ring_expect_counted(test, &count->paused);
	tap->limit.on = false;
	ring_expect_counted(test, &count->dropped);

	end = ring_of(test)->head;
	fixture_feed(test, &small);
	end = fixture_expect(test, end, &small, small.bytes);
	ring_expect_counted(test, &count->dropped);
	pcapring_ring_release(ring_of(test), end);
	fixture_feed(test, &large);
	fixture_expect(test, end, &large, large.bytes);
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
	const struct pcapring_counters *count = &ring->producer->count;
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
	KUNIT_EXPECT_EQ(test, count->captured + count->dropped, count->seen);
	KUNIT_EXPECT_EQ(test, count->captured, 3ull);
}

/* A tail that moves at random, while packets come: nothing is ever lost to count. */
static void ring_counts_under_random_tails(struct kunit *test)
{
	struct packet packet = { .bytes = 60 };
	struct pcapring_ring *ring = ring_of(test);
	const struct pcapring_counters *count = &ring->producer->count;
	u64 state = 88172645463325252ull;
	int i;

	for (i = 0; i < 5000; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		ring->consumer->tail = i % 3 ? ring->head - state % (2 * RING_BYTES) : state;
		ring->consumer->seen = state;
		fixture_feed(test, &packet);
		KUNIT_ASSERT_EQ(test, count->seen, i + 1ull);
		KUNIT_ASSERT_EQ(test, count->captured + count->dropped, count->seen);
		KUNIT_ASSERT_EQ(test, ring->head,
				count->bytes + RING_HEADER * count->captured);
	}
	KUNIT_EXPECT_GT(test, count->captured, 100ull);
	KUNIT_EXPECT_GT(test, count->dropped, 100ull);
}

static struct fixture *ring_reopen_overwriting(struct kunit *test)
{
	struct pcapring_config config;

	fixture_close(test);
	fixture_config(&config);
	config.mode = PCAPRING_MODE_OVERWRITE;
	return fixture_open(test, &config, ARPHRD_ETHER);
}

/* Packet @number: its size and its stamp tell it from its neighbours. */
static struct packet ring_packet(u32 number)
{
	return (struct packet){ .bytes = 14 + number % 333, .stamp = 1 + number };
}

/* What is left are the newest packets before @next, whole, up to head. */
static void ring_expect_newest(struct kunit *test, u32 next)
{
	struct pcapring_ring *ring = ring_of(test);
	u64 position = ring->producer->oldest;
	struct packet packet;
	u32 number;

	KUNIT_ASSERT_LE(test, ring->head - position, (u64)RING_BYTES);
	for (number = ring->producer->count.overwritten; number < next; number++) {
		packet = ring_packet(number);
		position = fixture_expect(test, position, &packet, packet.bytes);
	}
	KUNIT_EXPECT_EQ(test, position, ring->head);
}

/* Reader or no reader: its tail is not asked. */
static void ring_overwrites_the_oldest(struct kunit *test)
{
	struct pcapring_ring *ring;
	struct packet packet;
	u32 number;

	ring_reopen_overwriting(test);
	ring = ring_of(test);
	for (number = 0; number < 700; number++) {
		packet = ring_packet(number);
		ring->consumer->tail = number * 12345;
		fixture_feed(test, &packet);
		ring_expect_newest(test, number + 1);
	}
	KUNIT_EXPECT_EQ(test, ring->producer->count.captured, 700ull);
	KUNIT_EXPECT_EQ(test, ring->producer->count.dropped, 0ull);
	KUNIT_EXPECT_GT(test, ring->producer->count.overwritten, 600ull);
	KUNIT_EXPECT_EQ(test, ring->producer->count.overwritten, ring->producer->count.overwritten);
}

/* It takes the place of all there are; what is larger takes none. */
static void ring_overwritten_by_one_record(struct kunit *test)
{
	struct packet small = { .bytes = 100 };
	struct packet large = { .bytes = RING_BYTES - RING_HEADER };
	struct fixture *fixture = ring_reopen_overwriting(test);
	struct pcapring_ring *ring = ring_of(test);
	u64 oldest;
	int i;

	for (i = 0; i < 10; i++)
		fixture_feed(test, &small);
	fixture_feed(test, &large);
	KUNIT_EXPECT_EQ(test, ring->producer->count.overwritten, 10ull);
	oldest = ring->producer->oldest;
	KUNIT_EXPECT_EQ(test, fixture_expect(test, oldest, &large, large.bytes), ring->head);
	fixture->capture->tap.snaplen = PCAPRING_SNAPLEN_MAX;
	large.bytes++;
	fixture_feed(test, &large);
	KUNIT_EXPECT_EQ(test, ring->producer->count.dropped, 1ull);
	KUNIT_EXPECT_EQ(test, ring->producer->oldest, oldest);
}

/* Before all else: filters are not asked, and nothing is written. */
static void ring_frozen_writes_nothing(struct kunit *test)
{
	struct packet packet = { .bytes = 100 };
	struct pcapring_ring *ring = ring_of(test);

	memset(ring->data, RING_FILL, RING_BYTES);
	pcapring_ring_set_frozen(ring, true);
	fixture_feed(test, &packet);
	KUNIT_EXPECT_EQ(test, ring->head, 0ull);
	KUNIT_EXPECT_EQ(test, ring->producer->count.paused, 1ull);
	KUNIT_EXPECT_EQ(test, ring->producer->count.seen, 1ull);
	ring_expect_untouched(test, 0, RING_BYTES);
	pcapring_ring_set_frozen(ring, false);
	fixture_feed(test, &packet);
	fixture_expect(test, 0, &packet, 100);
}

/* The first of each N. */
static void ring_samples_one_in_so_many(struct kunit *test)
{
	struct fixture *fixture = test->priv;
	struct pcapring_ring *ring = ring_of(test);
	struct packet packet;
	u64 end = 0;
	u32 number;

	fixture->capture->tap.sample = 7;
	for (number = 0; number < 70; number++) {
		packet = ring_packet(number);
		fixture_feed(test, &packet);
		if (number % 7 == 0)
			end = fixture_expect(test, end, &packet, packet.bytes);
	}
	KUNIT_EXPECT_EQ(test, ring->head, end);
	KUNIT_EXPECT_EQ(test, ring->producer->count.captured, 10ull);
	KUNIT_EXPECT_EQ(test, ring->producer->count.sampled, 60ull);
}

/* How many, before which record, and when the first and the last of them came. */
static void ring_tells_where_packets_are_missing(struct kunit *test)
{
	struct packet small = { .bytes = 84 };
	struct packet large = { .bytes = RING_BYTES - 100 - RING_HEADER };
	struct pcapring_ring *ring = ring_of(test);
	struct pcapring_gap *gap = ring->producer->gap;

	small.stamp = 10;
	fixture_feed(test, &small);
	large.stamp = 20;
	fixture_feed(test, &large);
	for (small.stamp = 30; small.stamp < 35; small.stamp++)
		fixture_feed(test, &small);
	KUNIT_ASSERT_EQ(test, ring->producer->gap_head, 1ull);
	KUNIT_EXPECT_EQ(test, gap->position, ring->head);
	KUNIT_EXPECT_EQ(test, gap->count, 5ull);
	KUNIT_EXPECT_EQ(test, gap->first, 30ull);
	KUNIT_EXPECT_EQ(test, gap->last, 34ull);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE(ring_wraps_at_every_offset),
	KUNIT_CASE(ring_is_mapped_twice),
	KUNIT_CASE(ring_filled_exactly),
	KUNIT_CASE(ring_drops_what_is_larger),
	KUNIT_CASE(ring_full_drops_the_newest),
	KUNIT_CASE(ring_full_judges_as_ever),
	KUNIT_CASE(ring_survives_corrupt_tails),
	KUNIT_CASE(ring_counts_under_random_tails),
	KUNIT_CASE(ring_overwrites_the_oldest),
	KUNIT_CASE(ring_overwritten_by_one_record),
	KUNIT_CASE(ring_frozen_writes_nothing),
	KUNIT_CASE(ring_samples_one_in_so_many),
	KUNIT_CASE(ring_tells_where_packets_are_missing),
	{}
};

static struct kunit_suite ring_suite = {
	.name = "ring",
	.init = fixture_init,
	.exit = fixture_close,
	.test_cases = ring_cases,
};

kunit_test_suites(&ring_suite);
