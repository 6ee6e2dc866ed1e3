// SPDX-License-Identifier: MIT
#include "stream.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice_buffer.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>

#include "backoff.h"
#include "encode.h"
#include "extent.h"
#include "source.h"

#define STREAM_METHOD		"/packet_streaming.PacketStreaming/Run"
#define STREAM_METADATA		6
/*
 * No extent stays current for longer, in messages: in a burst without end it
 * would hold its ring although all of it was read.
 */
#define STREAM_BASE_MESSAGES	1024
#define STREAM_CONNECT_MS	20000	/* at least, says the specification */

/* What a batch that completes was about; outstanding ones are bits of these. */
enum stream_tag {
	STREAM_TAG_WAKE,
	STREAM_TAG_OPEN,	/* SEND_INITIAL_METADATA */
	STREAM_TAG_SEND,	/* SEND_MESSAGE */
	STREAM_TAG_CLOSE,	/* SEND_CLOSE_FROM_CLIENT */
	STREAM_TAG_HEADERS,	/* RECV_INITIAL_METADATA */
	STREAM_TAG_ANSWER,	/* RECV_MESSAGE */
	STREAM_TAG_STATUS	/* RECV_STATUS_ON_CLIENT */
};

/**
 * struct stream_base - the current extent of a ring
 * @extent: NULL: none
 * @slice: all of it; a message's slice is a part of this one
 */
struct stream_base {
	struct extent *extent;
	grpc_slice slice;
};

/**
 * struct stream - a channel and its call
 * @waker: a call that is never started, on which an empty batch completes at
 *	once: that wakes the queue, connected or not
 * @call: NULL: none
 * @sent: messages of all calls
 * @pending: batches of @call under way, a bit for each tag
 * @message: the buffer of the message that is sent; core takes its slices
 * @headers, @answer, @trailers, @status, @details: what @call receives
 */
struct stream {
	bool nanoseconds;
	unsigned int rings;
	struct extents *extents;
	struct stream_base *bases;
	grpc_completion_queue *queue;
	grpc_channel *channel;
	grpc_call *waker;
	grpc_call *call;
	unsigned int sent;
	unsigned int pending;
	grpc_byte_buffer *message;
	grpc_metadata_array headers;
	grpc_metadata_array trailers;
	grpc_byte_buffer *answer;
	grpc_status_code status;
	grpc_slice details;
	struct stream_end end;
};

static grpc_channel *stream_channel(const char *target)
{
	grpc_arg args[] = {
		/* Retries keep the first 256 KiB of a stream, and its extents. */
		{ .type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ENABLE_RETRIES,
		  .value.integer = 0 },
		{ .type = GRPC_ARG_INTEGER,
		  .key = GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
		  .value.integer = BACKOFF_FIRST_MS },
		{ .type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
		  .value.integer = BACKOFF_MAX_MS },
		{ .type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
		  .value.integer = STREAM_CONNECT_MS },
	};
	grpc_channel_args list = { sizeof(args) / sizeof(args[0]), args };
	grpc_channel_credentials *insecure = grpc_insecure_credentials_create();
	grpc_channel *channel = grpc_channel_create(target, insecure, &list);

	grpc_channel_credentials_release(insecure);
	return channel;
}

static grpc_call *stream_new_call(struct stream *stream)
{
	return grpc_channel_create_call(stream->channel, NULL,
					GRPC_PROPAGATE_DEFAULTS, stream->queue,
					grpc_slice_from_static_string(STREAM_METHOD),
					NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC),
					NULL);
}

struct stream *stream_new(const char *target, bool nanoseconds,
			  struct extents *extents, unsigned int rings)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		abort();
	stream->bases = calloc(rings + 1, sizeof(*stream->bases));
	if (!stream->bases)
		abort();
	grpc_init();
	stream->nanoseconds = nanoseconds;
	stream->rings = rings;
	stream->extents = extents;
	stream->queue = grpc_completion_queue_create_for_next(NULL);
	stream->channel = stream_channel(target);
	stream->waker = stream_new_call(stream);
	stream->message = grpc_raw_byte_buffer_create(NULL, 0);
	return stream;
}

/* Errors here are mistakes in this file: a batch that the API does not allow. */
static void stream_start(struct stream *stream, const grpc_op *op,
			 enum stream_tag tag)
{
	grpc_call_error error = grpc_call_start_batch(stream->call, op, 1,
						      (void *)(uintptr_t)tag, NULL);

	if (error != GRPC_CALL_OK) {
		fprintf(stderr, "pcapring-relay: batch %d: %s\n", tag,
			grpc_call_error_to_string(error));
		abort();
	}
	stream->pending |= 1U << tag;
}

static void stream_start_receiving(struct stream *stream)
{
	const grpc_op headers = {
		.op = GRPC_OP_RECV_INITIAL_METADATA,
		.data.recv_initial_metadata.recv_initial_metadata =
			&stream->headers,
	};
	const grpc_op answer = {
		.op = GRPC_OP_RECV_MESSAGE,
		.data.recv_message.recv_message = &stream->answer,
	};
	const grpc_op status = {
		.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
		.data.recv_status_on_client = {
			.trailing_metadata = &stream->trailers,
			.status = &stream->status,
			.status_details = &stream->details,
		},
	};

	grpc_metadata_array_init(&stream->headers);
	grpc_metadata_array_init(&stream->trailers);
	stream->answer = NULL;
	stream->details = grpc_empty_slice();
	/* Not asked for early, they hold back the status when a server dies. */
	stream_start(stream, &headers, STREAM_TAG_HEADERS);
	stream_start(stream, &answer, STREAM_TAG_ANSWER);
	stream_start(stream, &status, STREAM_TAG_STATUS);
}

static grpc_metadata stream_text(const char *key, const char *text)
{
	char value[3 * METADATA_TEXT_MAX] = "";

	metadata_encode(text, value, sizeof(value));
	return (grpc_metadata) {
		.key = grpc_slice_from_static_string(key),
		.value = grpc_slice_from_copied_string(value),
	};
}

static grpc_metadata stream_number(const char *key, uint32_t number)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", number);
	return stream_text(key, value);
}

void stream_call(struct stream *stream, const struct metadata *metadata, bool wait)
{
	grpc_metadata list[STREAM_METADATA] = {
		stream_text(METADATA_HOST, metadata->host),
		stream_text(METADATA_SENSOR, metadata->sensor),
		stream_text(METADATA_INTERFACE, metadata->interface),
		stream_number(METADATA_LINKTYPE, metadata->linktype),
		stream_number(METADATA_SNAPLEN, metadata->snaplen),
		stream_number(METADATA_TSRESOL, metadata->tsresol),
	};
	const grpc_op open = {
		.op = GRPC_OP_SEND_INITIAL_METADATA,
		.flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET |
			 (wait ? GRPC_INITIAL_METADATA_WAIT_FOR_READY : 0),
		.data.send_initial_metadata = {
			.count = STREAM_METADATA,
			.metadata = list,
		},
	};

	stream->call = stream_new_call(stream);
	stream_start(stream, &open, STREAM_TAG_OPEN);
	stream_start_receiving(stream);
	for (unsigned int i = 0; i < STREAM_METADATA; i++)
		grpc_slice_unref(list[i].value);
}

/* Any of core's threads may call it, inside of core. */
static void stream_let_go(void *extent)
{
	extent_let_go(extent);
}

static void stream_end_base(struct stream_base *base)
{
	if (!base->extent)
		return;
	base->extent = NULL;
	grpc_slice_unref(base->slice);
}

static void stream_end_bases(struct stream *stream)
{
	for (unsigned int i = 0; i < stream->rings; i++)
		stream_end_base(&stream->bases[i]);
}

/* A part of the ring's current extent, or of a new one. False: copy. */
static bool stream_refer(struct stream *stream, const struct packet *packet,
			 grpc_slice *data)
{
	struct stream_base *base = &stream->bases[packet->ring];
	uint32_t caplen = packet->header.caplen;
	/* Extents begin with a record: the tail may come to lie there. */
	size_t header = sizeof(packet->header);
	uint64_t begin;

	if (!base->extent || packet->position + caplen > base->extent->end) {
		stream_end_base(base);
		base->extent = extents_begin(&stream->extents[packet->ring],
					     packet->position - header,
					     header + caplen);
		if (!base->extent)
			return false;
		base->slice = grpc_slice_new_with_user_data((void *)(packet->data - header),
				base->extent->end - base->extent->begin,
				stream_let_go, base->extent);
	}
	begin = packet->position - base->extent->begin;
	*data = grpc_slice_sub(base->slice, begin, begin + caplen);
	return true;
}

/* Short pieces lie inside of their slice: no allocation. */
static void stream_add_inline(grpc_slice_buffer *slices, const uint8_t *bytes,
			      size_t length)
{
	while (length) {
		size_t part = length < GRPC_SLICE_INLINED_SIZE ?
			      length : GRPC_SLICE_INLINED_SIZE;

		memcpy(grpc_slice_buffer_tiny_add(slices, part), bytes, part);
		bytes += part;
		length -= part;
	}
}

static void stream_add_copy(grpc_slice_buffer *slices, const uint8_t *prefix,
			    size_t length, const struct packet *packet)
{
	grpc_slice slice = grpc_slice_malloc(length + packet->header.caplen);
	uint8_t *bytes = GRPC_SLICE_START_PTR(slice);

	memcpy(bytes, prefix, length);
	memcpy(bytes + length, packet->data, packet->header.caplen);
	grpc_slice_buffer_add(slices, slice);
}

uint32_t stream_send(struct stream *stream, const struct packet *packet, bool last)
{
	grpc_slice_buffer *slices = &stream->message->data.raw.slice_buffer;
	const grpc_op send = {
		.op = GRPC_OP_SEND_MESSAGE,
		.flags = last ? 0 : GRPC_WRITE_BUFFER_HINT,
		.data.send_message.send_message = stream->message,
	};
	uint8_t prefix[ENCODE_PREFIX_MAX];
	size_t length = encode_prefix(prefix, &packet->header, stream->nanoseconds);
	grpc_slice data;

	if (packet->header.caplen >= STREAM_REFER_BYTES &&
	    packet->ring < stream->rings && stream_refer(stream, packet, &data)) {
		stream_add_inline(slices, prefix, length);
		grpc_slice_buffer_add(slices, data);
	} else {
		stream_add_copy(slices, prefix, length, packet);
	}
	stream_start(stream, &send, STREAM_TAG_SEND);
	grpc_slice_buffer_reset_and_unref(slices);
	if (last || ++stream->sent % STREAM_BASE_MESSAGES == 0)
		stream_end_bases(stream);
	return length + packet->header.caplen;
}

void stream_half_close(struct stream *stream)
{
	const grpc_op close = { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };

	stream_start(stream, &close, STREAM_TAG_CLOSE);
}

void stream_cancel(struct stream *stream)
{
	grpc_call_cancel(stream->call, NULL);
}

static const char *stream_code_name(int code)
{
	static const char *const names[] = {
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT",
		"DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
		"PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
		"FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
		"UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
		"UNAUTHENTICATED",
	};

	if (code < 0 || (size_t)code >= sizeof(names) / sizeof(names[0]))
		return "unknown status";
	return names[code];
}

/* What the other side says ends up in logs: one line, printable. */
static void stream_describe_end(struct stream *stream)
{
	struct stream_end *end = &stream->end;
	size_t length = GRPC_SLICE_LENGTH(stream->details);
	const uint8_t *text = GRPC_SLICE_START_PTR(stream->details);
	int n;

	end->code = stream->status;
	end->refused = end->code == GRPC_STATUS_UNAUTHENTICATED ||
		       end->code == GRPC_STATUS_PERMISSION_DENIED ||
		       end->code == GRPC_STATUS_INVALID_ARGUMENT ||
		       end->code == GRPC_STATUS_UNIMPLEMENTED;
	n = snprintf(end->reason, sizeof(end->reason), "%s%s",
		     end->code ? stream_code_name(end->code) : "it ended the stream",
		     length ? ": " : "");
	for (; length && n < (int)sizeof(end->reason) - 1; length--, text++)
		end->reason[n++] = isprint(*text) ? *text : '?';
	end->reason[n] = '\0';
}

static void stream_drop_call(struct stream *stream)
{
	grpc_metadata_array_destroy(&stream->headers);
	grpc_metadata_array_destroy(&stream->trailers);
	if (stream->answer)
		grpc_byte_buffer_destroy(stream->answer);
	grpc_slice_unref(stream->details);
	stream_end_bases(stream);
	/* The last references to rings may end only here. */
	grpc_call_unref(stream->call);
	stream->call = NULL;
}

/* A batch completed. False: that is no news for the relay. */
static bool stream_complete(struct stream *stream, const grpc_event *completion,
			    enum stream_event *event)
{
	enum stream_tag tag = (uintptr_t)completion->tag;

	if (tag == STREAM_TAG_WAKE) {
		*event = STREAM_WOKEN;
		return true;
	}
	stream->pending &= ~(1U << tag);
	if (!stream->pending) {
		stream_describe_end(stream);
		stream_drop_call(stream);
		*event = STREAM_ENDED;
		return true;
	}
	/* What failed ends the call: its status follows. */
	if (!completion->success)
		return false;
	*event = tag == STREAM_TAG_OPEN ? STREAM_OPENED : STREAM_SENT;
	return tag == STREAM_TAG_OPEN || tag == STREAM_TAG_SEND;
}

enum stream_event stream_wait(struct stream *stream, int64_t deadline)
{
	gpr_timespec until = gpr_inf_future(GPR_CLOCK_MONOTONIC);
	enum stream_event event;

	if (deadline >= 0)
		until = gpr_time_from_nanos(deadline, GPR_CLOCK_MONOTONIC);
	for (;;) {
		grpc_event completion =
			grpc_completion_queue_next(stream->queue, until, NULL);

		if (completion.type == GRPC_QUEUE_TIMEOUT)
			return STREAM_TIMEOUT;
		if (stream_complete(stream, &completion, &event))
			return event;
	}
}

const struct stream_end *stream_end(const struct stream *stream)
{
	return &stream->end;
}

void stream_wake(struct stream *stream)
{
	grpc_call_start_batch(stream->waker, NULL, 0, (void *)(uintptr_t)STREAM_TAG_WAKE, NULL);
}

void stream_free(struct stream *stream)
{
	if (stream->call) {
		stream_cancel(stream);
		while (stream_wait(stream, -1) != STREAM_ENDED)
			;
	}
	grpc_call_unref(stream->waker);
	grpc_channel_destroy(stream->channel);
	grpc_completion_queue_shutdown(stream->queue);
	while (grpc_completion_queue_next(stream->queue,
					  gpr_inf_future(GPR_CLOCK_MONOTONIC),
					  NULL).type != GRPC_QUEUE_SHUTDOWN)
		;
	grpc_completion_queue_destroy(stream->queue);
	grpc_byte_buffer_destroy(stream->message);
	grpc_shutdown_blocking();
	free(stream->bases);
	free(stream);
}
