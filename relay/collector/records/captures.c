// SPDX-License-Identifier: MIT
#include "captures.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/sight/census.h"
#include "collector/sight/roster.h"
#include "common/log.h"

#define CAPTURES_SECOND	UINT64_C(1000000000)

/* An Ack without news is repeated this often. */
#define CAPTURES_HEARTBEAT	CAPTURES_SECOND

struct captures {
	struct captures_config config;
	struct stream *streams;
	struct room *room;		/* NULL: a pipe */
	struct message message;
	bool ended;			/* a stream has, since that was cleared */
	uint64_t due;			/* when idle() has something to do */
	bool woken;			/* or now; set by the syncer's thread */
	void (*wake)(void *context);
	void *wake_context;
};

enum stream_phase {
	STREAM_NEW,		/* Hello has not come yet */
	STREAM_WAITING,		/* Welcome waits until all is safe */
	STREAM_FIRST,		/* Welcome was sent, no Records came */
	STREAM_LIVE,
};

/* A call of a ring. */
struct stream {
	struct stream *next, **at;
	struct captures *captures;
	struct call *call;
	enum stream_phase phase;
	bool ending;		/* the sensor has half-closed */
	bool ragged;		/* and that within a record */
	bool unroomed;		/* the disk is full: that was said, once for all */
	bool proven;		/* that the sensor is who it says */
	struct epoch *epoch;
	uint32_t ring;
	struct hello hello;
	uint64_t acked;
	uint64_t beat;		/* when that was sent */
	struct ledger_ring before;	/* the account, when it began */
	struct roster_entry *seat;	/* its sensor's, or NULL */
	char key[2 * PATH_NAME_MAX];	/* "sensor/interface"; first: its address */
};

static uint64_t captures_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * CAPTURES_SECOND + now.tv_nsec;
}

static struct ledger_ring *stream_state(const struct stream *stream)
{
	return &stream->epoch->state->rings[stream->ring];
}

static struct epoch_ring *stream_ring(const struct stream *stream)
{
	return &stream->epoch->rings[stream->ring];
}

static void captures_hurry(struct captures *captures, uint64_t due)
{
	if (due < captures->due)
		captures->due = due;
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

/* The call takes nothing more: forget the stream; not its call. */
static void stream_free(struct stream *stream, const char *how, bool fine)
{
	if (stream->epoch) {
		uint64_t now = captures_now();

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

static void stream_end(struct stream *stream, const struct call_status *status)
{
	struct captures *captures = stream->captures;
	struct call *call = stream->call;

	stream->unroomed = status->code == CALL_RESOURCE_EXHAUSTED && captures->room &&
			   room_full(captures->room);
	stream_free(stream, status->code == CALL_OK ? "complete" : status->text,
		    status->code == CALL_OK);
	captures->config.end(call, status);
}

/* Nothing can be written to the epoch: for none of its rings. */
static void captures_end_all(struct captures *captures, struct epoch *epoch,
			     const struct call_status *status)
{
	int error = errno;

	epoch_end_all(epoch, status);
	if (!epoch->syncer)
		output_fail(captures->config.output, error, status->text);
}

/* Syncing failed: what is not safe comes again. */
static void captures_back(struct captures *captures, struct epoch *epoch, int error)
{
	struct call_status status;

	call_fail(&status, call_code(error),
		  "cannot sync %.256s: %s", epoch->path, strerror(error));
	captures_end_all(captures, epoch, &status);
	epoch_back(epoch);
}

static void captures_end(struct stream *stream, struct call_status *status)
{
	stream_end(stream, status);
}

static struct stream *captures_take(void *context, struct call *call,
				    const struct caller *caller,
				    struct call_status *status)
{
	struct captures *captures = context;
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream) {
		call_fail(status, CALL_RESOURCE_EXHAUSTED, "no memory");
		return NULL;
	}
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

/* Is the capture this sensor's? Its name stands at the beginning of the key. */
static bool stream_owns(const struct stream *stream, const struct epoch *epoch)
{
	size_t length = strcspn(stream->key, "/");

	return strlen(epoch->state->sensor) == length &&
	       !memcmp(epoch->state->sensor, stream->key, length);
}

/* Does this Hello fit to what is there? */
static bool stream_fits(const struct stream *stream, const struct epoch *epoch,
			struct call_status *status)
{
	const struct hello *hello = &stream->hello;
	const struct stream *other = epoch->rings[hello->ring].stream;

	if (stream->proven && !stream_owns(stream, epoch)) {
		call_fail(status, CALL_PERMISSION_DENIED,
			  "this capture is another sensor's");
		return false;
	}
	if (epoch->state->ring_count != hello->ring_count) {
		call_fail(status, CALL_INVALID_ARGUMENT,
			  "ring_count is %u, but this capture has %u rings",
			  hello->ring_count, epoch->state->ring_count);
		return false;
	}
	if (!ringfile_same(&epoch->format, &hello->format)) {
		call_fail(status, CALL_INVALID_ARGUMENT,
			  "linktype, resolution or byte order differ from what this capture had");
		return false;
	}
	if (other && hello->generation <= other->hello.generation) {
		call_fail(status, CALL_ABORTED,
			  "generation %" PRIu64 " is not above %" PRIu64 ", that of the call that this ring has",
			  hello->generation, other->hello.generation);
		return false;
	}
	return true;
}

static void stream_say_begin(const struct stream *stream)
{
	const struct ringfile_format *format = &stream->hello.format;

	log_info("sensor %s ring %u: streams to %s from offset %" PRIu64 " (link type %u, snaplen %u bytes, %sseconds%s)",
		 stream->key, stream->ring, stream->epoch->path,
		 stream_state(stream)->offset, format->linktype, format->snaplen,
		 format->microseconds ? "micro" : "nano",
		 ringfile_swapped(format) ? ", the other byte order" : "");
	if (stream_state(stream)->offset > stream->hello.head)
		log_warning("sensor %s ring %u: what it has ends at %" PRIu64 ", but more of it is here already",
			    stream->key, stream->ring, stream->hello.head);
}

static void stream_ack(struct stream *stream, uint64_t offset, uint64_t now)
{
	unsigned char out[MESSAGE_OUT_MAX];
	size_t size = message_ack(out, offset);

	stream->acked = offset;
	stream->beat = now;
	stream->captures->config.send(stream->call, out, size);
}

/*
 * All that is there is safe: say where to go on, and at once that it is safe,
 * for a sensor that was killed may not have heard.
 */
static void stream_welcome(struct stream *stream, uint64_t now)
{
	struct captures *captures = stream->captures;
	struct epochs *epochs = captures->config.epochs;
	struct ledger_ring *state = stream_state(stream);
	unsigned char out[MESSAGE_OUT_MAX];
	bool new_epoch = !state->known || !epochs_durable(epochs);
	struct call_status status;
	size_t size;

	if (!epoch_begin(stream->epoch, stream->ring, stream->hello.tail, &status)) {
		captures_end_all(captures, stream->epoch, &status);
		return;
	}
	stream->phase = STREAM_FIRST;
	stream->before = *state;
	stream->acked = state->offset > stream->hello.tail ? state->offset :
							      stream->hello.tail;
	stream->beat = now;
	size = message_welcome(out, epochs_id(epochs), state->offset, new_epoch,
			       epochs_durable(epochs));
	captures->config.send(stream->call, out, size);
	if (state->offset <= stream->hello.head)
		stream_ack(stream, stream->acked, now);
	captures_hurry(captures, now + CAPTURES_HEARTBEAT);
	stream_say_begin(stream);
}

/* "ADDRESS", and a number where several live that say no more. */
static void stream_name(struct stream *stream)
{
	const struct hello *hello = &stream->hello;
	char interface[PATH_NAME_MAX], name[PATH_NAME_MAX];

	path_encode(hello->interface, interface);
	if (*hello->sensor)
		path_encode(hello->sensor, name);
	else
		snprintf(name, sizeof(name), "%.*s", (int)sizeof(name) - 1,
			 stream->key);
	snprintf(stream->key, sizeof(stream->key), "%s/%s", name, interface);
}

/* A pipe holds nothing: what was written and not acknowledged is known. */
static void stream_find_offset(struct stream *stream)
{
	const struct hello *hello = &stream->hello;
	struct ledger_ring *state = stream_state(stream);

	if (state->offset < hello->tail || state->offset > hello->head)
		state->offset = hello->tail;
}

/*
 * What was sent to another collector may be there, too. The journal knows that
 * before Welcome goes out: a sensor that has heard Welcome names us, not the
 * other one, the next time.
 */
static void stream_claim(const struct stream *stream)
{
	const struct hello *hello = &stream->hello;
	struct ledger_ring *state = stream_state(stream);
	const uint8_t *id = epochs_id(stream->captures->config.epochs);

	if (hello->has_collector && !memcmp(hello->collector, id, MESSAGE_ID_BYTES))
		return;
	if (hello->sent > state->offset && hello->sent > state->twice)
		state->twice = hello->sent;
}

/* May it send as who it says? That one it is from now on. */
static bool stream_admit(struct stream *stream, struct call_status *status)
{
	struct captures *captures = stream->captures;
	struct admission admission;

	if (!captures->config.admit)
		return true;
	if (!captures->config.admit(stream->call, stream->hello.sensor, &admission, status))
		return false;
	strcpy(stream->hello.sensor, admission.name);
	stream->proven = admission.proven;
	return true;
}

/* The roster knows files by the same names. */
static void stream_sit(struct stream *stream)
{
	const struct ledger_file *state = stream->epoch->state;

	stream->seat = roster_get(stream->captures->config.roster, state->sensor,
				  state->interface);
	roster_join(stream->seat, stream->hello.host, stream->hello.version);
}

static void stream_hello(struct stream *stream, const struct hello *hello,
			 uint64_t now)
{
	struct captures *captures = stream->captures;
	struct call *call = stream->call;
	struct call_status status;
	struct epoch *epoch;
	struct stream *other;
	int error;

	stream->hello = *hello;
	if (!memcmp(hello->boot, EPOCH_PLAIN, MESSAGE_ID_BYTES)) {
		call_fail(&status, CALL_INVALID_ARGUMENT, "boot_id is that of no boot");
		stream_end(stream, &status);
		return;
	}
	if (!stream_admit(stream, &status)) {
		stream_free(stream, status.text, true);	/* it was logged */
		captures->config.end(call, &status);
		return;
	}
	stream_name(stream);
	epoch = epochs_get(captures->config.epochs, hello, stream->key, now, &status);
	if (!epoch || !stream_fits(stream, epoch, &status)) {
		stream_end(stream, &status);
		return;
	}
	error = epoch_error(epoch);
	if (error)
		captures_back(captures, epoch, error);
	other = epoch->rings[hello->ring].stream;
	if (other) {
		call_fail(&status, CALL_ABORTED,
			  "replaced by a newer call of the same ring");
		stream_end(other, &status);
	}
	stream->epoch = epoch;
	stream->ring = hello->ring;
	stream->before = *stream_state(stream);
	stream->phase = STREAM_WAITING;
	stream_ring(stream)->stream = stream;
	stream_ring(stream)->end = stream_end;
	if (!epochs_durable(captures->config.epochs))
		stream_find_offset(stream);
	stream_claim(stream);
	stream_sit(stream);
	epoch_snaplen(epoch, hello->format.snaplen);
	epoch_attach(epoch, hello->ring, hello->ring_bytes);
	if (epoch_settled(epoch, hello->ring))
		stream_welcome(stream, now);
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

static void stream_message(struct stream *stream, struct iovec *pieces,
			   size_t count)
{
	struct message *message = &stream->captures->message;
	enum message_kind kind = message_decode(message, pieces, count);
	uint64_t now = captures_now();
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

static void stream_close(struct stream *stream, bool broken,
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
		merge_leave(epoch->merge, stream->ring, true, captures_now());
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

/* Whatever can go on by now. @return when to look again. */
static uint64_t stream_progress(struct stream *stream, uint64_t now)
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
	if (safe.offset > stream->acked || now - stream->beat >= CAPTURES_HEARTBEAT)
		stream_ack(stream, safe.offset > stream->acked ?
			   safe.offset : stream->acked, now);
	if (stream->ending && epoch_drained(epoch, stream->ring) &&
	    safe.offset == state->offset) {
		stream_complete(stream);
		return CALL_NEVER;
	}
	return stream->beat + CAPTURES_HEARTBEAT;
}

/* Release what was held back, find out what failed, close what is unused. */
static uint64_t captures_look(struct captures *captures, struct epoch *epoch,
			      uint64_t now)
{
	struct call_status status;
	int error = epoch_error(epoch);
	uint64_t due, other;

	if (error)
		captures_back(captures, epoch, error);
	else if (epoch_release(epoch, now, false, &status) == EPOCH_FAILED)
		captures_end_all(captures, epoch, &status);
	due = epoch_turn_idle(epoch, now);
	other = epoch->merge ? merge_due(epoch->merge) : CALL_NEVER;
	return other < due ? other : due;
}

/* @return when to look again. */
static uint64_t captures_progress(struct captures *captures, uint64_t now)
{
	struct stream *stream = captures->streams, *next;
	uint64_t due = CALL_NEVER, other;

	while (stream) {
		next = stream->next;
		captures->ended = false;
		other = stream->epoch ? stream_progress(stream, now) : CALL_NEVER;
		due = other < due ? other : due;
		/* it may have ended others, too: begin again */
		stream = captures->ended ? captures->streams : next;
	}
	return due;
}

static uint64_t captures_idle(void *context)
{
	struct captures *captures = context;
	struct epochs *epochs = captures->config.epochs;
	uint64_t now = captures_now(), due = CALL_NEVER;
	struct epoch *epoch;

	census_take(captures->config.roster, epochs);
	if (!__atomic_exchange_n(&captures->woken, false, __ATOMIC_ACQUIRE) &&
	    now < captures->due)
		return captures->due;
	captures->due = captures->room ? room_settle(captures->room) : CALL_NEVER;
	for (epoch = epochs_opened(epochs); epoch; epoch = epoch->next_open) {
		uint64_t other = captures_look(captures, epoch, now);

		due = other < due ? other : due;
	}
	captures_hurry(captures, due);
	captures_hurry(captures, captures_progress(captures, now));
	epochs_close_idle(epochs);
	return captures->due;
}

static void captures_stop(void *context)
{
	struct captures *captures = context;
	struct call_status status;
	struct epoch *epoch = epochs_opened(captures->config.epochs);

	for (; epoch; epoch = epoch->next_open)
		epoch_release(epoch, captures_now(), true, &status);
	call_fail(&status, CALL_UNAVAILABLE, "the collector stops");
	while (captures->streams)
		stream_end(captures->streams, &status);
}

void captures_taker(struct captures *captures, struct call_taker *taker)
{
	*taker = (struct call_taker){
		.context = captures,
		.answers = true,
		.greets = true,
		.open = captures_take,
		.message = stream_message,
		.close = stream_close,
		.idle = captures_idle,
		.end = captures_end,
		.stop = captures_stop,
	};
}

struct captures *captures_open(const struct captures_config *config)
{
	struct captures *captures = calloc(1, sizeof(*captures));

	if (!captures) {
		log_error("out of memory");
		return NULL;
	}
	captures->config = *config;
	captures->room = epochs_room(config->epochs);
	captures->due = CALL_NEVER;
	return captures;
}

void captures_wake(void *context)
{
	struct captures *captures = context;

	__atomic_store_n(&captures->woken, true, __ATOMIC_RELEASE);
	captures->wake(captures->wake_context);
}

bool captures_start(struct captures *captures, void (*wake)(void *context),
		    void *context)
{
	captures->wake = wake;
	captures->wake_context = context;
	return epochs_start(captures->config.epochs, captures_wake, captures);
}

void captures_close(struct captures *captures)
{
	message_free(&captures->message);
	free(captures);
}
