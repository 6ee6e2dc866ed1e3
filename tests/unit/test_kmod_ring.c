// SPDX-License-Identifier: MIT
/* The kernel's ring, compiled as it is, with the kernel's words in user space. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "record.h"
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
		pcapring_ring_count_dropped(ring, 1);
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
	assert_int_equal(f->ring.count.dropped, 1);
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
	assert_int_equal(f->ring.count.captured, fits);
	assert_int_equal(f->ring.count.dropped, 10);
	assert_int_equal(f->ring.count.seen, fits + 10);
	assert_memory_equal(&f->producer.count, &f->ring.count, sizeof(f->ring.count));

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
	pcapring_ring_settle(&f->ring);
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
		pcapring_ring_settle(&f->ring);
		assert_int_equal(f->consumer.tail, head);
		assert_int_equal(f->consumer.seen, head);
		assert_int_equal(f->ring.skips, ++skips);
	}
}

static void every_packet_is_counted_once(void **state)
{
	struct fixture *f = *state;
	struct pcapring_ring_state look;
	int i;

	for (i = 0; i < 300; i++) {
		if (i % 3 == 0) {
			spin_lock_bh(&f->ring.lock);
			pcapring_ring_count_filtered(&f->ring);
			spin_unlock_bh(&f->ring.lock);
		} else {
			capture(&f->ring, i, i);
		}
		pcapring_ring_look(&f->ring, &look);
		assert_int_equal(look.count.seen, i + 1);
		assert_int_equal(look.count.seen, look.count.captured + look.count.filtered +
				 look.count.dropped);
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
	assert_int_equal(f->ring.count.captured, RACE_RECORDS);
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
		assert_int_equal(pcapring_record_caplen(cases[i].readable, cases[i].tag_bytes,
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
		RING_TEST(what_cannot_be_a_record_is_none),
		RING_TEST(settling_goes_on_at_a_good_tail),
		RING_TEST(settling_skips_to_head_from_anywhere_else),
		RING_TEST(every_packet_is_counted_once),
		RING_TEST(a_reader_beside_the_producer_reads_what_was_written),
		cmocka_unit_test(the_kept_part_is_what_libpcap_keeps),
	};

	return cmocka_run_group_tests_name("kmod/ring", tests, NULL, NULL);
}
