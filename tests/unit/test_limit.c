// SPDX-License-Identifier: MIT
/* Where rings end when so many packets, or bytes of them, were wanted. */
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "clock.h"
#include "limit.h"
#include "memring.h"
#include "source/reader.h"

#define RING_BYTES	65536
#define RECORD(caplen)	(sizeof(struct pcapring_record) + (caplen))

struct fixture {
	struct memring memring;
	struct reader reader;
	struct limit limit;
	bool done;
};

static uint8_t data[RING_BYTES];

static void begin(struct fixture *f, unsigned int rings, uint64_t start)
{
	f->done = false;
	memring_create(&f->memring, rings, RING_BYTES, start);
	assert_true(reader_open_fd(&f->reader, dup(f->memring.fd), "memring"));
	f->limit = (struct limit) {
		.packets = LIMIT_NONE, .bytes = LIMIT_NONE, .until = CLOCK_NEVER,
	};
}

static void end(struct fixture *f)
{
	reader_close(&f->reader);
	memring_destroy(&f->memring);
}

static void append(struct fixture *f, unsigned int ring, uint32_t second, uint32_t caplen)
{
	const struct pcapring_record header = { second, 0, caplen, caplen };

	assert_true(memring_append(&f->memring, ring, &header, data));
}

static enum limit_result look(struct fixture *f)
{
	for (unsigned int i = 0; i < f->reader.ring_count; i++)
		assert_true(reader_load(&f->reader, &f->reader.rings[i]));
	return limit_look(&f->limit, &f->reader);
}

static uint64_t left(const struct fixture *f, unsigned int ring)
{
	return f->reader.rings[ring].head - f->reader.rings[ring].tail;
}

/* What was counted is not looked at: it may be anything. */
static void test_counters_spare_a_walk(void **state)
{
	static const uint8_t garbage[10 * RECORD(100)] = { [0 ... 10 * RECORD(100) - 1] = 0xff };
	struct fixture f;

	(void)state;
	begin(&f, 1, 0);
	f.limit.packets = 25;
	append(&f, 0, 1, 100);
	limit_start(&f.limit, &f.reader);
	assert_int_equal(look(&f), LIMIT_BELOW);
	for (int i = 0; i < 10; i++)
		append(&f, 0, 2, 100);
	memring_write(&f.memring, 0, RECORD(100), garbage, sizeof(garbage));
	assert_int_equal(look(&f), LIMIT_BELOW);
	for (int i = 0; i < 20; i++)
		append(&f, 0, 3, 60);
	assert_int_equal(look(&f), LIMIT_REACHED);
	assert_int_equal(left(&f, 0), 11 * RECORD(100) + 14 * RECORD(60));
	assert_true(f.reader.frozen);
	end(&f);
}

/* The kernel stores head, then each counter: any of them may be late. */
static void test_counters_of_different_packets_are_not_believed(void **state)
{
	struct pcapring_counters *count;
	struct fixture f;

	(void)state;
	for (int late = 0; late < 3; late++) {
		begin(&f, 1, 0);
		count = &memring_producer(&f.memring, 0)->count;
		f.limit.packets = 12;
		limit_start(&f.limit, &f.reader);
		for (int i = 0; i < 10; i++)
			append(&f, 0, 1, 16);
		assert_int_equal(look(&f), LIMIT_BELOW);
		append(&f, 0, 2, 16);
		count->captured -= late != 1;
		count->bytes -= late != 0 ? 16 : 0;
		assert_int_equal(look(&f), LIMIT_BELOW);
		assert_int_equal(f.limit.taken, 11);
		count->captured += late != 1;
		count->bytes += late != 0 ? 16 : 0;
		append(&f, 0, 3, 16);
		append(&f, 0, 4, 16);
		assert_int_equal(look(&f), LIMIT_REACHED);
		assert_int_equal(left(&f, 0), 12 * RECORD(16));
		end(&f);
	}
}

static void test_counting_begins_at_the_tail(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 1, 0);
	for (int i = 0; i < 30; i++)
		append(&f, 0, 1, 40);
	assert_true(reader_load(&f.reader, &f.reader.rings[0]));
	reader_release(&f.reader.rings[0], 10 * RECORD(40));
	f.limit.packets = 25;
	limit_start(&f.limit, &f.reader);
	assert_int_equal(look(&f), LIMIT_BELOW);
	for (int i = 0; i < 10; i++)
		append(&f, 0, 2, 40);
	assert_int_equal(look(&f), LIMIT_REACHED);
	assert_int_equal(left(&f, 0), 25 * RECORD(40));
	end(&f);
}

static void test_the_oldest_of_all_rings_are_kept(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 3, 1ULL << 40);
	f.limit.packets = 7;
	limit_start(&f.limit, &f.reader);
	for (uint32_t second = 1; second <= 12; second++)
		append(&f, second % 2 ? 0 : 2, second, 10 * second);
	assert_int_equal(look(&f), LIMIT_REACHED);
	assert_int_equal(left(&f, 0), RECORD(10) + RECORD(30) + RECORD(50) + RECORD(70));
	assert_int_equal(left(&f, 1), 0);
	assert_int_equal(left(&f, 2), RECORD(20) + RECORD(40) + RECORD(60));
	/* for good */
	append(&f, 1, 1, 1);
	assert_int_equal(look(&f), LIMIT_REACHED);
	assert_int_equal(left(&f, 1), 0);
	end(&f);
}

static void test_the_packet_that_completes_the_bytes_is_the_last(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 1, 0);
	f.limit.bytes = 301;
	limit_start(&f.limit, &f.reader);
	for (int i = 0; i < 3; i++)
		append(&f, 0, 1, 100);
	assert_int_equal(look(&f), LIMIT_BELOW);
	append(&f, 0, 1, 0);
	append(&f, 0, 1, 100);
	append(&f, 0, 1, 100);
	assert_int_equal(look(&f), LIMIT_REACHED);
	assert_int_equal(left(&f, 0), 4 * RECORD(100) + RECORD(0));
	end(&f);
}

static void test_a_corrupted_ring_is_an_error(void **state)
{
	struct pcapring_record record = { .caplen = 50000 };
	struct fixture f;

	(void)state;
	begin(&f, 1, 1ULL << 40);
	f.limit.packets = 3;
	limit_start(&f.limit, &f.reader);
	append(&f, 0, 1, 100);
	memring_write(&f.memring, 0, 1ULL << 40, &record, sizeof(record));
	assert_int_equal(look(&f), LIMIT_BROKEN);
	end(&f);

	/* more are counted than there are */
	begin(&f, 1, 0);
	f.limit.packets = 3;
	limit_start(&f.limit, &f.reader);
	assert_int_equal(look(&f), LIMIT_BELOW);
	append(&f, 0, 1, 64);
	memring_producer(&f.memring, 0)->count.captured = 5;
	memring_producer(&f.memring, 0)->count.bytes = 0;
	assert_int_equal(look(&f), LIMIT_BROKEN);
	end(&f);
}

#define MANY	300000

static void *produce(void *context)
{
	struct fixture *f = context;

	for (uint32_t i = 0; i < MANY + 1000; i++) {
		const struct pcapring_record header = { i, 0, i % 100, i % 100 };

		while (!memring_append(&f->memring, 0, &header, data))
			if (__atomic_load_n(&f->done, __ATOMIC_RELAXED))
				return NULL;
	}
	return NULL;
}

/* The kernel writes, and counts, while somebody counts with it. */
static void test_counting_keeps_up_with_the_kernel(void **state)
{
	struct pcapring_record last;
	pthread_t kernel;
	struct fixture f;
	struct reader_ring *ring;

	(void)state;
	begin(&f, 1, 0);
	ring = &f.reader.rings[0];
	f.limit.packets = MANY;
	limit_start(&f.limit, &f.reader);
	assert_int_equal(pthread_create(&kernel, NULL, produce, &f), 0);
	while (look(&f) == LIMIT_BELOW)
		reader_release(ring, ring->head);
	__atomic_store_n(&f.done, true, __ATOMIC_RELAXED);
	pthread_join(kernel, NULL);
	assert_true(left(&f, 0));
	for (ring->position = ring->tail; ring->position != ring->head;
	     ring->position += RECORD(last.caplen))
		assert_true(reader_peek(&f.reader, ring, &last));
	assert_int_equal(last.ts_sec, MANY - 1);
	end(&f);
}

static void test_packet_by_packet(void **state)
{
	struct limit limit = { .packets = 3, .bytes = 1000 };

	(void)state;
	limit_take(&limit, 10);
	limit_take(&limit, 10);
	assert_false(limit_is_over(&limit));
	limit_take(&limit, 10);
	assert_true(limit_is_over(&limit));
	limit = (struct limit) { .packets = LIMIT_NONE, .bytes = 100 };
	limit_take(&limit, 99);
	assert_false(limit_is_over(&limit));
	limit_take(&limit, 1000);
	assert_true(limit_is_over(&limit));
	limit = (struct limit) { .packets = LIMIT_NONE, .bytes = LIMIT_NONE };
	limit_take(&limit, 1000);
	assert_false(limit_is_over(&limit));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters_spare_a_walk),
		cmocka_unit_test(test_counters_of_different_packets_are_not_believed),
		cmocka_unit_test(test_counting_begins_at_the_tail),
		cmocka_unit_test(test_the_oldest_of_all_rings_are_kept),
		cmocka_unit_test(test_the_packet_that_completes_the_bytes_is_the_last),
		cmocka_unit_test(test_a_corrupted_ring_is_an_error),
		cmocka_unit_test(test_counting_keeps_up_with_the_kernel),
		cmocka_unit_test(test_packet_by_packet),
	};

	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
