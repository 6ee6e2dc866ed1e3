// SPDX-License-Identifier: MIT
#include "stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "collector/sight/roster.h"
#include "common/log.h"

struct stream *stream_new(struct captures *captures, struct call *call,
			  const struct caller *caller)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->captures = captures;
	stream->call = call;
	path_encode(caller->peer, stream->key);
	stream->next = captures->streams;
	stream->at = &captures->streams;
	if (stream->next)
		stream->next->at = &stream->next;
	captures->streams = stream;
	return stream;
}

/* How much, beside what was written, of what changed since @before. */
static void stream_extras(const struct stream *stream, char *out, size_t size)
{
	const struct ledger_ring *now = stream_state(stream);
	const struct ledger_ring *before = &stream->before;
	const struct {
		const char *text;
		uint64_t count;
	} extras[] = {
		{ "bytes consumed elsewhere", now->elsewhere - before->elsewhere },
		{ "bytes possibly twice", now->duplicates - before->duplicates },
		{ "records out of order", now->disorder - before->disorder },
		{ "packets dropped by the sensor", now->dropped - before->dropped },
	};
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < sizeof(extras) / sizeof(*extras); i++)
		if (extras[i].count && used < size)
			used += snprintf(out + used, size - used, "; %" PRIu64 " %s",
					 extras[i].count, extras[i].text);
}

static void stream_say_end(const struct stream *stream, const char *how, bool fine)
{
	const struct ledger_ring *now = stream_state(stream);
	char extras[256];

	stream_extras(stream, extras, sizeof(extras));
	(stream->unroomed ? log_debug : fine ? log_info : log_warning)
		("sensor %s ring %u: %s: %" PRIu64 " packets, %" PRIu64 " bytes written to %s, up to offset %" PRIu64 "%s",
		 stream->key, stream->ring, how,
		 now->packets - stream->before.packets,
		 now->bytes - stream->before.bytes, stream->epoch->path,
		 now->offset, extras);
}

void stream_free(struct stream *stream, const char *how, bool fine)
{
	if (stream->epoch) {
		uint64_t now = clock_read(CLOCK_MONOTONIC);

		epoch_detach(stream->epoch, stream->ring, stream->ending, now);
		stream_ring(stream)->stream = NULL;
		roster_leave(stream->seat);
		stream_say_end(stream, how, fine);
		captures_hurry(stream->captures, now);
	} else if (!fine && !stream->unroomed && stream->captures->config.complain) {
		stream->captures->config.complain(stream->call, how);
	}
	*stream->at = stream->next;
	if (stream->next)
		stream->next->at = stream->at;
	stream->captures->ended = true;
	free(stream);
}

void stream_end(struct stream *stream, const struct call_status *status)
{
	struct captures *captures = stream->captures;
	struct call *call = stream->call;

	stream->unroomed = status->code == CALL_RESOURCE_EXHAUSTED && captures->room &&
			   room_full(captures->room);
	stream_free(stream, status->code == CALL_OK ? "complete" : status->text,
		    status->code == CALL_OK);
	captures->config.end(call, status);
}

void stream_ack(struct stream *stream, uint64_t offset, uint64_t now)
{
	unsigned char out[MESSAGE_OUT_MAX];
	size_t size = message_ack(out, offset);

	stream->acked = offset;
	stream->beat = now;
	stream->captures->config.send(stream->call, out, size);
}

/* Only now, for until here the sensor may have gone elsewhere. */
static void stream_say_twice(const struct stream *stream)
{
	struct epoch_ring *ring = stream_ring(stream);
	uint64_t from = ring->received > ring->told ? ring->received : ring->told;
	uint64_t twice = stream_state(stream)->twice;

	if (twice <= from)
		return;
	ring->told = twice;
	log_warning("sensor %s ring %u: %" PRIu64 " bytes may be at another collector, too",
		    stream->key, stream->ring, twice - from);
}

/* The first Records begin where the sensor's tail was, if that is beyond. */
static void stream_first(struct stream *stream, const struct records *records)
{
	struct epoch_ring *ring = stream_ring(stream);
	uint64_t tail = stream->hello.tail;

	if (records->offset != (ring->received < tail ? tail : ring->received))
		return;
	if (ring->received < tail)
		log_warning("sensor %s ring %u: %" PRIu64 " bytes were consumed elsewhere",
			    stream->key, stream->ring,
			    epoch_jump(stream->epoch, stream->ring, tail));
	stream->phase = STREAM_LIVE;
	stream_say_twice(stream);
}

static void stream_records(struct stream *stream, struct records *records,
			   uint64_t now)
{
	struct captures *captures = stream->captures;
	struct epoch *epoch = stream->epoch;
	struct epoch_ring *ring = stream_ring(stream);
	enum epoch_result result;
	struct call_status status;

	if (stream->phase == STREAM_FIRST)
		stream_first(stream, records);
	if (stream->phase == STREAM_FIRST || records->offset != ring->received) {
		call_fail(&status, CALL_INVALID_ARGUMENT,
			  "Records at offset %" PRIu64 ", %" PRIu64 " is the next",
			  records->offset, stream->phase == STREAM_FIRST &&
			  ring->received < stream->hello.tail ?
			  stream->hello.tail : ring->received);
		stream_end(stream, &status);
		return;
	}
	/* what was spooled has older stamps */
	roster_received(stream->seat, stream->hello.ring_bytes ? records->complete_until : 0);
	result = epoch_receive(epoch, stream->ring, records, now, &status);
	if (result == EPOCH_INVALID)
		stream_end(stream, &status);
	else if (result == EPOCH_FAILED)
		captures_end_all(captures, epoch, &status);
	else if (epoch->merge)
		captures_hurry(captures, !epoch->syncer ? now :
			       merge_due(epoch->merge));
}

void stream_message(struct stream *stream, struct iovec *pieces,
			   size_t count)
{
	struct message *message = &stream->captures->message;
	enum message_kind kind = message_decode(message, pieces, count);
	uint64_t now = clock_read(CLOCK_MONOTONIC);
	struct call_status status;
	const char *why = message->why;

	if (kind == MESSAGE_HELLO && stream->phase == STREAM_NEW) {
		stream_hello(stream, &message->hello, now);
		return;
	}
	if (kind == MESSAGE_RECORDS && stream->phase >= STREAM_FIRST) {
		stream_records(stream, &message->records, now);
		return;
	}
	if (kind == MESSAGE_HELLO)
		why = "a second Hello";
	else if (kind == MESSAGE_RECORDS)
		why = stream->phase == STREAM_NEW ? "Records before Hello" :
						    "Records before Welcome";
	call_fail(&status, CALL_INVALID_ARGUMENT, "%s", why);
	stream_end(stream, &status);
}

void stream_close(struct stream *stream, bool broken,
			 struct call_status *status)
{
	const struct epoch *epoch = stream->epoch;
	uint64_t whole;

	if (broken || !epoch) {
		call_fail(status, broken ? CALL_UNAVAILABLE : CALL_INVALID_ARGUMENT,
			  broken ? "connection broken" : "no Hello came");
		stream_free(stream, status->text, false);
		return;
	}
	whole = stream_state(stream)->offset;
	if (epoch->merge)
		whole += merge_held(epoch->merge, stream->ring);
	stream->ending = true;
	stream->ragged = stream_ring(stream)->received != whole;
	if (epoch->merge)
		merge_leave(epoch->merge, stream->ring, true, clock_read(CLOCK_MONOTONIC));
	if (epoch->sync)
		syncer_urge(epoch->syncer);
	captures_hurry(stream->captures, 0);
	status->code = CALL_LATER;
}

/* Everything that came is acknowledged. */
static void stream_complete(struct stream *stream)
{
	struct call_status status = { .code = CALL_OK };

	if (stream->ragged)
		call_fail(&status, CALL_INVALID_ARGUMENT,
			  "the stream ended within a record");
	stream_end(stream, &status);
}

uint64_t stream_progress(struct stream *stream, uint64_t now)
{
	const struct ledger_ring *state = stream_state(stream);
	struct epoch *epoch = stream->epoch;
	struct ledger_ring safe = *state;
	bool declared;

	if (stream->phase == STREAM_WAITING) {
		if (epoch_settled(epoch, stream->ring))
			stream_welcome(stream, now);
		return CALL_NEVER;
	}
	if (epoch->sync && !syncer_safe(epoch->syncer, epoch->sync, stream->ring,
					&safe, &declared))
		return CALL_NEVER;
	if (safe.offset > stream->acked || now - stream->beat >= STREAM_HEARTBEAT)
		stream_ack(stream, safe.offset > stream->acked ?
			   safe.offset : stream->acked, now);
	if (stream->ending && epoch_drained(epoch, stream->ring) &&
	    safe.offset == state->offset) {
		stream_complete(stream);
		return CALL_NEVER;
	}
	return stream->beat + STREAM_HEARTBEAT;
}
