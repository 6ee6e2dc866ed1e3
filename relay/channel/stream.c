// SPDX-License-Identifier: MIT
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/compression.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice_buffer.h>
#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include "backoff.h"
#include "common/log.h"
#include "common/tls.h"
#include "common/token.h"
#include "extent.h"

#define STREAM_ANSWER_MAX	65536
#define STREAM_CONNECT_MS	20000	/* at least, says the specification */
/*
 * Receivers may refuse pings that come more often than every five minutes. But what is
 * sent and not acknowledged by TCP for so long ends the connection, too.
 */
#define STREAM_PING_MS		330000
#define STREAM_SILENCE_MS	60000

/* What a batch that completes was about; outstanding ones are bits of these. */
enum stream_op {
	STREAM_OP_OPEN,		/* SEND_INITIAL_METADATA */
	STREAM_OP_SEND,		/* SEND_MESSAGE */
	STREAM_OP_CLOSE,	/* SEND_CLOSE_FROM_CLIENT */
	STREAM_OP_HEADERS,	/* RECV_INITIAL_METADATA */
	STREAM_OP_ANSWER,	/* RECV_MESSAGE */
	STREAM_OP_STATUS,	/* RECV_STATUS_ON_CLIENT */
	STREAM_OPS
};

/**
 * struct stream_tag - what core hands back with a batch that completes
 * @call: whose batch
 * @op: which
 */
struct stream_tag {
	struct stream_call *call;
	enum stream_op op;
};

/**
 * struct stream_call - a call
 * @next, @previous: the stream's calls
 * @hears: messages of the receiver's are of interest
 * @opened: it got a connection
 * @pending: batches under way, a bit for each op
 * @headers, @answer, @trailers, @status, @details: what it receives
 */
struct stream_call {
	struct stream *stream;
	struct stream_call *next;
	struct stream_call **previous;
	grpc_call *call;
	void *context;
	bool hears;
	bool opened;
	unsigned int pending;
	struct stream_tag tags[STREAM_OPS];
	grpc_metadata_array headers;
	grpc_metadata_array trailers;
	grpc_byte_buffer *answer;
	grpc_status_code status;
	grpc_slice details;
};

/**
 * struct stream - a channel and its calls
 * @tls: NULL: as if all that listens were a friend
 * @name: whose certificate the receiver has to have; NULL: the target's
 * @token: what else proves who we are; NULL: nothing
 * @waker: a call that is never started, on which an empty batch completes at
 *	once: that wakes the queue, connected or not
 * @message: the buffer of the message that is sent; core takes its slices
 * @compression: of messages; NULL: none
 * @end: of the call that ended last
 */
struct stream {
	char *target;
	struct tls *tls;
	const char *name;
	struct token *token;
	grpc_completion_queue *queue;
	grpc_channel *channel;
	grpc_call *waker;
	struct stream_call *calls;
	grpc_byte_buffer *message;
	const char *compression;
	struct stream_end end;
};

static grpc_channel_credentials *stream_credentials(const struct stream *stream)
{
	const struct tls *tls = stream->tls;
	grpc_ssl_pem_key_cert_pair pair;

	if (!tls)
		return grpc_insecure_credentials_create();
	pair.private_key = tls->text[TLS_KEY];
	pair.cert_chain = tls->text[TLS_CERTIFICATE];
	return grpc_ssl_credentials_create_ex(tls->text[TLS_CA],
					      pair.private_key ? &pair : NULL, NULL, NULL);
}

static grpc_compression_algorithm stream_algorithm(const char *name)
{
	grpc_compression_algorithm algorithm;

	if (!name)
		return GRPC_COMPRESS_NONE;
	if (!grpc_compression_algorithm_parse(grpc_slice_from_static_string(name), &algorithm))
		abort();
	return algorithm;
}

static grpc_channel *stream_channel(const struct stream *stream)
{
	grpc_arg args[] = {
		/* Retries keep the first 256 KiB of a stream, and its extents. */
		{ .type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ENABLE_RETRIES,
		  .value.integer = 0 },
		/* Where the target has several addresses, each call has the next. */
		{ .type = GRPC_ARG_STRING, .key = GRPC_ARG_LB_POLICY_NAME,
		  .value.string = (char *)"round_robin" },
		{ .type = GRPC_ARG_INTEGER,
		  .key = GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
		  .value.integer = backoff_first_ms },
		{ .type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
		  .value.integer = BACKOFF_MAX_MS },
		{ .type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
		  .value.integer = STREAM_CONNECT_MS },
		/* Nobody may be there any more, and say nothing. */
		{ .type = GRPC_ARG_INTEGER, .key = GRPC_ARG_KEEPALIVE_TIME_MS,
		  .value.integer = STREAM_PING_MS },
		{ .type = GRPC_ARG_INTEGER, .key = GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
		  .value.integer = STREAM_SILENCE_MS },
		/* A new channel is a new connection. */
		{ .type = GRPC_ARG_INTEGER, .key = GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL,
		  .value.integer = 1 },
		/* What a receiver says is short. */
		{ .type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
		  .value.integer = STREAM_ANSWER_MAX },
		{ .type = GRPC_ARG_INTEGER,
		  .key = GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM,
		  .value.integer = stream_algorithm(stream->compression) },
		/* The last one: only where it has a value. */
		{ .type = GRPC_ARG_STRING, .key = GRPC_SSL_TARGET_NAME_OVERRIDE_ARG,
		  .value.string = (char *)stream->name },
	};
	grpc_channel_args list = { sizeof(args) / sizeof(args[0]) - !stream->name, args };
	grpc_channel_credentials *credentials = stream_credentials(stream);
	grpc_channel *channel = grpc_channel_create(stream->target, credentials, &list);

	grpc_channel_credentials_release(credentials);
	return channel;
}

static grpc_call *stream_new_call(struct stream *stream, grpc_channel *channel,
				  const char *method)
{
	return grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS,
					stream->queue,
					grpc_slice_from_static_string(method), NULL,
					gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
}

/* Of a channel that leads nowhere, which none of ours can take with it. */
static grpc_call *stream_new_waker(struct stream *stream)
{
	grpc_channel *lame = grpc_lame_client_channel_create(NULL,
			GRPC_STATUS_UNAVAILABLE, "");
	grpc_call *waker = stream_new_call(stream, lame, "/wake");

	grpc_channel_destroy(lame);
	return waker;
}

static void stream_log(gpr_log_func_args *args)
{
	log_debug("grpc: %s", args->message);
}

struct stream *stream_new(const char *target)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		abort();
	stream->target = strdup(target);
	if (!stream->target)
		abort();
	gpr_set_log_function(stream_log);
	grpc_init();
	stream->queue = grpc_completion_queue_create_for_next(NULL);
	stream->channel = stream_channel(stream);
	stream->waker = stream_new_waker(stream);
	stream->message = grpc_raw_byte_buffer_create(NULL, 0);
	return stream;
}

void stream_renew(struct stream *stream)
{
	grpc_channel_destroy(stream->channel);
	stream->channel = stream_channel(stream);
	stream->end.fault_until = 0;
}

void stream_encrypt(struct stream *stream, struct tls *tls, const char *name,
		    struct token *token)
{
	stream->tls = tls;
	stream->name = name;
	stream->token = token;
	stream_renew(stream);
}

void stream_compress(struct stream *stream, const char *algorithm)
{
	stream->compression = algorithm;
	stream_renew(stream);
}

/* Errors here are mistakes in this file: a batch that the API does not allow. */
static void stream_start(struct stream_call *call, const grpc_op *batch,
			 enum stream_op op)
{
	grpc_call_error error = grpc_call_start_batch(call->call, batch, 1,
						      &call->tags[op], NULL);

	if (error != GRPC_CALL_OK) {
		fprintf(stderr, "pcapring-relay: batch %d: %s\n", op,
			grpc_call_error_to_string(error));
		abort();
	}
	call->pending |= 1U << op;
}

static void stream_receive(struct stream_call *call)
{
	const grpc_op answer = {
		.op = GRPC_OP_RECV_MESSAGE,
		.data.recv_message.recv_message = &call->answer,
	};

	call->answer = NULL;
	stream_start(call, &answer, STREAM_OP_ANSWER);
}

static void stream_start_receiving(struct stream_call *call)
{
	const grpc_op headers = {
		.op = GRPC_OP_RECV_INITIAL_METADATA,
		.data.recv_initial_metadata.recv_initial_metadata = &call->headers,
	};
	const grpc_op status = {
		.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
		.data.recv_status_on_client = {
			.trailing_metadata = &call->trailers,
			.status = &call->status,
			.status_details = &call->details,
		},
	};

	grpc_metadata_array_init(&call->headers);
	grpc_metadata_array_init(&call->trailers);
	call->details = grpc_empty_slice();
	/* Not asked for early, they hold back the status when a server dies. */
	stream_start(call, &headers, STREAM_OP_HEADERS);
	stream_receive(call);
	stream_start(call, &status, STREAM_OP_STATUS);
}

static struct stream_call *stream_start_call(struct stream *stream,
					     const struct stream_opening *opening,
					     grpc_metadata *metadata, size_t count)
{
	const grpc_op open = {
		.op = GRPC_OP_SEND_INITIAL_METADATA,
		.flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET |
			 (opening->wait && !stream->tls ? GRPC_INITIAL_METADATA_WAIT_FOR_READY : 0),
		.data.send_initial_metadata = {
			.count = count,
			.metadata = metadata,
		},
	};
	struct stream_call *call = calloc(1, sizeof(*call));

	if (!call)
		abort();
	if (stream->tls && tls_refresh(stream->tls))
		stream_renew(stream);
	for (unsigned int i = 0; i < STREAM_OPS; i++)
		call->tags[i] = (struct stream_tag) { call, i };
	call->stream = stream;
	call->context = opening->context;
	call->hears = opening->hears;
	call->next = stream->calls;
	call->previous = &stream->calls;
	if (call->next)
		call->next->previous = &call->next;
	stream->calls = call;
	call->call = stream_new_call(stream, stream->channel, opening->method);
	stream_start(call, &open, STREAM_OP_OPEN);
	stream_start_receiving(call);
	return call;
}

/* Core may be the last to let go of a token. */
static void stream_wipe(void *text)
{
	explicit_bzero(text, strlen(text));
	free(text);
}

/* What proves who we are, where something does. @return how many were added. */
static size_t stream_authorize(const struct stream *stream, grpc_metadata *metadata)
{
	char *text;

	/* never in the clear */
	if (!stream->tls || !stream->token)
		return 0;
	token_refresh(stream->token);
	if (asprintf(&text, "Bearer %s", stream->token->text) < 0)
		abort();
	*metadata = (grpc_metadata) {
		.key = grpc_slice_from_static_string("authorization"),
		.value = grpc_slice_new_with_user_data(text, strlen(text), stream_wipe, text),
	};
	return 1;
}

struct stream_call *stream_open(struct stream *stream, const struct stream_opening *opening)
{
	grpc_metadata list[STREAM_TEXTS_MAX + 1];
	struct stream_call *call;
	size_t count = 0;

	for (; count < opening->count; count++)
		list[count] = (grpc_metadata) {
			.key = grpc_slice_from_static_string(opening->texts[count].name),
			.value = grpc_slice_from_copied_string(opening->texts[count].value),
		};
	count += stream_authorize(stream, &list[count]);
	call = stream_start_call(stream, opening, list, count);
	for (size_t i = 0; i < count; i++)
		grpc_slice_unref(list[i].value);
	return call;
}

/* Any of core's threads may call it, inside of core. */
static void stream_let_go(void *extent)
{
	extent_let_go(extent);
}

static grpc_slice stream_refer(const void *data, size_t size, struct extent *extent)
{
	return grpc_slice_new_with_user_data((void *)data, size, stream_let_go, extent);
}

_Static_assert(sizeof(struct stream_hold) == sizeof(grpc_slice), "a hold is a slice");

void stream_hold(struct stream_hold *hold, const void *data, size_t size,
		 struct extent *extent)
{
	grpc_slice slice = stream_refer(data, size, extent);

	memcpy(hold, &slice, sizeof(slice));
}

static grpc_slice stream_held(const struct stream_hold *hold)
{
	grpc_slice slice;

	memcpy(&slice, hold, sizeof(slice));
	return slice;
}

void stream_drop(struct stream_hold *hold)
{
	grpc_slice_unref(stream_held(hold));
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

static void stream_add_copy(grpc_slice_buffer *slices, const void *prefix,
			    size_t length, const void *data, size_t size)
{
	grpc_slice slice = grpc_slice_malloc(length + size);
	uint8_t *bytes = GRPC_SLICE_START_PTR(slice);

	memcpy(bytes, prefix, length);
	if (size)
		memcpy(bytes + length, data, size);
	grpc_slice_buffer_add(slices, slice);
}

/* What lies in the stream's message. */
static void stream_start_message(struct stream_call *call, bool last)
{
	struct stream *stream = call->stream;
	const grpc_op send = {
		.op = GRPC_OP_SEND_MESSAGE,
		.flags = last ? 0 : GRPC_WRITE_BUFFER_HINT,
		.data.send_message.send_message = stream->message,
	};

	stream_start(call, &send, STREAM_OP_SEND);
	grpc_slice_buffer_reset_and_unref(&stream->message->data.raw.slice_buffer);
}

void stream_send(struct stream_call *call, const void *prefix, size_t length,
		 const void *data, size_t size, struct extent *extent, bool last)
{
	grpc_slice_buffer *slices = &call->stream->message->data.raw.slice_buffer;

	if (extent) {
		stream_add_inline(slices, prefix, length);
		grpc_slice_buffer_add(slices, stream_refer(data, size, extent));
	} else {
		stream_add_copy(slices, prefix, length, data, size);
	}
	stream_start_message(call, last);
}

void stream_send_part(struct stream_call *call, const void *prefix, size_t length,
		      const struct stream_hold *hold, size_t begin, size_t size, bool last)
{
	grpc_slice_buffer *slices = &call->stream->message->data.raw.slice_buffer;

	stream_add_inline(slices, prefix, length);
	grpc_slice_buffer_add(slices, grpc_slice_sub(stream_held(hold), begin, begin + size));
	stream_start_message(call, last);
}

/* Slices are cut anywhere. */
static size_t stream_copy(grpc_byte_buffer *message, uint8_t *bytes, size_t size)
{
	size_t length = grpc_byte_buffer_length(message);
	grpc_byte_buffer_reader reader;
	grpc_slice slice;

	if (!grpc_byte_buffer_reader_init(&reader, message))
		return SIZE_MAX;	/* compressed, and not well */
	while (grpc_byte_buffer_reader_next(&reader, &slice)) {
		size_t part = GRPC_SLICE_LENGTH(slice);

		if (part > size)
			part = size;
		memcpy(bytes, GRPC_SLICE_START_PTR(slice), part);
		bytes += part;
		size -= part;
		grpc_slice_unref(slice);
	}
	grpc_byte_buffer_reader_destroy(&reader);
	return length;
}

size_t stream_take(struct stream_call *call, void *bytes, size_t size)
{
	size_t length = stream_copy(call->answer, bytes, size);

	grpc_byte_buffer_destroy(call->answer);
	stream_receive(call);
	return length;
}

void stream_peer(const struct stream_call *call, char *out, size_t size)
{
	char *peer = grpc_call_get_peer(call->call);

	snprintf(out, size, "%s", peer);
	gpr_free(peer);
}

void stream_half_close(struct stream_call *call)
{
	const grpc_op close = { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };

	stream_start(call, &close, STREAM_OP_CLOSE);
}

void stream_cancel(struct stream_call *call)
{
	grpc_call_cancel(call->call, NULL);
}

/* How it went, and what may help where that is known. */
static void stream_describe_end(const struct stream_call *call)
{
	struct stream *stream = call->stream;
	struct stream_end *end = &stream->end;

	stream_end_describe(end, call->status, GRPC_SLICE_START_PTR(call->details),
			    GRPC_SLICE_LENGTH(call->details));
	if (end->unavailable && !call->opened)
		stream_end_explain(end, stream->tls, stream->target, stream->name);
	if (end->unimplemented && stream->compression)
		stream_end_blame_compression(end, stream->compression);
}

static void stream_drop_call(struct stream_call *call)
{
	grpc_metadata_array_destroy(&call->headers);
	grpc_metadata_array_destroy(&call->trailers);
	if (call->answer)
		grpc_byte_buffer_destroy(call->answer);
	grpc_slice_unref(call->details);
	/* The last references to rings may end only here. */
	grpc_call_unref(call->call);
	*call->previous = call->next;
	if (call->next)
		call->next->previous = call->previous;
	free(call);
}

/* A batch completed. False: that is no news for the relay. */
static bool stream_complete(struct stream_call *call, enum stream_op op, bool success,
			    enum stream_event *event)
{
	/* Until it is taken, the call cannot be over. */
	if (op == STREAM_OP_ANSWER && call->hears && success && call->answer) {
		*event = STREAM_RECEIVED;
		return true;
	}
	call->pending &= ~(1U << op);
	if (!call->pending) {
		stream_describe_end(call);
		stream_drop_call(call);
		*event = STREAM_ENDED;
		return true;
	}
	/* What failed ends the call: its status follows. */
	if (!success)
		return false;
	if (op == STREAM_OP_OPEN) {
		call->opened = true;
		call->stream->end.fault_until = 0;
	}
	*event = op == STREAM_OP_OPEN ? STREAM_OPENED : STREAM_SENT;
	return op == STREAM_OP_OPEN || op == STREAM_OP_SEND;
}

enum stream_event stream_wait(struct stream *stream, int64_t deadline, void **context)
{
	gpr_timespec until = gpr_inf_future(GPR_CLOCK_MONOTONIC);
	enum stream_event event;

	*context = NULL;
	if (deadline >= 0)
		until = gpr_time_from_nanos(deadline, GPR_CLOCK_MONOTONIC);
	for (;;) {
		grpc_event completion =
			grpc_completion_queue_next(stream->queue, until, NULL);
		const struct stream_tag *tag = completion.tag;
		void *whose;

		if (completion.type == GRPC_QUEUE_TIMEOUT)
			return STREAM_TIMEOUT;
		if (!tag)
			return STREAM_WOKEN;
		whose = tag->call->context;
		if (stream_complete(tag->call, tag->op, completion.success, &event)) {
			*context = whose;
			return event;
		}
	}
}

const struct stream_end *stream_end(const struct stream *stream)
{
	return &stream->end;
}

void stream_wake(void *context)
{
	const struct stream *stream = context;

	grpc_call_start_batch(stream->waker, NULL, 0, NULL, NULL);
}

static void stream_end_calls(struct stream *stream)
{
	void *context;

	for (struct stream_call *call = stream->calls; call; call = call->next) {
		/* nobody takes what still comes */
		call->hears = false;
		stream_cancel(call);
	}
	while (stream->calls)
		stream_wait(stream, -1, &context);
}

void stream_free(struct stream *stream)
{
	stream_end_calls(stream);
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
	free(stream->target);
	free(stream);
}
