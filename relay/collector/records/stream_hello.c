// SPDX-License-Identifier: MIT
/* stream.h's beginning. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/sight/roster.h"
#include "common/log.h"
#include "stream.h"

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

/*
 * All that is there is safe: say where to go on, and at once that it is safe,
 * for a sensor that was killed may not have heard.
 */
void stream_welcome(struct stream *stream, uint64_t now)
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
	captures_hurry(captures, now + STREAM_HEARTBEAT);
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

void stream_hello(struct stream *stream, const struct hello *hello, uint64_t now)
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
