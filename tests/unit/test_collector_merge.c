// SPDX-License-Identifier: MIT
/* merge: order of time, and when a record may leave. */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pcapring.h>

#include "collector/packets/packet.h"
#include "collector/records/merge.h"

#define RINGS	3
#define HOLD	1000	/* nanoseconds */

/* What was written: the stamps, in order, and each ring's part. */
struct sink {
	uint64_t stamps[4096];
	size_t count;
	size_t bytes;
	struct merge_part parts[RINGS];
	bool swapped;
	bool microseconds;
	int error;
};

static bool sink_write(void *context, void *bytes, size_t size,
		       const struct merge_part *parts)
{
	struct sink *sink = context;
	size_t at = 0, length = 0;

	if (sink->error) {
		errno = sink->error;
		return false;
	}
	while (at < size) {
		struct pcapring_record record;

		assert_true(size - at >= sizeof(record));
		memcpy(&record, (char *)bytes + at, sizeof(record));
		if (sink->swapped) {
			record.ts_sec = __builtin_bswap32(record.ts_sec);
			record.ts_nsec = __builtin_bswap32(record.ts_nsec);
			record.caplen = __builtin_bswap32(record.caplen);
		}
		if (sink->count < 4096)
			sink->stamps[sink->count++] = record.ts_sec * 1000000000ULL +
				record.ts_nsec * (sink->microseconds ? 1000 : 1);
		at += sizeof(record) + record.caplen;
	}
	assert_int_equal(at, size);
	sink->bytes += size;
	for (int i = 0; i < RINGS; i++) {
		length += parts[i].length;
		sink->parts[i].length += parts[i].length;
		sink->parts[i].packets += parts[i].packets;
		sink->parts[i].bytes += parts[i].bytes;
		sink->parts[i].disorder += parts[i].disorder;
		if (!sink->parts[i].first)
			sink->parts[i].first = parts[i].first;
		if (parts[i].last)
			sink->parts[i].last = parts[i].last;
	}
	assert_int_equal(length, size);
	return true;
}

static struct merge *begin(struct sink *sink, unsigned int joined)
{
	struct merge *merge = merge_new(RINGS, sink->swapped, sink->microseconds,
					HOLD, 0, sink_write, sink);

	assert_non_null(merge);
	for (unsigned int i = 0; i < joined; i++)
		merge_join(merge, i);
	return merge;
}

static size_t record(unsigned char *out, const struct sink *sink, uint64_t stamp,
		     uint32_t caplen)
{
	struct pcapring_record header = {
		stamp / 1000000000, stamp % 1000000000, caplen, caplen };

	if (sink->microseconds)
		header.ts_nsec /= 1000;
	if (sink->swapped) {
		header.ts_sec = __builtin_bswap32(header.ts_sec);
		header.ts_nsec = __builtin_bswap32(header.ts_nsec);
		header.caplen = __builtin_bswap32(header.caplen);
	}
	memcpy(out, &header, sizeof(header));
	memset(out + sizeof(header), 0xee, caplen);
	return sizeof(header) + caplen;
}

static bool give(struct merge *merge, unsigned int ring, unsigned char *bytes,
		 size_t size, uint64_t now)
{
	struct iovec whole = { bytes, size };
	struct pieces pieces = { &whole, 1 };
	uint32_t caplen;

	return merge_append(merge, ring, &pieces, now, &caplen);
}

static void put(struct merge *merge, const struct sink *sink, unsigned int ring,
		uint64_t stamp, uint64_t now)
{
	unsigned char bytes[64];

	assert_true(give(merge, ring, bytes, record(bytes, sink, stamp, 4), now));
	assert_true(merge_release(merge, now, false));
}

static void waits_for_all_that_may_be_older(void **state)
{
	struct sink sink = { 0 };
	struct merge *merge = begin(&sink, RINGS);

	(void)state;
	put(merge, &sink, 0, 50, 0);
	put(merge, &sink, 1, 40, 0);
	assert_int_equal(sink.count, 0);
	put(merge, &sink, 2, 45, 0);
	assert_int_equal(sink.count, 1);	/* 40; now 1 may have 41 */
	put(merge, &sink, 1, 60, 0);
	assert_int_equal(sink.count, 2);
	merge_complete(merge, 2, 49);
	assert_true(merge_release(merge, 0, false));
	assert_int_equal(sink.count, 2);
	merge_complete(merge, 2, 50);
	merge_complete(merge, 2, 10);		/* never back */
	assert_true(merge_release(merge, 0, false));
	assert_int_equal(sink.count, 3);
	assert_int_equal(merge_held(merge, 1), 20);
	merge_leave(merge, 0, true, 0);
	merge_leave(merge, 2, true, 0);
	assert_true(merge_release(merge, 0, false));
	assert_int_equal(sink.count, 4);
	for (size_t i = 1; i < sink.count; i++)
		assert_true(sink.stamps[i - 1] <= sink.stamps[i]);
	merge_free(merge);
}

static void lets_go_after_the_hold_back(void **state)
{
	struct sink sink = { 0 };
	struct merge *merge = begin(&sink, RINGS);

	(void)state;
	assert_true(merge_due(merge) == MERGE_NEVER);
	put(merge, &sink, 0, 50, 100);
	assert_int_equal(merge_due(merge), 100 + HOLD);
	put(merge, &sink, 1, 40, 600);
	assert_true(merge_release(merge, 99 + HOLD, false));
	assert_int_equal(sink.count, 0);
	assert_true(merge_release(merge, 100 + HOLD, false));
	assert_int_equal(sink.count, 2);	/* 40 had to go before 50 */
	assert_true(merge_due(merge) == MERGE_NEVER);
	put(merge, &sink, 2, 45, 2000);
	put(merge, &sink, 2, 55, 2000);
	assert_true(merge_release(merge, 2000 + HOLD, false));
	assert_int_equal(sink.count, 4);
	assert_int_equal(sink.parts[2].disorder, 1);
	merge_free(merge);
}

/* They would be taken for the arrival of what comes later. */
static void nothing_has_no_time_of_arrival(void **state)
{
	struct sink sink = { 0 };
	struct merge *merge = begin(&sink, RINGS);

	(void)state;
	assert_true(give(merge, 0, NULL, 0, 100));
	assert_int_equal(merge_held(merge, 0), 0);
	put(merge, &sink, 0, 50, 100 + HOLD / 10);
	assert_int_equal(merge_due(merge), 100 + HOLD / 10 + HOLD);
	merge_free(merge);
}

static void counts_what_is_older_than_the_file(void **state)
{
	struct sink sink = { 0 };
	struct merge *merge = begin(&sink, RINGS);

	(void)state;
	merge_begin(merge, 50);
	put(merge, &sink, 0, 49, 0);
	put(merge, &sink, 0, 50, 0);
	put(merge, &sink, 0, 51, 0);
	assert_true(merge_release(merge, 0, true));
	assert_int_equal(sink.parts[0].disorder, 1);
	assert_int_equal(sink.parts[0].first, 49);
	assert_int_equal(sink.parts[0].last, 51);
	merge_begin(merge, 0);			/* the file was cut */
	put(merge, &sink, 0, 10, 0);
	assert_true(merge_release(merge, 0, true));
	assert_int_equal(sink.parts[0].disorder, 1);
	merge_free(merge);
}

static void waits_for_who_may_come_but_not_for_ever(void **state)
{
	struct sink sink = { 0 };
	struct merge *merge = begin(&sink, 1);

	(void)state;
	put(merge, &sink, 0, 50, HOLD - 1);
	assert_int_equal(sink.count, 0);
	put(merge, &sink, 0, 51, HOLD);
	assert_int_equal(sink.count, 2);
	merge_join(merge, 1);
	put(merge, &sink, 0, 52, 2 * HOLD);
	assert_int_equal(sink.count, 2);
	merge_leave(merge, 1, false, 2 * HOLD);
	assert_true(merge_release(merge, 2 * HOLD + 1, false));
	assert_int_equal(sink.count, 2);
	merge_leave(merge, 1, true, 2 * HOLD + 1);
	assert_true(merge_release(merge, 2 * HOLD + 1, false));
	assert_int_equal(sink.count, 3);
	merge_free(merge);
}

static void forgets_what_comes_again(void **state)
{
	unsigned char bytes[64];
	struct sink sink = { 0 };
	struct merge *merge = begin(&sink, RINGS);
	size_t size = record(bytes, &sink, 9, 4);

	(void)state;
	put(merge, &sink, 0, 5, 0);
	assert_true(give(merge, 0, bytes, size - 1, 0));
	assert_int_equal(merge_held(merge, 0), 20);
	merge_leave(merge, 0, false, 0);	/* what is torn goes */
	assert_int_equal(merge_held(merge, 0), 20);
	merge_join(merge, 0);			/* and now the rest */
	assert_int_equal(merge_held(merge, 0), 0);
	put(merge, &sink, 0, 5, 0);
	assert_true(merge_release(merge, 0, true));
	assert_int_equal(sink.count, 1);
	put(merge, &sink, 1, 6, 0);
	merge_drop(merge);
	assert_true(merge_release(merge, 0, true));
	assert_int_equal(sink.count, 1);
	merge_free(merge);
}

static void refuses_a_record_that_cannot_be(void **state)
{
	unsigned char bytes[64];
	struct sink sink = { 0 };
	struct merge *merge = begin(&sink, RINGS);
	struct pcapring_record header = { 1, 2, PACKET_CAPLEN_MAX + 1, 3 };
	size_t size = record(bytes, &sink, 9, 4);

	(void)state;
	memcpy(bytes + size, &header, sizeof(header));
	assert_false(give(merge, 0, bytes, size + sizeof(header), 0));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(merge_held(merge, 0), size);
	merge_leave(merge, 0, false, 0);
	assert_true(merge_release(merge, 0, true));
	assert_int_equal(sink.count, 1);
	merge_free(merge);
}

static void bounds_what_is_held(void **state)
{
	unsigned char *bytes = malloc(100000 + 16);
	struct sink sink = { 0 };
	struct merge *merge = begin(&sink, RINGS);

	(void)state;
	for (unsigned int n = 0; n < 600; n++) {
		size_t size = record(bytes, &sink, n, 100000);
		size_t held;

		assert_true(give(merge, n % 2, bytes, size, 0));
		assert_true(merge_release(merge, 0, false));
		held = merge_held(merge, 0) + merge_held(merge, 1);
		assert_true(held <= MERGE_HELD_MAX);
		assert_int_equal(held + sink.bytes, (n + 1) * size);
	}
	assert_true(sink.count > 400);
	for (size_t i = 1; i < sink.count; i++)
		assert_true(sink.stamps[i - 1] <= sink.stamps[i]);
	free(bytes);
	merge_free(merge);
}

static void shares_what_may_be_held(void **state)
{
	unsigned char bytes[1016];
	struct merge_budget budget = { .most = 10000 };
	static struct sink sinks[2];
	struct merge *merges[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		merges[i] = begin(&sinks[i], RINGS);
		merge_share(merges[i], &budget);
	}
	for (unsigned int n = 0; n < 200; n++) {
		size_t size = record(bytes, &sinks[n % 2], n, 1000);

		assert_true(give(merges[n % 2], 0, bytes, size, 0));
		assert_true(merge_release(merges[n % 2], 0, false));
		assert_true(budget.held <= budget.most);
		assert_int_equal(budget.held, merge_held(merges[0], 0) +
					      merge_held(merges[1], 0));
	}
	assert_true(sinks[0].count + sinks[1].count > 180);
	merge_drop(merges[0]);
	assert_int_equal(budget.held, merge_held(merges[1], 0));
	merge_free(merges[0]);
	merge_free(merges[1]);
	assert_int_equal(budget.held, 0);
}

static void says_that_it_cannot_write(void **state)
{
	struct sink sink = { .error = ENOSPC };
	struct merge *merge = begin(&sink, RINGS);
	unsigned char bytes[64];

	(void)state;
	assert_true(give(merge, 0, bytes, record(bytes, &sink, 9, 4), 0));
	assert_false(merge_release(merge, 0, true));
	assert_int_equal(errno, ENOSPC);
	merge_drop(merge);
	sink.error = 0;
	assert_true(merge_release(merge, 0, true));
	assert_int_equal(sink.bytes, 0);
	merge_free(merge);
}

/* Rings that are cut anywhere and say what they know come out in order. */
static void merges_by_chance(void **state)
{
	static unsigned char streams[RINGS][100000];

	(void)state;
	srand(1);
	for (int round = 0; round < 40; round++) {
		struct sink sink = { .swapped = round & 1, .microseconds = round & 2 };
		struct merge *merge = begin(&sink, RINGS);
		size_t ends[RINGS] = { 0 }, at[RINGS] = { 0 }, left = RINGS;
		uint64_t stamp = 5000000000ULL;

		for (int n = 0; n < 1000; n++) {
			int i = rand() % RINGS;

			stamp += rand() % 3 * 1000;
			ends[i] += record(streams[i] + ends[i], &sink, stamp, rand() % 80);
		}
		while (left) {
			int i = rand() % RINGS;
			size_t n = rand() % 300;

			if (at[i] == ends[i])
				continue;
			n = n < ends[i] - at[i] ? n : ends[i] - at[i];
			assert_true(give(merge, i, streams[i] + at[i], n, 0));
			at[i] += n;
			if (at[i] == ends[i]) {
				merge_leave(merge, i, true, 0);
				left--;
			}
			assert_true(merge_release(merge, 0, false));
		}
		assert_int_equal(sink.count, 1000);
		for (size_t i = 1; i < sink.count; i++)
			assert_true(sink.stamps[i - 1] <= sink.stamps[i]);
		for (int i = 0; i < RINGS; i++) {
			assert_int_equal(sink.parts[i].length, ends[i]);
			assert_int_equal(sink.parts[i].bytes +
					 16 * sink.parts[i].packets, ends[i]);
			assert_int_equal(sink.parts[i].disorder, 0);
		}
		merge_free(merge);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_all_that_may_be_older),
		cmocka_unit_test(lets_go_after_the_hold_back),
		cmocka_unit_test(nothing_has_no_time_of_arrival),
		cmocka_unit_test(counts_what_is_older_than_the_file),
		cmocka_unit_test(waits_for_who_may_come_but_not_for_ever),
		cmocka_unit_test(forgets_what_comes_again),
		cmocka_unit_test(refuses_a_record_that_cannot_be),
		cmocka_unit_test(bounds_what_is_held),
		cmocka_unit_test(shares_what_may_be_held),
		cmocka_unit_test(says_that_it_cannot_write),
		cmocka_unit_test(merges_by_chance),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector merge", tests, NULL, NULL);
}
