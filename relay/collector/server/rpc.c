// SPDX-License-Identifier: MIT
#include "rpc.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "collector/gate.h"
#include "common/log.h"
#include "door.h"
#include "visitor.h"

/* A message in more pieces than these is put together first. */
#define RPC_PIECES_MAX	1024

/* Bytes of a message that waits for the one before it to leave. */
#define RPC_SEND_MAX	128

struct call {
	struct call *next, **at;
	struct rpc_host *host;
	const struct call_taker *taker;
	grpc_call *core;
	struct guest *guest;		/* NULL: not admitted yet */
	struct door_ticket ticket;	/* of its connection */
	bool entered;			/* it counts there as a stream */
	uint64_t due;			/* for what the host is to look at it */
	bool paused;			/* it is read on only then */
	bool heard;			/* a message came */
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
	struct caller caller;
};

static uint64_t rpc_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

/* Have the call looked at, then. */
static void rpc_expect(struct call *call, uint64_t due)
{
	call->due = due;
	if (due < call->host->due)
		call->host->due = due;
}

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
	struct rpc_host *host = call->host;

	if (--call->pending)
		return;
	*call->at = call->next;
	if (call->next)
		call->next->at = call->at;
	grpc_call_unref(call->core);
	free(call);
	host->count--;
	host->gone(host->owner);
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

	if (lived)
		call->host->streams -= !call->taker->asks;
	call->stream = NULL;
	call->ended = true;
	if (call->guest)
		gate_leave(call->host->gate, call->guest);
	call->guest = NULL;
	if (call->entered)
		door_leave(call->host->door, call->ticket);
	call->entered = false;
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

/* The next message, once the sensor may send it: until then core does not read. */
static void rpc_go_on(struct call *call, size_t bytes)
{
	uint64_t now, due;

	if (!call->guest || !gate_limits_rate(call->host->gate, call->guest)) {
		rpc_receive(call);
		return;
	}
	now = rpc_now();
	due = gate_take(call->host->gate, call->guest, bytes, now);
	if (!due) {
		rpc_receive(call);
		return;
	}
	call->paused = true;
	rpc_expect(call, due);
}

static void rpc_received(void *owner, bool ok)
{
	struct call *call = owner;
	size_t bytes;

	call->heard |= call->message != NULL;
	if (call->message && call->stream)
		rpc_message(call);
	else if (call->stream)
		rpc_finish(call, ok);
	if (call->message) {
		bytes = grpc_byte_buffer_length(call->message);
		door_count(call->host->door, call->ticket, bytes);
		grpc_byte_buffer_destroy(call->message);
		call->message = NULL;
		if (ok && !call->ended)
			rpc_go_on(call, bytes);
	}
	rpc_put(call);
}

static void rpc_closed(void *owner, bool ok)
{
	struct call *call = owner;

	(void)ok;
	if (call->stream && call->taker->gone)
		call->taker->gone(call->stream);
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

static const struct call_taker *rpc_find_taker(const struct rpc_method *known,
					  grpc_slice method)
{
	for (; known->path; known++)
		if (slice_is(method, known->path))
			return known->taker;
	return NULL;
}

void rpc_complain(struct call *call, const char *why)
{
	char who[METADATA_TEXT_MAX + 16];

	snprintf(who, sizeof(who), "a call from %s", call->caller.peer);
	gate_complain(call->host->gate, who, why);
}

/* False: @status says what there is too much of. */
static bool rpc_has_room(const struct rpc_host *host, struct call_status *status)
{
	unsigned int most = gate_limits(host->gate)->streams;

	if (host->streams >= most)
		call_fail(status, CALL_RESOURCE_EXHAUSTED,
			  "%u streams are under way, which is the collector's --max-streams",
			  most);
	else if (door_is_full(host->door))
		call_fail(status, CALL_RESOURCE_EXHAUSTED,
			  "the collector has as many files open as it may: it needs a higher limit (LimitNOFILE=, ulimit -n)");
	else
		return true;
	return false;
}

/* False: its connection is gone already, and with it what was missing. */
static bool rpc_is_there(struct call *call)
{
	char *uri = grpc_call_get_peer(call->core);
	bool there = strcmp(uri, "unknown");

	call->ticket = door_find(call->host->door, uri);
	gpr_free(uri);
	if (!there)
		call_fail(&call->status, CALL_UNAVAILABLE, "connection broken");
	return there;
}

static bool rpc_check(struct call *call, const struct rpc_request *request,
		      const struct call_taker *taker)
{
	struct call_status *status = &call->status;

	if (!visitor_look(&call->caller, call->core, call->host->certificates,
			  &request->metadata, status))
		return false;
	if (taker)
		return taker->asks || rpc_has_room(call->host, status);
	call_fail(status, CALL_UNIMPLEMENTED, "there is no such method here, but %s",
		  call->host->methods->path);
	return false;
}

static void rpc_begin(struct call *call, const struct rpc_request *request)
{
	struct rpc_host *host = call->host;
	const struct call_taker *taker = rpc_find_taker(host->methods, request->details.method);

	call->taker = taker ? taker : host->methods->taker;
	if (!rpc_is_there(call)) {
		rpc_leave(call);
		return;
	}
	if (!rpc_check(call, request, taker)) {
		rpc_complain(call, call->status.text);
		rpc_leave(call);
		return;
	}
	call->stream = taker->open(taker->context, call, &call->caller, &call->status);
	if (!call->stream) {
		rpc_leave(call);
		return;
	}
	/* it may outlive the connection: what came is still to be written */
	call->pending++;
	host->streams += !taker->asks;
	if (taker->greets)
		rpc_expect(call, rpc_now() + gate_limits(host->gate)->patience);
	rpc_receive(call);
}

void rpc_start(struct rpc_host *host, const struct rpc_request *request)
{
	struct call *call = calloc(1, sizeof(*call));
	grpc_op begin = { .op = GRPC_OP_SEND_INITIAL_METADATA };
	grpc_op close = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };

	if (!call) {
		grpc_call_unref(request->core);	/* which cancels it */
		return;
	}
	host->count++;
	call->host = host;
	call->due = CALL_NEVER;
	call->next = host->calls;
	call->at = &host->calls;
	if (call->next)
		call->next->at = &call->next;
	host->calls = call;
	call->core = request->core;
	call->begun = call->told = (struct event){ rpc_done, call };
	call->closed = (struct event){ rpc_closed, call };
	call->sent = (struct event){ rpc_sent, call };
	call->received = (struct event){ rpc_received, call };
	close.data.recv_close_on_server.cancelled = &call->cancelled;
	rpc_batch(call, &begin, 1, &call->begun);
	rpc_batch(call, &close, 1, &call->closed);
	rpc_begin(call, request);
}

bool rpc_admit(struct call *call, const char *claimed, struct admission *admission,
	       struct call_status *status)
{
	call->guest = gate_admit(call->host->gate, &call->caller, claimed, admission, status);
	call->entered = call->guest;
	if (call->entered)
		door_enter(call->host->door, call->ticket, admission->proven);
	return call->guest;
}

/* What a call was to be looked at for. */
static void rpc_look(struct call *call)
{
	struct call_status status;

	call->due = CALL_NEVER;
	if (call->paused) {
		call->paused = false;
		if (!call->ended)
			rpc_receive(call);
	} else if (call->stream && !call->heard) {
		call_fail(&status, CALL_DEADLINE_EXCEEDED,
			  "the first message did not come within the %ju s of the collector's --patience",
			  (uintmax_t)(gate_limits(call->host->gate)->patience / 1000000000));
		call->taker->end(call->stream, &status);
	}
}

/* End the streams that may not send any more; those that wait need not, perhaps. */
static void rpc_review(struct rpc_host *host)
{
	struct call *call, *next;
	struct call_status status;

	for (call = host->calls; call; call = next) {
		next = call->next;
		if (call->paused)
			rpc_expect(call, 0);
		if (call->stream && call->guest &&
		    !gate_review(host->gate, call->guest, &call->caller, &status))
			call->taker->end(call->stream, &status);
	}
}

uint64_t rpc_idle(struct rpc_host *host)
{
	struct call *call, *next;
	uint64_t now;

	if (gate_has_changed(host->gate))
		rpc_review(host);
	if (host->due == CALL_NEVER)
		return CALL_NEVER;
	now = rpc_now();
	if (now < host->due)
		return host->due;
	host->due = CALL_NEVER;
	for (call = host->calls; call; call = next) {
		next = call->next;
		if (call->due <= now)
			rpc_look(call);
		else if (call->due < host->due)
			host->due = call->due;
	}
	return host->due;
}
