// SPDX-License-Identifier: MIT
/* records: what goes to the spool, and comes from there. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "channel/backoff.h"
#include "common/log.h"
#include "sending.h"
#include "spool/spool.h"

/* A folder in the fixture's place of @path, which the test removes. */
static void open_spool(struct sending *f, char *path)
{
	f->config.spool = spool_open(path, 1 << 30);
	assert_non_null(f->config.spool);
}

static void close_spool(struct sending *f, char *path)
{
	uint64_t bytes = spool_bytes(f->config.spool);

	spool_close(f->config.spool);
	f->config.spool = NULL;
	if (!bytes)
		assert_int_equal(rmdir(path), 0);
}

/* Packets until the ring is more than half full, and is freed. */
static void fill_spool(struct sending *f)
{
	while (sending_head(f, 0) - sending_tail(f, 0) <= f->memring.info->ring_bytes / 2)
		sending_append(f, 0, 1400);
	sending_wait_for_tail(f, 0, sending_head(f, 0));
}

/* Take all records up to the ring's head; their bytes are right. */
static void take_all(struct sending *f, struct collector_call *call, uint64_t from)
{
	static uint8_t stream[1 << 20];
	uint64_t length = 0;
	uint32_t number = 0;

	while (from < sending_head(f, 0)) {
		assert_true(collector_next(call));
		assert_int_equal(call->records->offset, from);
		from += call->records->data.len;
		sending_check_data(call, stream, &length);
		sending_check_records(stream, &length, &number);
	}
	assert_int_equal(length, 0);
	assert_int_equal(number, f->written);
}

static void test_a_spool_takes_what_no_collector_does(void **state)
{
	char path[] = "/tmp/pcapring-spool-XXXXXX";
	struct collector_call *call;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 16);
	assert_non_null(mkdtemp(path));
	open_spool(&f, path);
	sending_go(&f);
	/* it has not said Welcome, and has been told of this tail */
	call = collector_accept(f.collector);
	assert_int_equal(call->hello->tail, START);
	for (int i = 0; i < 5; i++)
		fill_spool(&f);
	sending_append(&f, 0, 100);
	collector_welcome(call, 'c', START, true);
	take_all(&f, call, START);
	/* another call has the same bytes */
	collector_end(call, UNAVAILABLE);
	call = collector_accept(f.collector);
	assert_int_equal(call->hello->tail, START);
	assert_int_equal(call->hello->sent, sending_head(&f, 0));
	assert_int_equal(call->hello->head, sending_head(&f, 0));
	assert_int_equal(call->hello->ring_bytes, 0);
	collector_welcome(call, 'c', START, false);
	take_all(&f, call, START);
	sending_finish(&f, call, sending_head(&f, 0));
	assert_int_equal(f.counts.acknowledged, sending_head(&f, 0) - START);
	assert_int_equal(f.counts.again, sending_head(&f, 0) - START);
	close_spool(&f, path);
	sending_end(&f);
}

/* Welcome, and nothing more, with bytes that its call has. */
/* Its rings are in this process' memory only: they do not wait until they are half full. */
static void test_a_spool_takes_what_a_deleted_capture_leaves(void **state)
{
	char path[] = "/tmp/pcapring-spool-XXXXXX";
	struct collector_call *call;
	struct sending f;

	(void)state;
	sending_begin(&f, 2, 1 << 20);
	assert_non_null(mkdtemp(path));
	open_spool(&f, path);
	assert_int_equal(pipe(f.device), 0);
	sending_go(&f);
	/* no Welcome yet */
	call = collector_accept(f.collector);
	sending_append(&f, 0, 1500);
	sending_append(&f, 1, 60);
	close(f.device[1]);
	sending_wait_for_tail(&f, 0, sending_head(&f, 0));
	sending_wait_for_tail(&f, 1, sending_head(&f, 1));
	sending_stop(&f);
	collector_end(call, UNAVAILABLE);
	sending_join(&f);
	/* not all has arrived */
	assert_int_equal(f.result, RECORDS_FAILED);
	assert_int_equal(spool_bytes(f.config.spool), RECORD(1500) + RECORD(60));
	close(f.device[0]);
	close_spool(&f, path);
	sending_end(&f);
}

static void test_a_collector_that_acknowledges_nothing_stays_away(void **state)
{
	char path[] = "/tmp/pcapring-spool-XXXXXX";
	struct collector_call *call;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 16);
	f.config.alive_ms = PATIENCE_MS;
	assert_non_null(mkdtemp(path));
	open_spool(&f, path);
	sending_go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	while (sending_head(&f, 0) - START <= 1 << 15)
		sending_append(&f, 0, 1400);
	sending_take(call, START, sending_head(&f, 0));
	sending_wait_for_tail(&f, 0, sending_head(&f, 0));
	/* what comes later follows on the call */
	sending_append(&f, 0, 1400);
	sending_take(call, sending_head(&f, 0) - RECORD(1400), sending_head(&f, 0));
	sending_finish(&f, call, sending_head(&f, 0));
	close_spool(&f, path);
	sending_end(&f);
}

/* A machine that was without power; its other rings are another capture. */
static void test_an_epoch_that_is_past_has_a_call_of_its_own(void **state)
{
	static const uint8_t boots[2][16] = { "first", "second" };
	char path[] = "/tmp/pcapring-spool-XXXXXX";
	struct collector_call *calls[2], *past, *live;
	struct sending f;
	uint64_t kept;

	(void)state;
	assert_non_null(mkdtemp(path));
	sending_begin(&f, 1, 1 << 16);
	open_spool(&f, path);
	f.config.boot = boots[0];
	f.config.patience_ms = 100;
	sending_go(&f);
	past = collector_accept(f.collector);
	fill_spool(&f);
	memring_producer(&f.memring, 0)->count.dropped = 7;
	sending_append(&f, 0, 100);
	sending_stop(&f);
	sending_join(&f);
	collector_end(past, 0);
	/* what was in the ring is there, too */
	assert_int_equal(spool_bytes(f.config.spool), sending_head(&f, 0) - START);
	kept = sending_head(&f, 0);
	close_spool(&f, path);
	sending_end(&f);

	sending_begin(&f, 1, 1 << 16);
	memset(f.memring.info->uuid, 'v', 16);
	open_spool(&f, path);
	f.config.boot = boots[1];
	sending_append(&f, 0, 100);
	sending_go(&f);
	for (int i = 0; i < 2; i++)
		calls[i] = collector_accept(f.collector);
	past = calls[*calls[0]->hello->capture.data == 'u' ? 0 : 1];
	live = calls[past == calls[0]];
	assert_memory_equal(past->hello->boot_id.data, boots[0], 16);
	assert_memory_equal(live->hello->boot_id.data, boots[1], 16);
	assert_memory_equal(past->hello->capture.data, "uuuuuuuuuuuuuuuu", 16);
	assert_int_equal(past->hello->tail, START);
	assert_int_equal(past->hello->head, kept);
	assert_string_equal(past->hello->sensor, "sensor-1");
	assert_string_equal(past->hello->interface, "mem0");
	collector_welcome(live, 'c', START, true);
	sending_take(live, START, sending_head(&f, 0));
	collector_welcome(past, 'c', START, true);
	sending_take(past, START, kept);
	assert_int_equal(past->records->dropped, 7);
	sending_take_end(past);
	collector_ack(past, kept);
	collector_end(past, 0);
	sending_finish(&f, live, sending_head(&f, 0));
	close_spool(&f, path);
	sending_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_spool_takes_what_no_collector_does),
		cmocka_unit_test(test_a_spool_takes_what_a_deleted_capture_leaves),
		cmocka_unit_test(test_a_collector_that_acknowledges_nothing_stays_away),
		cmocka_unit_test(test_an_epoch_that_is_past_has_a_call_of_its_own),
	};

	backoff_first_ms = 100;
	log_open("# test_records_spool", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
