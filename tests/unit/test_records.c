// SPDX-License-Identifier: MIT
/*
 * records: each line of the table in records.proto; what is said, and what is made of it.
 */
#include <string.h>

#include "unit.h"

#include "channel/backoff.h"
#include "common/log.h"
#include "sending.h"

static void test_bytes_arrive_and_acks_free_them(void **state)
{
	struct collector_call *call;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 20);
	sending_append(&f, 0, 1500);
	sending_append(&f, 0, 60);
	sending_go(&f);
	call = collector_accept(f.collector);
	assert_string_equal(call->method, "/pcapring.v1.Collector/Stream");
	assert_non_null(call->hello);
	assert_int_equal(call->hello->boot_id.len, 16);
	assert_memory_equal(call->hello->capture.data, "uuuuuuuuuuuuuuuu", 16);
	assert_int_equal(call->hello->ring_count, 1);
	assert_int_equal(call->hello->ring_bytes, 1 << 20);
	assert_int_equal(call->hello->tail, START);
	assert_int_equal(call->hello->head, START + RECORD(1500) + RECORD(60));
	assert_int_equal(call->hello->sent, START);
	assert_int_equal(call->hello->collector.len, 0);
	assert_string_equal(call->hello->sensor, "sensor-1");
	assert_string_equal(call->hello->interface, "mem0");
	assert_int_equal(call->hello->linktype, 1);
	assert_int_equal(call->hello->snaplen, PCAPRING_SNAPLEN_MAX);
	collector_welcome(call, 'c', START, true);
	sending_take(call, START, sending_head(&f, 0));
	assert_true(call->records->complete_until > 0);
	assert_int_equal(sending_tail(&f, 0), START);
	collector_ack(call, START + RECORD(1500));
	sending_wait_for_tail(&f, 0, START + RECORD(1500));
	memring_producer(&f.memring, 0)->count.dropped = 7;
	sending_append(&f, 0, 100);
	sending_take(call, START + RECORD(1500) + RECORD(60), sending_head(&f, 0));
	assert_int_equal(call->records->dropped, 7);
	sending_finish(&f, call, sending_head(&f, 0));
	assert_int_equal(sending_tail(&f, 0), sending_head(&f, 0));
	assert_int_equal(f.counts.acknowledged, sending_head(&f, 0) - START);
	assert_int_equal(f.counts.again, 0);
	sending_end(&f);
}

static void test_nothing_is_sent_before_welcome(void **state)
{
	struct collector_call *call, *second;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 20);
	f.config.welcome_ms = 300;
	sending_append(&f, 0, 1500);
	sending_go(&f);
	call = collector_accept(f.collector);
	sending_append(&f, 0, 1500);
	assert_false(collector_next(call));	/* the sensor gave it up */
	second = collector_accept(f.collector);
	assert_true(second->hello->generation > call->hello->generation);
	assert_int_equal(second->hello->sent, START);
	collector_end(call, 0);
	collector_welcome(second, 'c', START, true);
	sending_take(second, START, sending_head(&f, 0));
	sending_finish(&f, second, sending_head(&f, 0));
	sending_end(&f);
}

/* What it holds may not be synced: the tail waits for the Ack that says so. */
static void test_it_goes_on_where_the_collector_stands(void **state)
{
	struct collector_call *call;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 20);
	sending_append(&f, 0, 1500);
	sending_append(&f, 0, 1500);
	sending_go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START + RECORD(1500), false);
	sending_take(call, START + RECORD(1500), sending_head(&f, 0));
	assert_int_equal(sending_tail(&f, 0), START);
	collector_ack(call, START);
	collector_ack(call, START + RECORD(1500));
	sending_wait_for_tail(&f, 0, START + RECORD(1500));
	sending_finish(&f, call, sending_head(&f, 0));
	assert_int_equal(f.counts.elsewhere + f.counts.again + f.counts.twice, 0);
	sending_end(&f);
}

static void test_what_is_not_there_any_more_was_consumed_elsewhere(void **state)
{
	struct collector_call *call;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 20);
	sending_append(&f, 0, 1500);
	sending_go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START - 1000, false);
	sending_take(call, START, sending_head(&f, 0));
	collector_ack(call, START - 1000);	/* what it had is safe, it says */
	sending_finish(&f, call, sending_head(&f, 0));
	assert_int_equal(f.counts.elsewhere, 1000);
	assert_int_equal(f.counts.acknowledged, RECORD(1500));
	sending_end(&f);
}

static void test_what_the_ring_never_held_ends_the_call(void **state)
{
	struct collector_call *call;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 20);
	sending_append(&f, 0, 1500);
	sending_go(&f);
	for (int i = 0; i < 2; i++) {
		call = collector_accept(f.collector);
		collector_welcome(call, 'c', sending_head(&f, 0) + 1, false);
		assert_false(collector_next(call));
		collector_end(call, 0);
	}
	assert_int_equal(sending_tail(&f, 0), START);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	sending_take(call, START, sending_head(&f, 0));
	sending_finish(&f, call, sending_head(&f, 0));
	sending_end(&f);
}

static void test_another_collector_may_get_bytes_twice(void **state)
{
	struct collector_call *call;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 20);
	sending_append(&f, 0, 1500);
	sending_append(&f, 0, 1500);
	sending_go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'a', START, true);
	sending_take(call, START, sending_head(&f, 0));
	collector_ack(call, START + RECORD(1500));
	sending_wait_for_tail(&f, 0, START + RECORD(1500));
	collector_end(call, UNAVAILABLE);
	call = collector_accept(f.collector);
	assert_int_equal(call->hello->tail, START + RECORD(1500));
	assert_int_equal(call->hello->sent, sending_head(&f, 0));
	assert_memory_equal(call->hello->collector.data, "aaaaaaaaaaaaaaaa", 16);
	collector_welcome(call, 'b', START + RECORD(1500), true);
	sending_take(call, START + RECORD(1500), sending_head(&f, 0));
	sending_finish(&f, call, sending_head(&f, 0));
	assert_int_equal(f.counts.twice, RECORD(1500));
	assert_int_equal(f.counts.again, RECORD(1500));
	assert_int_equal(f.counts.reconnects, 1);
	sending_end(&f);
}

static void test_a_successor_knows_what_was_sent_to_whom(void **state)
{
	struct collector_call *call;
	struct sending f;
	uint64_t generation;

	(void)state;
	sending_begin(&f, 1, 1 << 20);
	sending_append(&f, 0, 1500);
	sending_append(&f, 0, 1500);
	sending_go(&f);
	call = collector_accept(f.collector);
	generation = call->hello->generation;
	collector_welcome(call, 'a', START, true);
	sending_take(call, START, sending_head(&f, 0));
	sending_finish(&f, call, START + RECORD(1500));
	assert_int_equal(sending_tail(&f, 0), START + RECORD(1500));
	sending_go(&f);
	call = collector_accept(f.collector);
	assert_true(call->hello->generation > generation);
	assert_int_equal(call->hello->tail, START + RECORD(1500));
	assert_int_equal(call->hello->sent, sending_head(&f, 0));
	assert_memory_equal(call->hello->collector.data, "aaaaaaaaaaaaaaaa", 16);
	collector_welcome(call, 'a', START + RECORD(1500), false);
	sending_take(call, START + RECORD(1500), sending_head(&f, 0));
	sending_finish(&f, call, sending_head(&f, 0));
	assert_int_equal(f.counts.twice, 0);
	sending_end(&f);
}

/* @second: an Ack that cannot be, after one of @first. */
static void acknowledge_wrongly(uint64_t first, uint64_t second)
{
	struct collector_call *call;
	struct sending f;

	sending_begin(&f, 1, 1 << 20);
	sending_append(&f, 0, 1500);
	sending_append(&f, 0, 1500);
	sending_go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	sending_take(call, START, sending_head(&f, 0));
	collector_ack(call, START + first);
	collector_ack(call, START + second);
	assert_false(collector_next(call));
	collector_end(call, 0);
	assert_int_equal(sending_tail(&f, 0), START + first);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START + first, false);
	sending_take(call, START + first, sending_head(&f, 0));
	sending_finish(&f, call, sending_head(&f, 0));
	sending_end(&f);
}

static void test_acks_beyond_what_was_sent_end_the_call(void **state)
{
	(void)state;
	acknowledge_wrongly(RECORD(1500), 2 * RECORD(1500) + 1);
}

static void test_acks_that_move_back_end_the_call(void **state)
{
	(void)state;
	acknowledge_wrongly(RECORD(1500), RECORD(1500) - 1);
}

static void test_other_messages_end_the_call(void **state)
{
	static const uint8_t nonsense[300] = { 0xff, 0xff, 0xff };
	static const size_t lengths[] = { 0, 3, sizeof(nonsense) };
	struct collector_call *call;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 20);
	sending_append(&f, 0, 1500);
	sending_go(&f);
	for (int i = 0; i < 3; i++) {
		call = collector_accept(f.collector);
		collector_send(call, nonsense, lengths[i]);
		assert_false(collector_next(call));
		collector_end(call, 0);
	}
	/* Ack before Welcome; Welcome twice */
	call = collector_accept(f.collector);
	collector_ack(call, START);
	assert_false(collector_next(call));
	collector_end(call, 0);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	collector_welcome(call, 'c', START, true);
	while (collector_next(call))
		;
	collector_end(call, 0);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	sending_take(call, START, sending_head(&f, 0));
	sending_finish(&f, call, sending_head(&f, 0));
	sending_end(&f);
}

static void test_a_call_without_acks_is_dead(void **state)
{
	struct collector_call *call, *second;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 20);
	f.config.alive_ms = 300;
	sending_append(&f, 0, 1500);
	sending_go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	sending_take(call, START, sending_head(&f, 0));
	assert_false(collector_next(call));
	second = collector_accept(f.collector);
	assert_true(second->hello->generation > call->hello->generation);
	collector_end(call, 0);
	collector_welcome(second, 'c', START, false);
	sending_take(second, START, sending_head(&f, 0));
	sending_finish(&f, second, sending_head(&f, 0));
	assert_int_equal(f.counts.again, RECORD(1500));
	sending_end(&f);
}

static void test_after_aborted_it_asks_again(void **state)
{
	struct collector_call *call;
	struct sending f;
	uint64_t generation;

	(void)state;
	sending_begin(&f, 1, 1 << 20);
	sending_append(&f, 0, 1500);
	sending_go(&f);
	call = collector_accept(f.collector);
	generation = call->hello->generation;
	collector_welcome(call, 'c', START, true);
	sending_take(call, START, sending_head(&f, 0));
	collector_end(call, ABORTED);
	call = collector_accept(f.collector);
	assert_true(call->hello->generation > generation);
	collector_welcome(call, 'c', sending_head(&f, 0), false);
	sending_finish(&f, call, sending_head(&f, 0));
	assert_int_equal(sending_tail(&f, 0), sending_head(&f, 0));
	sending_end(&f);
}

static void test_unimplemented_at_first_is_a_fallback(void **state)
{
	struct collector_call *call;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 20);
	f.config.fallback = true;
	sending_append(&f, 0, 1500);
	sending_go(&f);
	call = collector_accept(f.collector);
	collector_end(call, UNIMPLEMENTED);
	sending_join(&f);
	assert_int_equal(f.result, RECORDS_UNIMPLEMENTED);
	assert_int_equal(sending_tail(&f, 0), START);
	sending_end(&f);
}

static void test_unimplemented_later_is_a_refusal(void **state)
{
	struct collector_call *call;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 20);
	f.config.fallback = true;
	sending_append(&f, 0, 1500);
	sending_go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	sending_take(call, START, sending_head(&f, 0));
	collector_end(call, UNAVAILABLE);
	call = collector_accept(f.collector);
	collector_end(call, UNIMPLEMENTED);
	call = collector_accept(f.collector);
	assert_non_null(call->hello);
	collector_welcome(call, 'c', START, false);
	sending_take(call, START, sending_head(&f, 0));
	sending_finish(&f, call, sending_head(&f, 0));
	sending_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_arrive_and_acks_free_them),
		cmocka_unit_test(test_nothing_is_sent_before_welcome),
		cmocka_unit_test(test_it_goes_on_where_the_collector_stands),
		cmocka_unit_test(test_what_is_not_there_any_more_was_consumed_elsewhere),
		cmocka_unit_test(test_what_the_ring_never_held_ends_the_call),
		cmocka_unit_test(test_another_collector_may_get_bytes_twice),
		cmocka_unit_test(test_a_successor_knows_what_was_sent_to_whom),
		cmocka_unit_test(test_acks_beyond_what_was_sent_end_the_call),
		cmocka_unit_test(test_acks_that_move_back_end_the_call),
		cmocka_unit_test(test_other_messages_end_the_call),
		cmocka_unit_test(test_a_call_without_acks_is_dead),
		cmocka_unit_test(test_after_aborted_it_asks_again),
		cmocka_unit_test(test_unimplemented_at_first_is_a_fallback),
		cmocka_unit_test(test_unimplemented_later_is_a_refusal),
	};

	backoff_first_ms = 100;
	log_open("# test_records", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
