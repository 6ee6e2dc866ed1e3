// SPDX-License-Identifier: MIT
/* The kernel's ring, compiled as it is, with the kernel's words in user space. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "caplen.h"
#include "ring.c"

#define RING_BYTES	4096
#define HEADER		sizeof(struct pcapring_record)

int kernel_fence_word;

struct fixture {
	struct pcapring_ring ring;
	struct pcapring_consumer consumer;
	struct pcapring_producer producer;
};

/* The data twice, back to back, as the kernel maps it. */
static u8 *map_twice(void)
{
	int fd = memfd_create("ring", 0);
	u8 *at = mmap(NULL, 2 * RING_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int half;

	assert_true(fd >= 0 && at != MAP_FAILED);
	assert_int_equal(ftruncate(fd, RING_BYTES), 0);
	for (half = 0; half < 2; half++)
		assert_true(mmap(at + half * RING_BYTES, RING_BYTES, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED);
	close(fd);
	return at;
}

static int set_up(void **state)
{
	struct fixture *f = aligned_alloc(64, sizeof(*f));

	memset(f, 0, sizeof(*f));
	pthread_mutex_init(&f->ring.lock.mutex, NULL);
	f->ring.size = RING_BYTES;
	f->ring.data = map_twice();
	f->ring.consumer = &f->consumer;
	f->ring.producer = &f->producer;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	munmap(f->ring.data, 2 * RING_BYTES);
	pthread_mutex_destroy(&f->ring.lock.mutex);
	free(f);
	return 0;
}

/* All positions at @position, as if so much had gone through the ring. */
static void start_at(struct fixture *f, u64 position)
{
	f->ring.head = position;
	f->ring.tail = position;
	f->producer.head = position;
	f->consumer.seen = position;
	f->consumer.tail = position;
}

struct outcome {
	bool captured;
	bool wake;
};

/* Drops are stamped with @fill, as are records. */
static struct outcome capture(struct pcapring_ring *ring, u32 caplen, u8 fill)
{
	struct pcapring_record record = { .ts_sec = fill, .caplen = caplen, .len = caplen };
	u64 bytes = pcapring_ring_record_bytes(caplen);
	struct outcome outcome = {};
	u8 *to;

	spin_lock_bh(&ring->lock);
	to = pcapring_ring_reserve(ring, bytes);
	if (to) {
		memcpy(to, &record, sizeof(record));
		memset(to + sizeof(record), fill, caplen);
		pcapring_ring_count_captured(ring, caplen, false);
		outcome.wake = pcapring_ring_commit(ring, bytes);
		outcome.captured = true;
	} else {
		pcapring_ring_count_dropped(ring, fill);
	}
	spin_unlock_bh(&ring->lock);
	return outcome;
}

static void assert_record(const struct pcapring_ring *ring, u64 position, u32 caplen, u8 fill)
{
	struct pcapring_record record = {};
	const u8 *data = pcapring_ring_at(ring, position);
	u32 i;

	assert_true(pcapring_ring_peek(ring, position, ring->head, &record));
	assert_int_equal(record.caplen, caplen);
	assert_int_equal(record.ts_sec, fill);
	for (i = 0; i < caplen; i++)
		assert_int_equal(data[HEADER + i], fill);
}

static void a_record_is_whole_wherever_it_begins(void **state)
{
	struct fixture *f = *state;
	u64 offset;

	for (offset = 0; offset < RING_BYTES; offset++) {
		start_at(f, 7ull * RING_BYTES + offset);
		assert_true(capture(&f->ring, 100, 1 + offset % 250).captured);
		assert_record(&f->ring, 7ull * RING_BYTES + offset, 100, 1 + offset % 250);
	}
}

static void positions_outlive_32_bits(void **state)
{
	struct fixture *f = *state;

	start_at(f, (1ull << 32) - 50);
	assert_true(capture(&f->ring, 100, 9).captured);
	assert_record(&f->ring, (1ull << 32) - 50, 100, 9);
	assert_int_equal(f->producer.head, (1ull << 32) - 50 + HEADER + 100);
}

static void a_record_may_fill_the_ring_exactly(void **state)
{
	struct fixture *f = *state;

	start_at(f, 123);
	assert_true(capture(&f->ring, RING_BYTES - HEADER, 5).captured);
	assert_record(&f->ring, 123, RING_BYTES - HEADER, 5);
	assert_false(capture(&f->ring, 0, 6).captured);
}

static void a_record_larger_than_the_ring_is_dropped(void **state)
{
	struct fixture *f = *state;

	assert_false(capture(&f->ring, RING_BYTES - HEADER + 1, 5).captured);
	assert_int_equal(f->ring.head, 0);
	assert_int_equal(f->producer.count.dropped, 1);
}

static void a_full_ring_drops_the_newest(void **state)
{
	struct fixture *f = *state;
	u32 fits = RING_BYTES / (HEADER + 48);
	u32 i;

	for (i = 0; i < fits + 10; i++)
		assert_int_equal(capture(&f->ring, 48, i).captured, i < fits);
	for (i = 0; i < fits; i++)
		assert_record(&f->ring, i * (HEADER + 48), 48, i);
	assert_int_equal(f->producer.count.captured, fits);
	assert_int_equal(f->producer.count.dropped, 10);
	assert_int_equal(f->producer.count.seen, fits + 10);

	/* room again as soon as the reader gives up one */
	pcapring_ring_release(&f->ring, HEADER + 48);
	assert_true(capture(&f->ring, 48, 77).captured);
	assert_false(capture(&f->ring, 48, 78).captured);
}

static void a_tail_out_of_range_means_no_room(void **state)
{
	const u64 head = 10 * RING_BYTES;
	const u64 tails[] = {
		head + 1, head + RING_BYTES, head - RING_BYTES - 1, 0, 1ull << 63, ~0ull,
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		start_at(f, head);
		f->ring.tail = head - RING_BYTES;	/* full, as far as it knows */
		f->consumer.tail = tails[i];
		assert_false(capture(&f->ring, 10, 1).captured);
		assert_int_equal(f->ring.bad_tails, i + 1);
		assert_int_equal(f->ring.head, head);
	}
}

static void a_reader_is_woken_only_where_it_sleeps(void **state)
{
	struct fixture *f = *state;

	assert_true(capture(&f->ring, 10, 1).wake);
	/* it has not looked since: it does not sleep */
	assert_false(capture(&f->ring, 10, 2).wake);
	f->consumer.seen = HEADER + 10;
	assert_false(capture(&f->ring, 10, 3).wake);
	f->consumer.seen = f->ring.head;
	assert_true(capture(&f->ring, 10, 4).wake);
}

static void a_watermark_holds_the_waking_up(void **state)
{
	struct fixture *f = *state;
	const u64 record = HEADER + 10;
	int i;

	f->consumer.wake_bytes = 3 * record;
	for (i = 1; i < 10; i++) {
		assert_int_equal(capture(&f->ring, 10, i).wake, i == 3);
		assert_int_equal(pcapring_ring_has_enough(&f->ring), i >= 3);
	}
	/* what it has not seen counts, wherever a record's bounds are */
	f->consumer.seen = f->ring.head - record;
	f->consumer.wake_bytes = 2 * record + 1;
	assert_false(capture(&f->ring, 10, 1).wake);
	assert_false(pcapring_ring_has_enough(&f->ring));
	assert_true(capture(&f->ring, 10, 1).wake);
	assert_true(pcapring_ring_has_enough(&f->ring));
	assert_false(capture(&f->ring, 10, 1).wake);
}

static void settling_takes_the_watermark_away(void **state)
{
	struct fixture *f = *state;

	f->consumer.wake_bytes = 1000;
	pcapring_ring_settle(&f->ring, PCAPRING_SNAPLEN_MAX);
	assert_int_equal(f->consumer.wake_bytes, 0);
}

/* All records of a ring that overwrites, oldest first, as @caplen and @fill say. */
static u32 walk(struct pcapring_ring *ring, u32 (*caplen)(u32), u32 last)
{
	u64 position = ring->producer->oldest;
	u64 bytes = 0;
	u32 count = 0;
	u32 i;

	while (position + bytes < ring->head) {
		struct pcapring_record record = {};

		assert_true(pcapring_ring_peek(ring, position + bytes, ring->head, &record));
		bytes += pcapring_ring_record_bytes(record.caplen);
		count++;
	}
	assert_int_equal(position + bytes, ring->head);
	for (i = last - count; i < last; i++) {
		assert_record(ring, position, caplen(i), i);
		position += pcapring_ring_record_bytes(caplen(i));
	}
	return count;
}

static u32 always_100(u32 number)
{
	(void)number;
	return 100;
}

static u32 many_sizes(u32 number)
{
	return number * 7919 % 700;
}

static void overwriting_keeps_the_newest_that_fit(void **state)
{
	struct fixture *f = *state;
	const u32 fits = RING_BYTES / (HEADER + 100);
	u32 i;

	f->ring.overwrite = true;
	for (i = 0; i < 300; i++) {
		assert_true(capture(&f->ring, 100, i).captured);
		assert_int_equal(walk(&f->ring, always_100, i + 1), i < fits ? i + 1 : fits);
	}
	assert_int_equal(f->producer.count.captured, 300);
	assert_int_equal(f->producer.count.overwritten, 300 - fits);
	assert_int_equal(f->producer.count.dropped, 0);
}

/* Had it kept one record more, there would have been no room for the newest. */
static void overwriting_drops_no_more_than_it_must(void **state)
{
	struct fixture *f = *state;
	u64 offset, kept;
	u32 count, i;

	f->ring.overwrite = true;
	for (offset = 0; offset < RING_BYTES; offset += 37) {
		start_at(f, 9 * RING_BYTES + offset);
		f->producer.oldest = f->ring.tail;
		for (i = 0; i < 100; i++) {
			assert_true(capture(&f->ring, many_sizes(i), i).captured);
			assert_int_equal(f->producer.oldest, f->ring.tail);
			kept = f->ring.head - f->producer.oldest;
			count = walk(&f->ring, many_sizes, i + 1);
			assert_true(kept <= RING_BYTES);
			if (count <= i)
				assert_true(kept + pcapring_ring_record_bytes(
						many_sizes(i - count)) > RING_BYTES);
		}
	}
}

static void a_record_as_large_as_the_ring_overwrites_all(void **state)
{
	struct fixture *f = *state;

	f->ring.overwrite = true;
	capture(&f->ring, 100, 1);
	capture(&f->ring, 200, 2);
	assert_true(capture(&f->ring, RING_BYTES - HEADER, 3).captured);
	assert_record(&f->ring, f->producer.oldest, RING_BYTES - HEADER, 3);
	assert_int_equal(f->producer.count.overwritten, 2);
	/* a larger one would never fit: the others stay */
	assert_false(capture(&f->ring, RING_BYTES - HEADER + 1, 4).captured);
	assert_record(&f->ring, f->producer.oldest, RING_BYTES - HEADER, 3);
}

static void overwriting_does_not_heed_the_reader(void **state)
{
	struct fixture *f = *state;
	u32 i;

	f->ring.overwrite = true;
	for (i = 0; i < 300; i++) {
		f->consumer.tail = i % 2 ? ~0ull / (i + 1) : f->ring.head;
		f->consumer.seen = i % 3 ? ~f->consumer.tail : i;
		f->consumer.wake_bytes = i % 5 ? 1ull << i % 64 : ~0ull;
		assert_true(capture(&f->ring, 100, i).captured);
		walk(&f->ring, always_100, i + 1);
	}
	assert_int_equal(f->ring.bad_tails, 0);
	pcapring_ring_settle(&f->ring, PCAPRING_SNAPLEN_MAX);
	assert_int_equal(f->ring.skips, 0);
	assert_int_equal(f->consumer.tail, f->producer.oldest);
	assert_int_equal(f->consumer.seen, f->producer.oldest);
}

static void emptiness_goes_by_what_is_left(void **state)
{
	struct fixture *f = *state;

	assert_true(pcapring_ring_is_empty(&f->ring));
	capture(&f->ring, 10, 1);
	assert_false(pcapring_ring_is_empty(&f->ring));
	pcapring_ring_release(&f->ring, f->ring.head);
	assert_true(pcapring_ring_is_empty(&f->ring));
	f->ring.overwrite = true;
	assert_false(pcapring_ring_is_empty(&f->ring));
}

static void freezing_is_seen_by_the_reader(void **state)
{
	struct fixture *f = *state;

	assert_false(pcapring_ring_is_frozen(&f->ring));
	pcapring_ring_set_frozen(&f->ring, true);
	assert_true(pcapring_ring_is_frozen(&f->ring));
	pcapring_ring_set_frozen(&f->ring, false);
	assert_false(pcapring_ring_is_frozen(&f->ring));
}

static void assert_gap(struct fixture *f, u64 number, u64 position, u64 count, u64 first, u64 last)
{
	const struct pcapring_gap *gap = &f->producer.gap[number % PCAPRING_GAPS];

	assert_in_range(number, f->producer.gap_tail, f->producer.gap_head - 1);
	assert_int_equal(gap->position, position);
	assert_int_equal(gap->count, count);
	assert_int_equal(gap->first, first);
	assert_int_equal(gap->last, last);
}

static void a_gap_says_where_packets_are_missing(void **state)
{
	struct fixture *f = *state;
	u64 full;
	int i;

	assert_int_equal(f->producer.gap_head, 0);
	while (capture(&f->ring, 100, 1).captured)
		;
	full = f->ring.head;
	for (i = 2; i < 10; i++)
		assert_false(capture(&f->ring, 100, i).captured);
	assert_int_equal(f->producer.gap_head, 1);
	assert_gap(f, 0, full, 9, 1, 9);

	pcapring_ring_release(&f->ring, 2 * (HEADER + 100));
	assert_true(capture(&f->ring, 100, 10).captured);
	assert_true(capture(&f->ring, 100, 11).captured);
	assert_false(capture(&f->ring, 100, 12).captured);
	assert_gap(f, 0, full, 9, 1, 9);
	assert_gap(f, 1, full + 2 * (HEADER + 100), 1, 12, 12);
	assert_int_equal(f->producer.gap_head, 2);
}

/* Fill the ring; then each turn frees one record, writes one and drops one. */
static void drop_in_turns(struct fixture *f, u32 turns)
{
	u32 i;

	while (f->ring.head - f->consumer.tail + HEADER + 48 <= RING_BYTES)
		assert_true(capture(&f->ring, 48, 1).captured);
	for (i = 0; i < turns; i++) {
		pcapring_ring_release(&f->ring, f->consumer.tail + HEADER + 48);
		assert_true(capture(&f->ring, 48, 2).captured);
		assert_false(capture(&f->ring, 48, 3).captured);
	}
}

static u64 gaps_sum(const struct fixture *f)
{
	u64 sum = 0;
	u64 i;

	for (i = f->producer.gap_tail; i < f->producer.gap_head; i++)
		sum += f->producer.gap[i % PCAPRING_GAPS].count;
	return sum;
}

/* 64 records of 64 bytes fill the ring; a turn makes a gap a record further. */
static void gaps_give_way_as_the_tail_passes(void **state)
{
	struct fixture *f = *state;
	u64 lowest;

	drop_in_turns(f, PCAPRING_GAPS);
	assert_int_equal(f->producer.gap_head, PCAPRING_GAPS);
	assert_int_equal(f->producer.gap_tail, 0);
	assert_int_equal(gaps_sum(f), f->producer.count.dropped);

	/* a turn on, the tail is at the first gap's position, which may go after that */
	assert_int_equal(f->consumer.tail, f->producer.gap[0].position - HEADER - 48);
	drop_in_turns(f, 1);
	assert_int_equal(f->producer.gap_head, PCAPRING_GAPS);
	assert_gap(f, PCAPRING_GAPS - 1, f->ring.head - HEADER - 48, 2, 3, 3);
	drop_in_turns(f, 1);
	assert_int_equal(f->producer.gap_tail, 1);
	assert_gap(f, PCAPRING_GAPS, f->ring.head, 1, 3, 3);

	drop_in_turns(f, 1000);
	lowest = f->producer.gap[f->producer.gap_tail % PCAPRING_GAPS].position;
	assert_in_range(lowest, f->consumer.tail, f->ring.head);
	assert_int_equal(f->producer.gap_head, f->ring.gap_head);
	assert_int_equal(f->producer.gap_tail, f->ring.gap_tail);
}

static void the_newest_gap_grows_when_no_other_can_go(void **state)
{
	struct fixture *f = *state;
	u64 head;
	u32 i;

	/* a tail below all gaps that are made */
	for (i = 0; i < PCAPRING_GAPS; i++) {
		capture(&f->ring, 0, 1);
		capture(&f->ring, RING_BYTES, 2);
	}
	head = f->ring.head;
	for (i = 0; i < 10; i++) {
		capture(&f->ring, 0, 3);
		capture(&f->ring, RING_BYTES, 4);
	}
	assert_int_equal(f->producer.gap_head, PCAPRING_GAPS);
	assert_gap(f, PCAPRING_GAPS - 1, head, 11, 2, 4);
	assert_int_equal(gaps_sum(f), f->producer.count.dropped);
	pcapring_ring_release(&f->ring, HEADER + 1);
	capture(&f->ring, RING_BYTES, 5);
	assert_gap(f, PCAPRING_GAPS, f->ring.head, 1, 5, 5);
}

static void gaps_of_an_overwritten_stretch_give_way(void **state)
{
	struct fixture *f = *state;
	u32 i;

	f->ring.overwrite = true;
	for (i = 0; i < 1000; i++) {
		capture(&f->ring, 2000, 1);
		capture(&f->ring, RING_BYTES, 2);
	}
	assert_int_equal(f->producer.gap_head, 1000);
	assert_gap(f, 999, f->ring.head, 1, 2, 2);
	assert_gap(f, 998, f->ring.head - 2000 - HEADER, 1, 2, 2);
}

static void what_cannot_be_a_record_is_none(void **state)
{
	struct fixture *f = *state;
	struct pcapring_record record;
	u32 huge = PCAPRING_SNAPLEN_MAX + 1;
	u64 head;

	capture(&f->ring, 20, 1);
	head = f->ring.head;
	assert_true(pcapring_ring_peek(&f->ring, 0, head, &record));
	assert_false(pcapring_ring_peek(&f->ring, head, head, &record));
	assert_false(pcapring_ring_peek(&f->ring, head + 1, head, &record));
	assert_false(pcapring_ring_peek(&f->ring, head - 15, head, &record));
	assert_false(pcapring_ring_peek(&f->ring, 0, head - 1, &record));
	assert_false(pcapring_ring_peek(&f->ring, head - RING_BYTES - 1, head, &record));
	memcpy(f->ring.data + offsetof(struct pcapring_record, caplen), &huge, sizeof(huge));
	assert_false(pcapring_ring_peek(&f->ring, 0, 1ull << 20, &record));
}

static void settling_goes_on_at_a_good_tail(void **state)
{
	struct fixture *f = *state;
	int i;

	start_at(f, RING_BYTES - 100);
	for (i = 0; i < 10; i++)
		capture(&f->ring, 30 + i, i);
	f->consumer.seen = 4711;	/* of a reader that died */
	f->consumer.tail = RING_BYTES - 100 + HEADER + 30;
	pcapring_ring_settle(&f->ring, PCAPRING_SNAPLEN_MAX);
	assert_int_equal(f->consumer.tail, RING_BYTES - 100 + HEADER + 30);
	assert_int_equal(f->consumer.seen, f->consumer.tail);
	assert_int_equal(f->ring.skips, 0);
}

static void settling_skips_to_head_from_anywhere_else(void **state)
{
	struct fixture *f = *state;
	u64 tail, head, skips = 0;
	int i;

	start_at(f, RING_BYTES);
	for (i = 0; i < 4; i++)
		capture(&f->ring, 40, 0xff);
	head = f->ring.head;
	for (tail = RING_BYTES - 1; tail <= head + 40; tail++) {
		if (tail >= RING_BYTES && tail <= head && (tail - RING_BYTES) % (HEADER + 40) == 0)
			continue;
		f->consumer.tail = tail;
		pcapring_ring_settle(&f->ring, PCAPRING_SNAPLEN_MAX);
		assert_int_equal(f->consumer.tail, head);
		assert_int_equal(f->consumer.seen, head);
		assert_int_equal(f->ring.skips, ++skips);
	}
}

/* Moved back behind what the kernel knew, as far as records are still there. */
static void settling_keeps_what_a_tail_moved_back_gives(void **state)
{
	struct fixture *f = *state;
	u64 tail;
	u8 i;

	for (i = 0; i < 8; i++)
		capture(&f->ring, RING_BYTES / 8 - HEADER, i);
	f->consumer.tail = f->ring.head;
	capture(&f->ring, RING_BYTES / 8 - HEADER, i);
	tail = f->ring.head - RING_BYTES / 2;
	f->consumer.tail = tail;
	pcapring_ring_settle(&f->ring, PCAPRING_SNAPLEN_MAX);
	assert_int_equal(f->consumer.tail, tail);
	assert_int_equal(f->ring.skips, 0);
	assert_true(capture(&f->ring, RING_BYTES / 2 - HEADER, 0xff).captured);
	assert_false(capture(&f->ring, 0, 0xff).captured);
	assert_record(&f->ring, tail, RING_BYTES / 8 - HEADER, 5);
}

static void settling_gives_no_record_above_the_snaplen(void **state)
{
	struct fixture *f = *state;

	capture(&f->ring, 100, 1);
	f->consumer.tail = f->ring.head;
	capture(&f->ring, 60, 2);
	pcapring_ring_settle(&f->ring, 60);
	assert_int_equal(f->consumer.tail, HEADER + 100);
	f->consumer.tail = 0;
	pcapring_ring_settle(&f->ring, 60);
	assert_int_equal(f->consumer.tail, f->ring.head);
	assert_int_equal(f->ring.skips, 1);
}

static void every_packet_is_counted_once(void **state)
{
	struct fixture *f = *state;
	struct pcapring_ring_state look;
	int i;

	for (i = 0; i < 300; i++) {
		spin_lock_bh(&f->ring.lock);
		if (i % 6 == 0)
			pcapring_ring_count_filtered(&f->ring);
		else if (i % 6 == 1)
			pcapring_ring_count_sampled(&f->ring);
		else if (i % 6 == 2)
			pcapring_ring_count_paused(&f->ring);
		spin_unlock_bh(&f->ring.lock);
		if (i % 6 > 2)
			capture(&f->ring, i, i);
		pcapring_ring_look(&f->ring, &look);
		assert_int_equal(look.count.seen, i + 1);
		assert_int_equal(look.count.seen, look.count.captured + look.count.filtered +
				 look.count.sampled + look.count.paused + look.count.dropped);
		assert_memory_equal(&f->producer.count, &look.count, sizeof(look.count));
		assert_int_equal(look.head, look.count.bytes + HEADER * look.count.captured);
	}
	assert_true(look.count.dropped > 0 && look.count.captured > 0);
}

#define RACE_RECORDS 200000

static void *race_producer(void *argument)
{
	struct fixture *f = argument;
	int sent = 0;

	while (sent < RACE_RECORDS) {
		if (capture(&f->ring, sent % 100, sent).captured)
			sent++;
		else
			sched_yield();
	}
	return NULL;
}

static void a_reader_beside_the_producer_reads_what_was_written(void **state)
{
	struct fixture *f = *state;
	struct pcapring_record record;
	pthread_t producer;
	u64 position = 0;
	int got = 0;

	start_at(f, 0);
	assert_int_equal(pthread_create(&producer, NULL, race_producer, f), 0);
	while (got < RACE_RECORDS) {
		u64 head = smp_load_acquire(&f->producer.head);

		if (head == position) {
			sched_yield();
			continue;
		}
		assert_true(pcapring_ring_peek(&f->ring, position, head, &record));
		assert_int_equal(record.caplen, got % 100);
		assert_int_equal(record.ts_sec, (u8)got);
		if (record.caplen)
			assert_int_equal(f->ring.data[(position + HEADER) % RING_BYTES], (u8)got);
		position += pcapring_ring_record_bytes(record.caplen);
		pcapring_ring_release(&f->ring, position);
		got++;
	}
	pthread_join(producer, NULL);
	assert_int_equal(f->producer.count.captured, RACE_RECORDS);
}

/*
 * In overwrite mode the producer writes what a reader copies: words, so that
 * both are atomic in terms of C. Each record is full of its own position.
 */
static u32 overwrite_race_caplen(u64 position)
{
	return position / 8 % 31 * 8;
}

static void *overwrite_race_producer(void *argument)
{
	struct fixture *f = argument;
	struct pcapring_ring *ring = &f->ring;
	int i;
	u32 at;

	for (i = 0; i < RACE_RECORDS; i++) {
		u32 caplen = overwrite_race_caplen(ring->head);
		struct pcapring_record record = { .caplen = caplen };
		u64 header[2];
		u64 *to;

		memcpy(header, &record, sizeof(header));
		spin_lock_bh(&ring->lock);
		to = pcapring_ring_reserve(ring, HEADER + caplen);
		WRITE_ONCE(to[0], header[0]);
		WRITE_ONCE(to[1], header[1]);
		for (at = 0; at < caplen; at += 8)
			WRITE_ONCE(to[2 + at / 8], ring->head);
		pcapring_ring_count_captured(ring, caplen, false);
		pcapring_ring_commit(ring, HEADER + caplen);
		spin_unlock_bh(&ring->lock);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

/* Bytes of the record at @position, and that it is one; 0: it was overwritten. */
static u64 overwrite_race_read(const struct pcapring_ring *ring, u64 position)
{
	const u64 *from = pcapring_ring_at(ring, position);
	u32 words = 2 + overwrite_race_caplen(position) / 8;
	u64 copy[2 + 32];
	struct pcapring_record record;
	u32 i;

	for (i = 0; i < words; i++)
		copy[i] = READ_ONCE(from[i]);
	if (!pcapring_ring_still_has(ring, position))
		return 0;
	memcpy(&record, copy, sizeof(record));
	assert_int_equal(record.caplen, overwrite_race_caplen(position));
	for (i = 2; i < words; i++)
		assert_int_equal(copy[i], position);
	return HEADER + record.caplen;
}

static void a_reader_beside_overwriting_knows_what_it_got(void **state)
{
	struct fixture *f = *state;
	u64 position = 0, bytes;
	pthread_t producer;
	u32 got = 0;

	start_at(f, 0);
	f->ring.overwrite = true;
	assert_int_equal(pthread_create(&producer, NULL, overwrite_race_producer, f), 0);
	while (READ_ONCE(f->producer.count.captured) < RACE_RECORDS) {
		if (position == smp_load_acquire(&f->producer.head)) {
			sched_yield();
			continue;
		}
		bytes = overwrite_race_read(&f->ring, position);
		position = bytes ? position + bytes : READ_ONCE(f->producer.oldest);
		got += !!bytes;
	}
	pthread_join(producer, NULL);
	assert_true(got > 0);
	assert_true(f->producer.count.overwritten > 0);
}

static void the_kept_part_is_what_libpcap_keeps(void **state)
{
	static const struct {
		u32 readable, tag_bytes, verdict, snaplen, caplen;
	} cases[] = {
		{ 60, 0, ~0u, 262144, 60 },
		{ 60, 4, ~0u, 262144, 64 },
		{ 60, 4, ~0u, 62, 62 },
		{ 60, 4, ~0u, 60, 60 },
		{ 1500, 0, 96, 262144, 96 },
		{ 1500, 4, 96, 262144, 100 },
		{ 1500, 4, 96, 96, 96 },
		{ 500000, 0, ~0u, 262144, 262144 },
		{ 500000, 4, ~0u, 262144, 262144 },
		{ 0, 0, ~0u, 262144, 0 },
		{ 14, 0, ~0u, 1, 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(pcapring_caplen(cases[i].readable, cases[i].tag_bytes,
							cases[i].verdict, cases[i].snaplen),
				 cases[i].caplen);
}

#define RING_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RING_TEST(a_record_is_whole_wherever_it_begins),
		RING_TEST(positions_outlive_32_bits),
		RING_TEST(a_record_may_fill_the_ring_exactly),
		RING_TEST(a_record_larger_than_the_ring_is_dropped),
		RING_TEST(a_full_ring_drops_the_newest),
		RING_TEST(a_tail_out_of_range_means_no_room),
		RING_TEST(a_reader_is_woken_only_where_it_sleeps),
		RING_TEST(a_watermark_holds_the_waking_up),
		RING_TEST(settling_takes_the_watermark_away),
		RING_TEST(overwriting_keeps_the_newest_that_fit),
		RING_TEST(overwriting_drops_no_more_than_it_must),
		RING_TEST(a_record_as_large_as_the_ring_overwrites_all),
		RING_TEST(overwriting_does_not_heed_the_reader),
		RING_TEST(emptiness_goes_by_what_is_left),
		RING_TEST(freezing_is_seen_by_the_reader),
		RING_TEST(a_gap_says_where_packets_are_missing),
		RING_TEST(gaps_give_way_as_the_tail_passes),
		RING_TEST(the_newest_gap_grows_when_no_other_can_go),
		RING_TEST(gaps_of_an_overwritten_stretch_give_way),
		RING_TEST(what_cannot_be_a_record_is_none),
		RING_TEST(settling_goes_on_at_a_good_tail),
		RING_TEST(settling_skips_to_head_from_anywhere_else),
		RING_TEST(settling_keeps_what_a_tail_moved_back_gives),
		RING_TEST(settling_gives_no_record_above_the_snaplen),
		RING_TEST(every_packet_is_counted_once),
		RING_TEST(a_reader_beside_the_producer_reads_what_was_written),
		RING_TEST(a_reader_beside_overwriting_knows_what_it_got),
		cmocka_unit_test(the_kept_part_is_what_libpcap_keeps),
	};

	return cmocka_run_group_tests_name("kmod/ring", tests, NULL, NULL);
}
