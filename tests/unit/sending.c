// SPDX-License-Identifier: MIT
#include "sending.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

void sending_begin(struct sending *f, unsigned int rings, uint64_t ring_bytes)
{
	memset(f, 0, sizeof(*f));
	memring_create(&f->memring, rings, ring_bytes, START);
	memset(f->memring.info->uuid, 'u', 16);
	f->collector = collector_start(0, f->target, sizeof(f->target));
	metadata_defaults(&f->config.metadata);
	snprintf(f->config.metadata.sensor, METADATA_TEXT_MAX, "sensor-1");
}

static void *sending_run(void *context)
{
	struct sending *f = context;

	f->result = records_run(&f->config, &f->counts);
	return NULL;
}

void sending_start(struct sending *f)
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

void sending_launch(struct sending *f)
{
	assert_int_equal(pthread_create(&f->thread, NULL, sending_run, f), 0);
}

void sending_go(struct sending *f)
{
	sending_start(f);
	sending_launch(f);
}

void sending_stop(struct sending *f)
{
	assert_int_equal(eventfd_write(f->signals, 1), 0);
}

void sending_join(struct sending *f)
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

void sending_end(struct sending *f)
{
	collector_stop(f->collector);
	memring_destroy(&f->memring);
}

uint64_t sending_tail(struct sending *f, unsigned int ring)
{
	return __atomic_load_n(&memring_consumer(&f->memring, ring)->tail,
			       __ATOMIC_ACQUIRE);
}

uint64_t sending_head(struct sending *f, unsigned int ring)
{
	return memring_producer(&f->memring, ring)->head;
}

/* A word of memory has no event. */
void sending_wait_for_tail(struct sending *f, unsigned int ring, uint64_t position)
{
	for (int i = 0; sending_tail(f, ring) != position; i++) {
		assert_true(i < PATIENCE_MS * 10);
		usleep(100);
	}
}

/* A packet's bytes tell its number: memory that is reused too early shows. */
static void sending_fill(uint8_t *data, uint32_t caplen, uint32_t number)
{
	for (uint32_t i = 0; i < caplen; i++)
		data[i] = number * 131 + i;
}

bool sending_try_append(struct sending *f, unsigned int ring, uint32_t caplen)
{
	const struct pcapring_record header = {
		.ts_sec = f->written, .caplen = caplen, .len = caplen,
	};
	static uint8_t data[DATA_MAX];

	sending_fill(data, caplen, f->written);
	if (!memring_append(&f->memring, ring, &header, data))
		return false;
	f->written++;
	if (f->wake)
		eventfd_write(f->wake, 1);
	return true;
}

void sending_append(struct sending *f, unsigned int ring, uint32_t caplen)
{
	assert_true(sending_try_append(f, ring, caplen));
}

/* Take Records until they end at @end. */
void sending_take(struct collector_call *call, uint64_t begin, uint64_t end)
{
	while (begin < end) {
		assert_true(collector_next(call));
		assert_int_equal(call->records->offset, begin);
		begin += call->records->data.len;
	}
	assert_int_equal(begin, end);
}

/* Nothing but empty Records until the sensor half-closed. */
void sending_take_end(struct collector_call *call)
{
	while (collector_next(call))
		assert_int_equal(call->records->data.len, 0);
}

/* A call of a run that ends well. */
void sending_finish(struct sending *f, struct collector_call *call, uint64_t offset)
{
	sending_stop(f);
	sending_take_end(call);
	collector_ack(call, offset);
	collector_end(call, 0);
	sending_join(f);
	assert_int_equal(f->result, RECORDS_OK);
}

void sending_check_data(const struct collector_call *call, uint8_t *stream, uint64_t *length)
{
	memcpy(stream + *length, call->records->data.data, call->records->data.len);
	*length += call->records->data.len;
}

/* Whole records of @stream leave it. Returns how many bytes. */
uint64_t sending_check_records(uint8_t *stream, uint64_t *length, uint32_t *number)
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
		sending_fill(expected, header.caplen, (*number)++);
		assert_memory_equal(stream + at + sizeof(header), expected, header.caplen);
		at += RECORD(header.caplen);
	}
	memmove(stream, stream + at, *length - at);
	*length -= at;
	return at;
}
