// SPDX-License-Identifier: MIT
/*
 * The sensor's side of pcapring.v1, from rings in a memfd to a collector in this
 * process: each line of the table in records.proto, and who holds what of a ring.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

#include "channel/backoff.h"
#include "channel/extent.h"
#include "channel/stream.h"
#include "collector.h"
#include "common/log.h"
#include "memring.h"
#include "records/notes.h"
#include "records/records.h"
#include "relay.h"
#include "source/reader.h"
#include "spool/spool.h"
#include "watch.h"

#define PATIENCE_MS	60000
#define RINGS		2
#define START		4000000000	/* positions need more than 32 bits soon */
#define RECORD(caplen)	(sizeof(struct pcapring_record) + (caplen))
#define DATA_MAX	65536
#define UNIMPLEMENTED	12
#define ABORTED		10
#define UNAVAILABLE	14

struct fixture {
	struct memring memring;
	struct reader reader;
	struct extents extents[RINGS];
	struct watch watch;
	struct records_config config;
	struct relay_counts counts;
	struct collector *collector;
	char target[32];
	int wake;
	int signals;
	int device[2];	/* a pipe that hangs up when the capture is deleted */
	pthread_t thread;
	enum records_result result;
	uint32_t written;
};

static void begin(struct fixture *f, unsigned int rings, uint64_t ring_bytes)
{
	memset(f, 0, sizeof(*f));
	memring_create(&f->memring, rings, ring_bytes, START);
	memset(f->memring.info->uuid, 'u', 16);
	f->collector = collector_start(0, f->target, sizeof(f->target));
	metadata_defaults(&f->config.metadata);
	snprintf(f->config.metadata.sensor, METADATA_TEXT_MAX, "sensor-1");
}

static void *run(void *context)
{
	struct fixture *f = context;

	f->result = records_run(&f->config, &f->counts);
	return NULL;
}

static void start(struct fixture *f)
{
	assert_true(reader_open_fd(&f->reader, dup(f->memring.fd), "memring"));
	for (unsigned int i = 0; i < f->reader.ring_count; i++)
		extents_init(&f->extents[i], f->reader.ring_bytes);
	f->wake = eventfd(0, EFD_CLOEXEC);
	f->signals = eventfd(0, EFD_CLOEXEC);
	f->config.reader = &f->reader;
	f->config.watch = &f->watch;
	f->config.extents = f->extents;
	f->config.target = f->target;
	f->config.eventfd = f->wake;
	f->config.stream = stream_new(f->target);
	assert_true(watch_start(&f->watch, f->signals, f->device[0] ? f->device[0] : f->wake,
				stream_wake, f->config.stream));
}

static void go(struct fixture *f)
{
	start(f);
	assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

static void stop(struct fixture *f)
{
	assert_int_equal(eventfd_write(f->signals, 1), 0);
}

static void join(struct fixture *f)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	assert_int_equal(pthread_timedjoin_np(f->thread, NULL, &until), 0);
	watch_stop(&f->watch);
	stream_free(f->config.stream);
	records_release(&f->reader, f->extents);
	reader_close(&f->reader);
	close(f->wake);
	close(f->signals);
}

static void end(struct fixture *f)
{
	collector_stop(f->collector);
	memring_destroy(&f->memring);
}

static uint64_t tail(struct fixture *f, unsigned int ring)
{
	return __atomic_load_n(&memring_consumer(&f->memring, ring)->tail,
			       __ATOMIC_ACQUIRE);
}

static uint64_t head(struct fixture *f, unsigned int ring)
{
	return memring_producer(&f->memring, ring)->head;
}

/* A word of memory has no event. */
static void wait_for_tail(struct fixture *f, unsigned int ring, uint64_t position)
{
	for (int i = 0; tail(f, ring) != position; i++) {
		assert_true(i < PATIENCE_MS * 10);
		usleep(100);
	}
}

/* A packet's bytes tell its number: memory that is reused too early shows. */
static void fill(uint8_t *data, uint32_t caplen, uint32_t number)
{
	for (uint32_t i = 0; i < caplen; i++)
		data[i] = number * 131 + i;
}

static bool try_append(struct fixture *f, unsigned int ring, uint32_t caplen)
{
	const struct pcapring_record header = {
		.ts_sec = f->written, .caplen = caplen, .len = caplen,
	};
	static uint8_t data[DATA_MAX];

	fill(data, caplen, f->written);
	if (!memring_append(&f->memring, ring, &header, data))
		return false;
	f->written++;
	if (f->wake)
		eventfd_write(f->wake, 1);
	return true;
}

static void append(struct fixture *f, unsigned int ring, uint32_t caplen)
{
	assert_true(try_append(f, ring, caplen));
}

/* Take Records until they end at @end. */
static void take(struct collector_call *call, uint64_t begin, uint64_t end)
{
	while (begin < end) {
		assert_true(collector_next(call));
		assert_int_equal(call->records->offset, begin);
		begin += call->records->data.len;
	}
	assert_int_equal(begin, end);
}

/* Nothing but empty Records until the sensor half-closed. */
static void take_end(struct collector_call *call)
{
	while (collector_next(call))
		assert_int_equal(call->records->data.len, 0);
}

/* A call of a run that ends well. */
static void finish(struct fixture *f, struct collector_call *call, uint64_t offset)
{
	stop(f);
	take_end(call);
	collector_ack(call, offset);
	collector_end(call, 0);
	join(f);
	assert_int_equal(f->result, RECORDS_OK);
}

static void test_bytes_arrive_and_acks_free_them(void **state)
{
	struct collector_call *call;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 20);
	append(&f, 0, 1500);
	append(&f, 0, 60);
	go(&f);
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
	take(call, START, head(&f, 0));
	assert_true(call->records->complete_until > 0);
	assert_int_equal(tail(&f, 0), START);
	collector_ack(call, START + RECORD(1500));
	wait_for_tail(&f, 0, START + RECORD(1500));
	memring_producer(&f.memring, 0)->count.dropped = 7;
	append(&f, 0, 100);
	take(call, START + RECORD(1500) + RECORD(60), head(&f, 0));
	assert_int_equal(call->records->dropped, 7);
	finish(&f, call, head(&f, 0));
	assert_int_equal(tail(&f, 0), head(&f, 0));
	assert_int_equal(f.counts.acknowledged, head(&f, 0) - START);
	assert_int_equal(f.counts.again, 0);
	end(&f);
}

static void check_data(const struct collector_call *call, uint8_t *stream,
		       uint64_t *length)
{
	memcpy(stream + *length, call->records->data.data, call->records->data.len);
	*length += call->records->data.len;
}

/* Whole records of @stream leave it. Returns how many bytes. */
static uint64_t check_records(uint8_t *stream, uint64_t *length, uint32_t *number)
{
	static uint8_t expected[DATA_MAX];
	struct pcapring_record header;
	uint64_t at = 0;

	for (;;) {
		if (*length - at < sizeof(header))
			break;
		memcpy(&header, stream + at, sizeof(header));
		assert_true(header.caplen <= DATA_MAX);
		if (*length - at < RECORD(header.caplen))
			break;
		assert_int_equal(header.ts_sec, *number);
		fill(expected, header.caplen, (*number)++);
		assert_memory_equal(stream + at + sizeof(header), expected, header.caplen);
		at += RECORD(header.caplen);
	}
	memmove(stream, stream + at, *length - at);
	*length -= at;
	return at;
}

/* A ring that is full all the time, reused many times over. */
static void test_memory_is_not_reused_too_early(void **state)
{
	static const uint32_t sizes[] = { 60, 1500, 0, 1023, 1024, 4000, 9000, 1500 };
	static uint8_t stream[1 << 20];
	uint64_t length = 0, acked = START;
	struct collector_call *call;
	uint32_t number = 0;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 16);
	go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	while (number < 10000) {
		while (f.written < 10000 && try_append(&f, 0, sizes[f.written & 7]))
			;
		assert_true(collector_next(call));
		check_data(call, stream, &length);
		acked += check_records(stream, &length, &number);
		collector_ack(call, acked);
		/* no more will come without more room */
		if (acked == head(&f, 0))
			wait_for_tail(&f, 0, acked);
	}
	assert_int_equal(acked, head(&f, 0));
	finish(&f, call, acked);
	assert_int_equal(tail(&f, 0), acked);
	end(&f);
}

static void test_nothing_is_sent_before_welcome(void **state)
{
	struct collector_call *call, *second;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 20);
	f.config.welcome_ms = 300;
	append(&f, 0, 1500);
	go(&f);
	call = collector_accept(f.collector);
	append(&f, 0, 1500);
	assert_false(collector_next(call));	/* the sensor gave it up */
	second = collector_accept(f.collector);
	assert_true(second->hello->generation > call->hello->generation);
	assert_int_equal(second->hello->sent, START);
	collector_end(call, 0);
	collector_welcome(second, 'c', START, true);
	take(second, START, head(&f, 0));
	finish(&f, second, head(&f, 0));
	end(&f);
}

/* What it holds may not be synced: the tail waits for the Ack that says so. */
static void test_it_goes_on_where_the_collector_stands(void **state)
{
	struct collector_call *call;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 20);
	append(&f, 0, 1500);
	append(&f, 0, 1500);
	go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START + RECORD(1500), false);
	take(call, START + RECORD(1500), head(&f, 0));
	assert_int_equal(tail(&f, 0), START);
	collector_ack(call, START);
	collector_ack(call, START + RECORD(1500));
	wait_for_tail(&f, 0, START + RECORD(1500));
	finish(&f, call, head(&f, 0));
	assert_int_equal(f.counts.elsewhere + f.counts.again + f.counts.twice, 0);
	end(&f);
}

static void test_what_is_not_there_any_more_was_consumed_elsewhere(void **state)
{
	struct collector_call *call;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 20);
	append(&f, 0, 1500);
	go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START - 1000, false);
	take(call, START, head(&f, 0));
	collector_ack(call, START - 1000);	/* what it had is safe, it says */
	finish(&f, call, head(&f, 0));
	assert_int_equal(f.counts.elsewhere, 1000);
	assert_int_equal(f.counts.acknowledged, RECORD(1500));
	end(&f);
}

static void test_what_the_ring_never_held_ends_the_call(void **state)
{
	struct collector_call *call;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 20);
	append(&f, 0, 1500);
	go(&f);
	for (int i = 0; i < 2; i++) {
		call = collector_accept(f.collector);
		collector_welcome(call, 'c', head(&f, 0) + 1, false);
		assert_false(collector_next(call));
		collector_end(call, 0);
	}
	assert_int_equal(tail(&f, 0), START);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	take(call, START, head(&f, 0));
	finish(&f, call, head(&f, 0));
	end(&f);
}

static void test_another_collector_may_get_bytes_twice(void **state)
{
	struct collector_call *call;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 20);
	append(&f, 0, 1500);
	append(&f, 0, 1500);
	go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'a', START, true);
	take(call, START, head(&f, 0));
	collector_ack(call, START + RECORD(1500));
	wait_for_tail(&f, 0, START + RECORD(1500));
	collector_end(call, UNAVAILABLE);
	call = collector_accept(f.collector);
	assert_int_equal(call->hello->tail, START + RECORD(1500));
	assert_int_equal(call->hello->sent, head(&f, 0));
	assert_memory_equal(call->hello->collector.data, "aaaaaaaaaaaaaaaa", 16);
	collector_welcome(call, 'b', START + RECORD(1500), true);
	take(call, START + RECORD(1500), head(&f, 0));
	finish(&f, call, head(&f, 0));
	assert_int_equal(f.counts.twice, RECORD(1500));
	assert_int_equal(f.counts.again, RECORD(1500));
	assert_int_equal(f.counts.reconnects, 1);
	end(&f);
}

static void test_a_successor_knows_what_was_sent_to_whom(void **state)
{
	struct collector_call *call;
	struct fixture f;
	uint64_t generation;

	(void)state;
	begin(&f, 1, 1 << 20);
	append(&f, 0, 1500);
	append(&f, 0, 1500);
	go(&f);
	call = collector_accept(f.collector);
	generation = call->hello->generation;
	collector_welcome(call, 'a', START, true);
	take(call, START, head(&f, 0));
	finish(&f, call, START + RECORD(1500));
	assert_int_equal(tail(&f, 0), START + RECORD(1500));
	go(&f);
	call = collector_accept(f.collector);
	assert_true(call->hello->generation > generation);
	assert_int_equal(call->hello->tail, START + RECORD(1500));
	assert_int_equal(call->hello->sent, head(&f, 0));
	assert_memory_equal(call->hello->collector.data, "aaaaaaaaaaaaaaaa", 16);
	collector_welcome(call, 'a', START + RECORD(1500), false);
	take(call, START + RECORD(1500), head(&f, 0));
	finish(&f, call, head(&f, 0));
	assert_int_equal(f.counts.twice, 0);
	end(&f);
}

/* @second: an Ack that cannot be, after one of @first. */
static void acknowledge_wrongly(uint64_t first, uint64_t second)
{
	struct collector_call *call;
	struct fixture f;

	begin(&f, 1, 1 << 20);
	append(&f, 0, 1500);
	append(&f, 0, 1500);
	go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	take(call, START, head(&f, 0));
	collector_ack(call, START + first);
	collector_ack(call, START + second);
	assert_false(collector_next(call));
	collector_end(call, 0);
	assert_int_equal(tail(&f, 0), START + first);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START + first, false);
	take(call, START + first, head(&f, 0));
	finish(&f, call, head(&f, 0));
	end(&f);
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
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 20);
	append(&f, 0, 1500);
	go(&f);
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
	take(call, START, head(&f, 0));
	finish(&f, call, head(&f, 0));
	end(&f);
}

static void test_a_call_without_acks_is_dead(void **state)
{
	struct collector_call *call, *second;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 20);
	f.config.alive_ms = 300;
	append(&f, 0, 1500);
	go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	take(call, START, head(&f, 0));
	assert_false(collector_next(call));
	second = collector_accept(f.collector);
	assert_true(second->hello->generation > call->hello->generation);
	collector_end(call, 0);
	collector_welcome(second, 'c', START, false);
	take(second, START, head(&f, 0));
	finish(&f, second, head(&f, 0));
	assert_int_equal(f.counts.again, RECORD(1500));
	end(&f);
}

static void test_after_aborted_it_asks_again(void **state)
{
	struct collector_call *call;
	struct fixture f;
	uint64_t generation;

	(void)state;
	begin(&f, 1, 1 << 20);
	append(&f, 0, 1500);
	go(&f);
	call = collector_accept(f.collector);
	generation = call->hello->generation;
	collector_welcome(call, 'c', START, true);
	take(call, START, head(&f, 0));
	collector_end(call, ABORTED);
	call = collector_accept(f.collector);
	assert_true(call->hello->generation > generation);
	collector_welcome(call, 'c', head(&f, 0), false);
	finish(&f, call, head(&f, 0));
	assert_int_equal(tail(&f, 0), head(&f, 0));
	end(&f);
}

/* An old call's slices are in core's hands: here, an extent that the test holds. */
static void test_the_tail_waits_for_what_an_old_call_refers_to(void **state)
{
	struct collector_call *call;
	struct extent *old;
	struct fixture f;
	uint64_t first;

	(void)state;
	begin(&f, 1, 1 << 16);
	append(&f, 0, 1500);
	first = head(&f, 0);
	append(&f, 0, 1500);
	start(&f);
	old = extents_hold(f.extents, first + 100, head(&f, 0));
	assert_int_equal(pthread_create(&f.thread, NULL, run, &f), 0);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	take(call, START, head(&f, 0));
	collector_ack(call, first);
	wait_for_tail(&f, 0, first);
	/* a ring full, acknowledged to its end: the tail lies before the extent */
	for (uint64_t from = head(&f, 0); try_append(&f, 0, 1400); from = head(&f, 0)) {
		take(call, from, head(&f, 0));
		collector_ack(call, head(&f, 0));
		assert_int_equal(tail(&f, 0), first);
	}
	assert_true(head(&f, 0) - first > (1 << 16) - 2000);
	collector_ack(call, head(&f, 0));
	assert_int_equal(tail(&f, 0), first);
	extent_let_go(old);
	wait_for_tail(&f, 0, head(&f, 0));
	finish(&f, call, head(&f, 0));
	end(&f);
}

static void test_a_ring_waits_where_all_extents_are_held(void **state)
{
	struct extent *old[EXTENTS_MAX];
	struct collector_call *call;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 16);
	append(&f, 0, 1500);
	start(&f);
	for (int i = 0; i < EXTENTS_MAX; i++)
		old[i] = extents_hold(f.extents, START, START + 1);
	assert_int_equal(pthread_create(&f.thread, NULL, run, &f), 0);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	for (int i = 0; i < EXTENTS_MAX; i++)
		extent_let_go(old[i]);
	take(call, START, head(&f, 0));
	finish(&f, call, head(&f, 0));
	end(&f);
}

static void test_a_deleted_capture_is_drained(void **state)
{
	struct collector_call *call;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 20);
	append(&f, 0, 1500);
	assert_int_equal(pipe(f.device), 0);
	go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	take(call, START, head(&f, 0));
	append(&f, 0, 100);
	close(f.device[1]);
	take(call, START + RECORD(1500), head(&f, 0));
	/* what was not acknowledged would be lost: another call */
	collector_end(call, UNAVAILABLE);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, false);
	take(call, START, head(&f, 0));
	take_end(call);
	collector_ack(call, head(&f, 0));
	collector_end(call, 0);
	join(&f);
	assert_int_equal(f.result, RECORDS_OK);
	close(f.device[0]);
	end(&f);
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
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 16);
	append(&f, 0, 1500);
	go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	take(call, START, head(&f, 0));
	dropped = (uint64_t *)&memring_producer(&f.memring, 0)->count.dropped;
	__atomic_store_n(dropped, 7, __ATOMIC_RELAXED);
	__atomic_store_n(&drops, dropped, __ATOMIC_RELAXED);
	stop(&f);
	while (collector_next(call)) {
		assert_true(++marks < 10);
		assert_true(call->records->dropped >= 7);
	}
	assert_true(marks > 0);
	__atomic_store_n(&drops, NULL, __ATOMIC_RELAXED);
	collector_ack(call, head(&f, 0));
	collector_end(call, 0);
	join(&f);
	assert_int_equal(f.result, RECORDS_OK);
	end(&f);
}

static void test_an_idle_ring_says_how_far_it_is_complete(void **state)
{
	struct collector_call *calls[RINGS], *busy, *idle;
	struct fixture f;
	uint64_t until;

	(void)state;
	begin(&f, RINGS, 1 << 20);
	go(&f);
	for (int i = 0; i < RINGS; i++) {
		calls[i] = collector_accept(f.collector);
		assert_int_equal(calls[i]->hello->ring_count, RINGS);
		collector_welcome(calls[i], 'c', START, true);
	}
	busy = by_ring(calls, 1);
	idle = by_ring(calls, 0);
	for (int i = 0; i < 3; i++) {
		append(&f, 1, 100);
		take(busy, head(&f, 1) - RECORD(100), head(&f, 1));
		until = busy->records->complete_until;
		assert_true(until > 0);
		do
			assert_true(collector_next(idle));
		while (idle->records->complete_until < until);
		assert_int_equal(idle->records->data.len, 0);
		assert_int_equal(idle->records->offset, START);
	}
	stop(&f);
	take_end(idle);
	take_end(busy);
	collector_ack(busy, head(&f, 1));
	collector_end(idle, 0);
	collector_end(busy, 0);
	join(&f);
	assert_int_equal(f.result, RECORDS_OK);
	end(&f);
}

static void test_calls_do_not_wait_for_each_other(void **state)
{
	struct collector_call *calls[RINGS], *other;
	struct fixture f;

	(void)state;
	begin(&f, RINGS, 1 << 20);
	go(&f);
	for (int i = 0; i < RINGS; i++)
		calls[i] = collector_accept(f.collector);
	/* ring 0 is not welcome, and has packets */
	other = by_ring(calls, 1);
	collector_welcome(other, 'c', START, true);
	for (int i = 0; i < 5; i++) {
		append(&f, 0, 1500);
		append(&f, 1, 1500);
		take(other, head(&f, 1) - RECORD(1500), head(&f, 1));
	}
	stop(&f);
	collector_end(by_ring(calls, 0), UNAVAILABLE);
	take_end(other);
	collector_ack(other, head(&f, 1));
	collector_end(other, 0);
	join(&f);
	assert_int_equal(f.result, RECORDS_OK);
	assert_int_equal(tail(&f, 0), START);
	assert_int_equal(tail(&f, 1), head(&f, 1));
	end(&f);
}

static void test_unimplemented_at_first_is_a_fallback(void **state)
{
	struct collector_call *call;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 20);
	f.config.fallback = true;
	append(&f, 0, 1500);
	go(&f);
	call = collector_accept(f.collector);
	collector_end(call, UNIMPLEMENTED);
	join(&f);
	assert_int_equal(f.result, RECORDS_UNIMPLEMENTED);
	assert_int_equal(tail(&f, 0), START);
	end(&f);
}

static void test_unimplemented_later_is_a_refusal(void **state)
{
	struct collector_call *call;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 20);
	f.config.fallback = true;
	append(&f, 0, 1500);
	go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	take(call, START, head(&f, 0));
	collector_end(call, UNAVAILABLE);
	call = collector_accept(f.collector);
	collector_end(call, UNIMPLEMENTED);
	call = collector_accept(f.collector);
	assert_non_null(call->hello);
	collector_welcome(call, 'c', START, false);
	take(call, START, head(&f, 0));
	finish(&f, call, head(&f, 0));
	end(&f);
}

/* A folder in the fixture's place of @path, which the test removes. */
static void open_spool(struct fixture *f, char *path)
{
	f->config.spool = spool_open(path, 1 << 30);
	assert_non_null(f->config.spool);
}

static void close_spool(struct fixture *f, char *path)
{
	uint64_t bytes = spool_bytes(f->config.spool);

	spool_close(f->config.spool);
	f->config.spool = NULL;
	if (!bytes)
		assert_int_equal(rmdir(path), 0);
}

/* Packets until the ring is more than half full, and is freed. */
static void fill_spool(struct fixture *f)
{
	while (head(f, 0) - tail(f, 0) <= f->memring.info->ring_bytes / 2)
		append(f, 0, 1400);
	wait_for_tail(f, 0, head(f, 0));
}

/* Take all records up to the ring's head; their bytes are right. */
static void take_all(struct fixture *f, struct collector_call *call, uint64_t from)
{
	static uint8_t stream[1 << 20];
	uint64_t length = 0;
	uint32_t number = 0;

	while (from < head(f, 0)) {
		assert_true(collector_next(call));
		assert_int_equal(call->records->offset, from);
		from += call->records->data.len;
		check_data(call, stream, &length);
		check_records(stream, &length, &number);
	}
	assert_int_equal(length, 0);
	assert_int_equal(number, f->written);
}

static void test_a_spool_takes_what_no_collector_does(void **state)
{
	char path[] = "/tmp/pcapring-spool-XXXXXX";
	struct collector_call *call;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 16);
	assert_non_null(mkdtemp(path));
	open_spool(&f, path);
	go(&f);
	/* it has not said Welcome, and has been told of this tail */
	call = collector_accept(f.collector);
	assert_int_equal(call->hello->tail, START);
	for (int i = 0; i < 5; i++)
		fill_spool(&f);
	append(&f, 0, 100);
	collector_welcome(call, 'c', START, true);
	take_all(&f, call, START);
	/* another call has the same bytes */
	collector_end(call, UNAVAILABLE);
	call = collector_accept(f.collector);
	assert_int_equal(call->hello->tail, START);
	assert_int_equal(call->hello->sent, head(&f, 0));
	assert_int_equal(call->hello->head, head(&f, 0));
	assert_int_equal(call->hello->ring_bytes, 0);
	collector_welcome(call, 'c', START, false);
	take_all(&f, call, START);
	finish(&f, call, head(&f, 0));
	assert_int_equal(f.counts.acknowledged, head(&f, 0) - START);
	assert_int_equal(f.counts.again, head(&f, 0) - START);
	close_spool(&f, path);
	end(&f);
}

/* Welcome, and nothing more, with bytes that its call has. */
/* Its rings are in this process' memory only: they do not wait until they are half full. */
static void test_a_spool_takes_what_a_deleted_capture_leaves(void **state)
{
	char path[] = "/tmp/pcapring-spool-XXXXXX";
	struct collector_call *call;
	struct fixture f;

	(void)state;
	begin(&f, 2, 1 << 20);
	assert_non_null(mkdtemp(path));
	open_spool(&f, path);
	assert_int_equal(pipe(f.device), 0);
	go(&f);
	/* no Welcome yet */
	call = collector_accept(f.collector);
	append(&f, 0, 1500);
	append(&f, 1, 60);
	close(f.device[1]);
	wait_for_tail(&f, 0, head(&f, 0));
	wait_for_tail(&f, 1, head(&f, 1));
	stop(&f);
	collector_end(call, UNAVAILABLE);
	join(&f);
	/* not all has arrived */
	assert_int_equal(f.result, RECORDS_FAILED);
	assert_int_equal(spool_bytes(f.config.spool), RECORD(1500) + RECORD(60));
	close(f.device[0]);
	close_spool(&f, path);
	end(&f);
}

static void test_a_collector_that_acknowledges_nothing_stays_away(void **state)
{
	char path[] = "/tmp/pcapring-spool-XXXXXX";
	struct collector_call *call;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 16);
	f.config.alive_ms = PATIENCE_MS;
	assert_non_null(mkdtemp(path));
	open_spool(&f, path);
	go(&f);
	call = collector_accept(f.collector);
	collector_welcome(call, 'c', START, true);
	while (head(&f, 0) - START <= 1 << 15)
		append(&f, 0, 1400);
	take(call, START, head(&f, 0));
	wait_for_tail(&f, 0, head(&f, 0));
	/* what comes later follows on the call */
	append(&f, 0, 1400);
	take(call, head(&f, 0) - RECORD(1400), head(&f, 0));
	finish(&f, call, head(&f, 0));
	close_spool(&f, path);
	end(&f);
}

/* A machine that was without power; its other rings are another capture. */
static void test_an_epoch_that_is_past_has_a_call_of_its_own(void **state)
{
	static const uint8_t boots[2][16] = { "first", "second" };
	char path[] = "/tmp/pcapring-spool-XXXXXX";
	struct collector_call *calls[2], *past, *live;
	struct fixture f;
	uint64_t kept;

	(void)state;
	assert_non_null(mkdtemp(path));
	begin(&f, 1, 1 << 16);
	open_spool(&f, path);
	f.config.boot = boots[0];
	f.config.patience_ms = 100;
	go(&f);
	past = collector_accept(f.collector);
	fill_spool(&f);
	memring_producer(&f.memring, 0)->count.dropped = 7;
	append(&f, 0, 100);
	stop(&f);
	join(&f);
	collector_end(past, 0);
	/* what was in the ring is there, too */
	assert_int_equal(spool_bytes(f.config.spool), head(&f, 0) - START);
	kept = head(&f, 0);
	close_spool(&f, path);
	end(&f);

	begin(&f, 1, 1 << 16);
	memset(f.memring.info->uuid, 'v', 16);
	open_spool(&f, path);
	f.config.boot = boots[1];
	append(&f, 0, 100);
	go(&f);
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
	take(live, START, head(&f, 0));
	collector_welcome(past, 'c', START, true);
	take(past, START, kept);
	assert_int_equal(past->records->dropped, 7);
	take_end(past);
	collector_ack(past, kept);
	collector_end(past, 0);
	finish(&f, live, head(&f, 0));
	close_spool(&f, path);
	end(&f);
}

/* Without the padding. */
static bool same(const struct notes *a, const struct notes *b)
{
	return a->sent == b->sent && a->known == b->known &&
	       !memcmp(a->collector, b->collector, NOTES_ID_BYTES);
}

static void test_notes_outlive_a_kill_at_any_store(void **state)
{
	struct notes first = { .sent = 1000, .known = true, .collector = "first" };
	struct notes second = { .sent = 2000, .known = true, .collector = "second" };
	uint8_t before[NOTES_BYTES] = {}, after[NOTES_BYTES], page[NOTES_BYTES];
	struct notes notes;

	(void)state;
	assert_false(notes_read(&notes, before));
	notes_write(&first, before);
	assert_true(notes_read(&notes, before));
	assert_true(same(&notes, &first));
	memcpy(after, before, sizeof(after));
	notes_write(&second, after);
	/* any part of what is written, in order */
	for (unsigned int n = 0; n <= NOTES_BYTES; n++) {
		memcpy(page, after, n);
		memcpy(page + n, before + n, NOTES_BYTES - n);
		assert_true(notes_read(&notes, page));
		assert_true(same(&notes, &first) || same(&notes, &second));
	}
	/* a third and a fourth time: what holds is the newest */
	for (int i = 0; i < 5; i++) {
		second.sent++;
		notes_write(&second, after);
		assert_true(notes_read(&notes, after));
		assert_true(same(&notes, &second));
	}
}

/* Nonsense on the page, or notes of bytes that are not in the ring. */
static void test_notes_that_cannot_be_are_none(void **state)
{
	struct notes notes = { .sent = START + 1000000, .known = true };
	struct collector_call *call;
	struct fixture f;

	(void)state;
	begin(&f, 1, 1 << 20);
	append(&f, 0, 1500);
	notes_write(&notes, memring_consumer(&f.memring, 0)->notes);
	go(&f);
	call = collector_accept(f.collector);
	assert_int_equal(call->hello->sent, START);
	assert_int_equal(call->hello->collector.len, 0);
	collector_welcome(call, 'c', START, true);
	take(call, START, head(&f, 0));
	finish(&f, call, head(&f, 0));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_arrive_and_acks_free_them),
		cmocka_unit_test(test_memory_is_not_reused_too_early),
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
		cmocka_unit_test(test_the_tail_waits_for_what_an_old_call_refers_to),
		cmocka_unit_test(test_a_ring_waits_where_all_extents_are_held),
		cmocka_unit_test(test_a_deleted_capture_is_drained),
		cmocka_unit_test(test_the_end_comes_while_packets_are_dropped),
		cmocka_unit_test(test_an_idle_ring_says_how_far_it_is_complete),
		cmocka_unit_test(test_calls_do_not_wait_for_each_other),
		cmocka_unit_test(test_unimplemented_at_first_is_a_fallback),
		cmocka_unit_test(test_unimplemented_later_is_a_refusal),
		cmocka_unit_test(test_a_spool_takes_what_no_collector_does),
		cmocka_unit_test(test_a_spool_takes_what_a_deleted_capture_leaves),
		cmocka_unit_test(test_a_collector_that_acknowledges_nothing_stays_away),
		cmocka_unit_test(test_an_epoch_that_is_past_has_a_call_of_its_own),
		cmocka_unit_test(test_notes_outlive_a_kill_at_any_store),
		cmocka_unit_test(test_notes_that_cannot_be_are_none),
	};

	backoff_first_ms = 100;
	log_open("# test_records", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
