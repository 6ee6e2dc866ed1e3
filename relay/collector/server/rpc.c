// SPDX-License-Identifier: MIT
#include "rpc.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "common/log.h"

/* A message in more pieces than these is put together first. */
#define RPC_PIECES_MAX	1024

/* Bytes of a message that waits for the one before it to leave. */
#define RPC_SEND_MAX	128

struct call {
	const struct call_taker *taker;
	grpc_call *core;
	struct event *gone;		/* for when it is freed */
	struct stream *stream;		/* NULL: refused, or ended */
	grpc_byte_buffer *message;
	int cancelled;
	unsigned int pending;		/* batches under way, and the stream */
	bool ended;			/* it takes no more messages */
	bool sending;			/* a message is on its way */
	struct call_status status;	/* goes out behind that, once ended */
	size_t queued;			/* bytes of @out, which go out next */
	unsigned char out[RPC_SEND_MAX];
	struct event begun, received, told, sent, closed;
};

static void rpc_batch(struct call *call, const grpc_op *ops, size_t count,
		       struct event *event)
{
	grpc_call_error error = grpc_call_start_batch(call->core, ops, count,
						      event, NULL);

	if (error != GRPC_CALL_OK) {
		log_error("gRPC refuses a batch with error %d", error);
		abort();	/* our mistake: the call would never end */
	}
	call->pending++;
}

/* A batch of the call is done, or its stream; the last one frees it. */
static void rpc_put(struct call *call)
{
	struct event *gone = call->gone;

	if (--call->pending)
		return;
	grpc_call_unref(call->core);
	free(call);
	gone->done(gone->owner, true);
}

static void rpc_receive(struct call *call)
{
	grpc_op op = {
		.op = GRPC_OP_RECV_MESSAGE,
		.data.recv_message.recv_message = &call->message,
	};

	rpc_batch(call, &op, 1, &call->received);
}

/* Send the status, after Empty when that is OK and all that there is to say. */
static void rpc_answer(struct call *call)
{
	grpc_slice text = grpc_slice_from_copied_string(call->status.text);
	grpc_byte_buffer *empty = grpc_raw_byte_buffer_create(NULL, 0);
	grpc_op ops[2] = { 0 };
	size_t count = 0;

	if (call->status.code == CALL_OK && !call->taker->answers) {
		ops[count].op = GRPC_OP_SEND_MESSAGE;
		ops[count++].data.send_message.send_message = empty;
	}
	ops[count].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
	ops[count].data.send_status_from_server.status =
		(grpc_status_code)call->status.code;
	ops[count++].data.send_status_from_server.status_details = &text;
	rpc_batch(call, ops, count, &call->told);
	grpc_byte_buffer_destroy(empty);
	grpc_slice_unref(text);
}

static void rpc_send_now(struct call *call, const void *bytes, size_t size)
{
	grpc_slice slice = grpc_slice_from_copied_buffer(bytes, size);
	grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_op op = {
		.op = GRPC_OP_SEND_MESSAGE,
		.data.send_message.send_message = message,
	};

	call->sending = true;
	rpc_batch(call, &op, 1, &call->sent);
	grpc_byte_buffer_destroy(message);
	grpc_slice_unref(slice);
}

/* One send op at a time: a call would fail at a second one. */
void rpc_send(struct call *call, const void *bytes, size_t size)
{
	if (!call->sending) {
		rpc_send_now(call, bytes, size);
		return;
	}
	call->queued = size;
	memcpy(call->out, bytes, size);
}

static void rpc_leave(struct call *call)
{
	bool lived = call->stream;

	call->stream = NULL;
	call->ended = true;
	if (!call->sending)
		rpc_answer(call);
	if (lived)
		rpc_put(call);
}

void rpc_end(struct call *call, const struct call_status *status)
{
	call->status = *status;
	rpc_leave(call);
}

static void rpc_sent(void *owner, bool ok)
{
	struct call *call = owner;
	size_t size = call->queued;

	call->sending = false;
	call->queued = 0;
	if (ok && size)
		rpc_send_now(call, call->out, size);
	else if (call->ended)
		rpc_answer(call);
	rpc_put(call);
}

/* Hand a message on where it lies. */
static void rpc_message(struct call *call)
{
	const struct call_taker *taker = call->taker;
	grpc_slice_buffer *slices = &call->message->data.raw.slice_buffer;
	struct iovec pieces[RPC_PIECES_MAX];
	grpc_byte_buffer_reader reader;
	grpc_slice whole;

	if (slices->count <= RPC_PIECES_MAX) {
		for (size_t i = 0; i < slices->count; i++) {
			pieces[i].iov_base = GRPC_SLICE_START_PTR(slices->slices[i]);
			pieces[i].iov_len = GRPC_SLICE_LENGTH(slices->slices[i]);
		}
		taker->message(call->stream, pieces, slices->count);
		return;
	}
	if (!grpc_byte_buffer_reader_init(&reader, call->message))
		return;
	whole = grpc_byte_buffer_reader_readall(&reader);
	grpc_byte_buffer_reader_destroy(&reader);
	pieces->iov_base = GRPC_SLICE_START_PTR(whole);
	pieces->iov_len = GRPC_SLICE_LENGTH(whole);
	taker->message(call->stream, pieces, 1);
	grpc_slice_unref(whole);
}

/*
 * No more messages: the sensor has half-closed, or the call is broken; @ok is
 * false when that is because of a message too large for core.
 */
static void rpc_finish(struct call *call, bool ok)
{
	struct call_status status = { .code = CALL_OK };
	bool broken = !ok || grpc_call_failed_before_recv_message(call->core);

	call->taker->close(call->stream, broken, &status);
	if (status.code != CALL_LATER)
		rpc_end(call, &status);
}

static void rpc_received(void *owner, bool ok)
{
	struct call *call = owner;

	if (call->message && call->stream)
		rpc_message(call);
	else if (call->stream)
		rpc_finish(call, ok);
	if (call->message) {
		grpc_byte_buffer_destroy(call->message);
		call->message = NULL;
		if (ok && !call->ended)
			rpc_receive(call);
	}
	rpc_put(call);
}

/* Batches whose outcome tells nothing that others do not. */
static void rpc_done(void *owner, bool ok)
{
	(void)ok;
	rpc_put(owner);
}

static bool slice_is(grpc_slice slice, const char *text)
{
	return GRPC_SLICE_LENGTH(slice) == strlen(text) &&
	       !memcmp(GRPC_SLICE_START_PTR(slice), text, strlen(text));
}

static bool rpc_metadata(const grpc_metadata_array *array,
			  struct metadata *metadata, struct call_status *status)
{
	metadata_defaults(metadata);
	for (size_t i = 0; i < array->count; i++) {
		const grpc_slice *key = &array->metadata[i].key;
		const grpc_slice *value = &array->metadata[i].value;

		if (metadata_set(metadata,
				 (const char *)GRPC_SLICE_START_PTR(*key),
				 GRPC_SLICE_LENGTH(*key),
				 (const char *)GRPC_SLICE_START_PTR(*value),
				 GRPC_SLICE_LENGTH(*value)))
			continue;
		call_fail(status, CALL_INVALID_ARGUMENT,
			  "metadata %.*s has no valid value",
			 (int)GRPC_SLICE_LENGTH(*key),
			 (const char *)GRPC_SLICE_START_PTR(*key));
		return false;
	}
	return true;
}

/* "ipv6:%5B::1%5D:4711" to "::1". */
static void rpc_peer(grpc_call *core, char *peer, size_t size)
{
	char *uri = grpc_call_get_peer(core);
	char *start = strchr(uri, ':');
	char *end = strrchr(uri, ':');

	start = start ? start + 1 : uri;
	if (end && end > start)
		*end = '\0';
	if (!strncmp(start, "%5B", 3)) {
		start += 3;
		end = strstr(start, "%5D");
		if (end)
			*end = '\0';
	}
	snprintf(peer, size, "%s", start);
	gpr_free(uri);
}

static const struct call_taker *rpc_find_taker(const struct rpc_method *known,
					  grpc_slice method)
{
	for (; known->path; known++)
		if (slice_is(method, known->path))
			return known->taker;
	return NULL;
}

static void rpc_begin(struct call *call, const struct rpc_method *methods,
		       const struct rpc_request *request)
{
	const struct call_taker *taker = rpc_find_taker(methods, request->details.method);
	struct call_status *status = &call->status;
	char peer[METADATA_TEXT_MAX];
	struct metadata metadata;

	rpc_peer(call->core, peer, sizeof(peer));
	call->taker = taker ? taker : methods->taker;
	if (!taker) {
		call_fail(status, CALL_UNIMPLEMENTED,
			  "there is no such method here, but %s",
			 methods->path);
	} else if (rpc_metadata(&request->metadata, &metadata, status)) {
		call->stream = taker->open(taker->context, call, &metadata,
					   peer, status);
		if (!call->stream) {
			rpc_leave(call);
			return;
		}
		/* it may outlive the connection: what came is still to be written */
		call->pending++;
		rpc_receive(call);
		return;
	}
	log_warning("a call from %s was refused: %s", peer, status->text);
	rpc_leave(call);
}

void rpc_start(const struct rpc_request *request, const struct rpc_method *methods,
	       struct event *gone)
{
	struct call *call = calloc(1, sizeof(*call));
	grpc_op begin = { .op = GRPC_OP_SEND_INITIAL_METADATA };
	grpc_op close = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };

	if (!call) {
		grpc_call_unref(request->core);	/* which cancels it */
		gone->done(gone->owner, false);
		return;
	}
	call->gone = gone;
	call->core = request->core;
	call->begun = call->told = call->closed =
		(struct event){ rpc_done, call };
	call->sent = (struct event){ rpc_sent, call };
	call->received = (struct event){ rpc_received, call };
	close.data.recv_close_on_server.cancelled = &call->cancelled;
	rpc_batch(call, &begin, 1, &call->begun);
	rpc_batch(call, &close, 1, &call->closed);
	rpc_begin(call, methods, request);
}
