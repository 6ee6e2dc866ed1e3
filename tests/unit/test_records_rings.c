// SPDX-License-Identifier: MIT
/* records: who holds what of a ring, and when rings come to their end. */
#include <unistd.h>

#include "unit.h"

#include "channel/backoff.h"
#include "common/log.h"
#include "sending.h"

/* A ring that is full all the time, reused many times over. */
static void test_memory_is_not_reused_too_early(void **state)
{
	static const uint32_t sizes[] = { 60, 1500, 0, 1023, 1024, 4000, 9000, 1500 };
	static uint8_t stream[1 << 20];
	uint64_t length = 0, acked = START;
	struct collector_call *call;
	uint32_t number = 0;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 16);
	sending_go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	while (number < 10000) {
		while (f.written < 10000 && sending_try_append(&f, 0, sizes[f.written & 7]))
			;
		assert_true(collector_next(call));
		sending_check_data(call, stream, &length);
		acked += sending_check_records(stream, &length, &number);
		collector_ack(call, acked);
		/* no more will come without more room */
		if (acked == sending_head(&f, 0))
			sending_wait_for_tail(&f, 0, acked);
	}
	assert_int_equal(acked, sending_head(&f, 0));
	sending_finish(&f, call, acked);
	assert_int_equal(sending_tail(&f, 0), acked);
	sending_end(&f);
}

/* An old call's slices are in core's hands: here, an extent that the test holds. */
static void test_the_tail_waits_for_what_an_old_call_refers_to(void **state)
{
	struct collector_call *call;
	struct extent *old;
	struct sending f;
	uint64_t first;

	(void)state;
	sending_begin(&f, 1, 1 << 16);
	sending_append(&f, 0, 1500);
	first = sending_head(&f, 0);
	sending_append(&f, 0, 1500);
	sending_start(&f);
	old = extents_hold(f.extents, first + 100, sending_head(&f, 0));
	sending_launch(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	sending_take(call, START, sending_head(&f, 0));
	collector_ack(call, first);
	sending_wait_for_tail(&f, 0, first);
	/* a ring full, acknowledged to its end: the tail lies before the extent */
	for (uint64_t from = sending_head(&f, 0); sending_try_append(&f, 0, 1400);
	     from = sending_head(&f, 0)) {
		sending_take(call, from, sending_head(&f, 0));
		collector_ack(call, sending_head(&f, 0));
		assert_int_equal(sending_tail(&f, 0), first);
	}
	assert_true(sending_head(&f, 0) - first > (1 << 16) - 2000);
	collector_ack(call, sending_head(&f, 0));
	assert_int_equal(sending_tail(&f, 0), first);
	extent_let_go(old);
	sending_wait_for_tail(&f, 0, sending_head(&f, 0));
	sending_finish(&f, call, sending_head(&f, 0));
	sending_end(&f);
}

static void test_a_ring_waits_where_all_extents_are_held(void **state)
{
	struct extent *old[EXTENTS_MAX];
	struct collector_call *call;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 16);
	sending_append(&f, 0, 1500);
	sending_start(&f);
	for (int i = 0; i < EXTENTS_MAX; i++)
		old[i] = extents_hold(f.extents, START, START + 1);
	sending_launch(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	for (int i = 0; i < EXTENTS_MAX; i++)
		extent_let_go(old[i]);
	sending_take(call, START, sending_head(&f, 0));
	sending_finish(&f, call, sending_head(&f, 0));
	sending_end(&f);
}

static void test_a_deleted_capture_is_drained(void **state)
{
	struct collector_call *call;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 20);
	sending_append(&f, 0, 1500);
	assert_int_equal(pipe(f.device), 0);
	sending_go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	sending_take(call, START, sending_head(&f, 0));
	sending_append(&f, 0, 100);
	close(f.device[1]);
	sending_take(call, START + RECORD(1500), sending_head(&f, 0));
	/* what was not acknowledged would be lost: another call */
	collector_end(call, UNAVAILABLE);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, false);
	sending_take(call, START, sending_head(&f, 0));
	sending_take_end(call);
	collector_ack(call, sending_head(&f, 0));
	collector_end(call, 0);
	sending_join(&f);
	assert_int_equal(f.result, RECORDS_OK);
	close(f.device[0]);
	sending_end(&f);
}

static struct collector_call *by_ring(struct collector_call **calls, unsigned int ring)
{
	return calls[calls[0]->hello->ring == ring ? 0 : 1];
}

/* A producer that loses a packet whenever somebody looks at its ring. */
static uint64_t *drops;

bool __real_reader_load(const struct reader *reader, struct reader_ring *ring);
bool __wrap_reader_load(const struct reader *reader, struct reader_ring *ring);

bool __wrap_reader_load(const struct reader *reader, struct reader_ring *ring)
{
	uint64_t *dropped = __atomic_load_n(&drops, __ATOMIC_RELAXED);

	if (dropped)
		__atomic_add_fetch(dropped, 1, __ATOMIC_RELAXED);
	return __real_reader_load(reader, ring);
}

/* What is lost behind the last record does not keep a run from its end. */
static void test_the_end_comes_while_packets_are_dropped(void **state)
{
	struct collector_call *call;
	unsigned int marks = 0;
	uint64_t *dropped;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 16);
	sending_append(&f, 0, 1500);
	sending_go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	sending_take(call, START, sending_head(&f, 0));
	dropped = (uint64_t *)&memring_producer(&f.memring, 0)->count.dropped;
	__atomic_store_n(dropped, 7, __ATOMIC_RELAXED);
	__atomic_store_n(&drops, dropped, __ATOMIC_RELAXED);
	sending_stop(&f);
	while (collector_next(call)) {
		assert_true(++marks < 10);
		assert_true(call->records->dropped >= 7);
	}
	assert_true(marks > 0);
	__atomic_store_n(&drops, NULL, __ATOMIC_RELAXED);
	collector_ack(call, sending_head(&f, 0));
	collector_end(call, 0);
	sending_join(&f);
	assert_int_equal(f.result, RECORDS_OK);
	sending_end(&f);
}

static void test_an_idle_ring_says_how_far_it_is_complete(void **state)
{
	struct collector_call *calls[RINGS], *busy, *idle;
	struct sending f;
	uint64_t until;

	(void)state;
	sending_begin(&f, RINGS, 1 << 20);
	sending_go(&f);
	for (int i = 0; i < RINGS; i++) {
		calls[i] = collector_accept(f.collector);
		assert_int_equal(calls[i]->hello->ring_count, RINGS);
		collector_welcome(calls[i], 'c', START, true);
	}
	busy = by_ring(calls, 1);
	idle = by_ring(calls, 0);
	for (int i = 0; i < 3; i++) {
		sending_append(&f, 1, 100);
		sending_take(busy, sending_head(&f, 1) - RECORD(100), sending_head(&f, 1));
		until = busy->records->complete_until;
		assert_true(until > 0);
		do
			assert_true(collector_next(idle));
		while (idle->records->complete_until < until);
		assert_int_equal(idle->records->data.len, 0);
		assert_int_equal(idle->records->offset, START);
	}
	sending_stop(&f);
	sending_take_end(idle);
	sending_take_end(busy);
	collector_ack(busy, sending_head(&f, 1));
	collector_end(idle, 0);
	collector_end(busy, 0);
	sending_join(&f);
	assert_int_equal(f.result, RECORDS_OK);
	sending_end(&f);
}

static void test_calls_do_not_wait_for_each_other(void **state)
{
	struct collector_call *calls[RINGS], *other;
	struct sending f;

	(void)state;
	sending_begin(&f, RINGS, 1 << 20);
	sending_go(&f);
	for (int i = 0; i < RINGS; i++)
		calls[i] = collector_accept(f.collector);
	/* ring 0 is not welcome, and has packets */
	other = by_ring(calls, 1);
	collector_welcome(other, 'c', START, true);
	for (int i = 0; i < 5; i++) {
		sending_append(&f, 0, 1500);
		sending_append(&f, 1, 1500);
		sending_take(other, sending_head(&f, 1) - RECORD(1500), sending_head(&f, 1));
	}
	sending_stop(&f);
	collector_end(by_ring(calls, 0), UNAVAILABLE);
	sending_take_end(other);
	collector_ack(other, sending_head(&f, 1));
	collector_end(other, 0);
	sending_join(&f);
	assert_int_equal(f.result, RECORDS_OK);
	assert_int_equal(sending_tail(&f, 0), START);
	assert_int_equal(sending_tail(&f, 1), sending_head(&f, 1));
	sending_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_not_reused_too_early),
		cmocka_unit_test(test_the_tail_waits_for_what_an_old_call_refers_to),
		cmocka_unit_test(test_a_ring_waits_where_all_extents_are_held),
		cmocka_unit_test(test_a_deleted_capture_is_drained),
		cmocka_unit_test(test_the_end_comes_while_packets_are_dropped),
		cmocka_unit_test(test_an_idle_ring_says_how_far_it_is_complete),
		cmocka_unit_test(test_calls_do_not_wait_for_each_other),
	};

	backoff_first_ms = 100;
	log_open("# test_records_rings", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
