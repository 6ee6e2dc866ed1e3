// SPDX-License-Identifier: MIT
#include "server.h"

#include <errno.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/size.h"
#include "common/tls.h"

/* A message in more pieces than these is put together first. */
#define SERVER_PIECES_MAX	1024

/* Bytes of a message that waits for the one before it to leave. */
#define SERVER_SEND_MAX		128

/* Sensors that vanished are found out within these. */
#define SERVER_KEEPALIVE_MS		60000
#define SERVER_KEEPALIVE_TIMEOUT_MS	20000
/* Sensors may ping twice as often before they count as a nuisance. */
#define SERVER_PING_INTERVAL_MS		30000

/* Calls of one connection at a time, each of which may hold a file. */
#define SERVER_STREAMS_MAX	128

/*
 * While one sensor keeps us busy, what others sent is written this often, and
 * the clock is looked at this often.
 */
#define SERVER_BUSY_EVENTS	4096
#define SERVER_CLOCK_EVENTS	64

/* When the program stops: how long sensors have to take the status. */
#define SERVER_STOP_SECONDS		3

/* What a completion queue's tag points to. */
struct event {
	void (*done)(void *owner, bool ok);
	void *owner;
};

/* A call that was requested. */
struct call_request {
	grpc_call *core;
	grpc_call_details details;
	grpc_metadata_array metadata;
};

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
	unsigned char out[SERVER_SEND_MAX];
	struct event begun, received, told, sent, closed;
};

static void call_batch(struct call *call, const grpc_op *ops, size_t count,
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
static void call_put(struct call *call)
{
	struct event *gone = call->gone;

	if (--call->pending)
		return;
	grpc_call_unref(call->core);
	free(call);
	gone->done(gone->owner, true);
}

static void call_receive(struct call *call)
{
	grpc_op op = {
		.op = GRPC_OP_RECV_MESSAGE,
		.data.recv_message.recv_message = &call->message,
	};

	call_batch(call, &op, 1, &call->received);
}

/* Send the status, after Empty when that is OK and all that there is to say. */
static void call_answer(struct call *call)
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
	call_batch(call, ops, count, &call->told);
	grpc_byte_buffer_destroy(empty);
	grpc_slice_unref(text);
}

static void call_send(struct call *call, const void *bytes, size_t size)
{
	grpc_slice slice = grpc_slice_from_copied_buffer(bytes, size);
	grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_op op = {
		.op = GRPC_OP_SEND_MESSAGE,
		.data.send_message.send_message = message,
	};

	call->sending = true;
	call_batch(call, &op, 1, &call->sent);
	grpc_byte_buffer_destroy(message);
	grpc_slice_unref(slice);
}

/* One send op at a time: a call would fail at a second one. */
void server_send(struct call *call, const void *bytes, size_t size)
{
	if (!call->sending) {
		call_send(call, bytes, size);
		return;
	}
	call->queued = size;
	memcpy(call->out, bytes, size);
}

static void call_end(struct call *call)
{
	bool lived = call->stream;

	call->stream = NULL;
	call->ended = true;
	if (!call->sending)
		call_answer(call);
	if (lived)
		call_put(call);
}

void server_end(struct call *call, const struct call_status *status)
{
	call->status = *status;
	call_end(call);
}

static void call_sent(void *owner, bool ok)
{
	struct call *call = owner;
	size_t size = call->queued;

	call->sending = false;
	call->queued = 0;
	if (ok && size)
		call_send(call, call->out, size);
	else if (call->ended)
		call_answer(call);
	call_put(call);
}

/* Hand a message on where it lies. */
static void call_message(struct call *call)
{
	const struct call_taker *taker = call->taker;
	grpc_slice_buffer *slices = &call->message->data.raw.slice_buffer;
	struct iovec pieces[SERVER_PIECES_MAX];
	grpc_byte_buffer_reader reader;
	grpc_slice whole;

	if (slices->count <= SERVER_PIECES_MAX) {
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
static void call_finish(struct call *call, bool ok)
{
	struct call_status status = { .code = CALL_OK };
	bool broken = !ok || grpc_call_failed_before_recv_message(call->core);

	call->taker->close(call->stream, broken, &status);
	if (status.code != CALL_LATER)
		server_end(call, &status);
}

static void call_received(void *owner, bool ok)
{
	struct call *call = owner;

	if (call->message && call->stream)
		call_message(call);
	else if (call->stream)
		call_finish(call, ok);
	if (call->message) {
		grpc_byte_buffer_destroy(call->message);
		call->message = NULL;
		if (ok && !call->ended)
			call_receive(call);
	}
	call_put(call);
}

/* Batches whose outcome tells nothing that others do not. */
static void call_done(void *owner, bool ok)
{
	(void)ok;
	call_put(owner);
}

static bool slice_is(grpc_slice slice, const char *text)
{
	return GRPC_SLICE_LENGTH(slice) == strlen(text) &&
	       !memcmp(GRPC_SLICE_START_PTR(slice), text, strlen(text));
}

static bool call_metadata(const grpc_metadata_array *array,
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
static void call_peer(grpc_call *core, char *peer, size_t size)
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

static const struct call_taker *call_find_taker(const struct server_method *known,
					  grpc_slice method)
{
	for (; known->path; known++)
		if (slice_is(method, known->path))
			return known->taker;
	return NULL;
}

static void call_begin(struct call *call, const struct server_method *methods,
		       const struct call_request *request)
{
	const struct call_taker *taker = call_find_taker(methods, request->details.method);
	struct call_status *status = &call->status;
	char peer[METADATA_TEXT_MAX];
	struct metadata metadata;

	call_peer(call->core, peer, sizeof(peer));
	call->taker = taker ? taker : methods->taker;
	if (!taker) {
		call_fail(status, CALL_UNIMPLEMENTED,
			  "there is no such method here, but %s",
			 methods->path);
	} else if (call_metadata(&request->metadata, &metadata, status)) {
		call->stream = taker->open(taker->context, call, &metadata,
					   peer, status);
		if (!call->stream) {
			call_end(call);
			return;
		}
		/* it may outlive the connection: what came is still to be written */
		call->pending++;
		call_receive(call);
		return;
	}
	log_warning("a call from %s was refused: %s", peer, status->text);
	call_end(call);
}

/*
 * Find the taker among @methods, which end with one of no path; it takes the
 * call over, or refuses it. @gone is done once the call is freed.
 */
static void call_start(const struct call_request *request,
		       const struct server_method *methods, struct event *gone)
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
		(struct event){ call_done, call };
	call->sent = (struct event){ call_sent, call };
	call->received = (struct event){ call_received, call };
	close.data.recv_close_on_server.cancelled = &call->cancelled;
	call_batch(call, &begin, 1, &call->begun);
	call_batch(call, &close, 1, &call->closed);
	call_begin(call, methods, request);
}

struct server {
	const struct server_method *methods;	/* ends with one of no path */
	grpc_completion_queue *queue;
	grpc_server *core;
	struct tls *tls;		/* NULL: in the clear */
	pthread_mutex_t tls_lock;	/* of @tls and @fetched: core has more threads */
	bool fetched;
	struct event requested, gone, down, woken;
	grpc_channel *lame;
	grpc_call *alarm;		/* never begun: its empty batches wake us */
	bool waking;			/* one is on its way */
	uint64_t due;			/* when a taker wants its idle() */
	bool is_down;
	bool stopping;
	unsigned int calls;		/* that are not freed */
	gpr_timespec deadline;		/* for calls to end, once it stops */
	int stop_fd;
	struct call_request next;	/* while it is requested */
};

static bool server_is_deaf;	/* set by core's threads */

/*
 * Once accepting a connection has failed, core never tries again. Rather than
 * be deaf and say nothing, end: a supervisor starts us anew.
 */
static void server_core_log(gpr_log_func_args *args)
{
	if (!strstr(args->message, "Failed accept")) {
		log_debug("grpc: %s", args->message);
		return;
	}
	log_error("no more connections can be accepted: %s; ending, raise the limit of open files (ulimit -n)",
		  args->message);
	__atomic_store_n(&server_is_deaf, true, __ATOMIC_RELAXED);
	kill(getpid(), SIGTERM);
}

/* Connections without calls are not worth waiting for. */
static void server_hurry(struct server *server)
{
	if (server->stopping && !server->calls)
		server->deadline = gpr_inf_past(GPR_CLOCK_MONOTONIC);
}

static void server_request(struct server *server)
{
	grpc_call_details_init(&server->next.details);
	grpc_metadata_array_init(&server->next.metadata);
	grpc_server_request_call(server->core, &server->next.core,
				 &server->next.details, &server->next.metadata,
				 server->queue, server->queue, &server->requested);
}

/* A call came; or none will any more, for the server shuts down. */
static void server_requested(void *owner, bool ok)
{
	struct server *server = owner;

	if (ok) {
		server->calls++;
		call_start(&server->next, server->methods, &server->gone);
	}
	grpc_call_details_destroy(&server->next.details);
	grpc_metadata_array_destroy(&server->next.metadata);
	if (ok) {
		server_request(server);
		return;
	}
	server->deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
		gpr_time_from_seconds(SERVER_STOP_SECONDS, GPR_TIMESPAN));
	server->stopping = true;
	for (const struct server_method *method = server->methods; method->path; method++)
		method->taker->stop(method->taker->context);
	server_hurry(server);
}

static void server_call_is_gone(void *owner, bool ok)
{
	struct server *server = owner;

	(void)ok;
	server->calls--;
	server_hurry(server);
}

static void server_is_down(void *owner, bool ok)
{
	struct server *server = owner;

	(void)ok;
	server->is_down = true;
}

/* Core tells only its log why it cannot listen: try by ourselves. */
static void server_explain(const char *listen_on)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *address = NULL;
	char host[256];
	const char *port = strrchr(listen_on, ':');
	int error, fd, one = 1;

	snprintf(host, sizeof(host), "%.*s", (int)(port - listen_on), listen_on);
	if (*host == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	error = getaddrinfo(host, port + 1, &hints, &address);
	if (error) {
		log_error("--listen %s: no such address: %s: give an address of this machine and a port",
			  listen_on, gai_strerror(error));
		return;
	}
	fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, address->ai_addr, address->ai_addrlen) && !listen(fd, 1))
		errno = EAGAIN;
	log_error("--listen %s: cannot listen there: %m: give a free address and port",
		  listen_on);
	close(fd);
	freeaddrinfo(address);
}

/* What core asks for handshakes, from any of its threads. */
static grpc_ssl_certificate_config_reload_status
server_fetch(void *context, grpc_ssl_server_certificate_config **config)
{
	struct server *server = context;
	const struct tls *tls = server->tls;
	grpc_ssl_pem_key_cert_pair pair;
	const char *roots;
	bool news;

	pthread_mutex_lock(&server->tls_lock);
	news = tls_refresh(server->tls) || !server->fetched;
	server->fetched = true;
	pair.private_key = tls->text[TLS_KEY];
	pair.cert_chain = tls->text[TLS_CERTIFICATE];
	/* core insists on some, even where it asks for no certificate */
	roots = tls->text[TLS_CA] ? tls->text[TLS_CA] : tls->text[TLS_CERTIFICATE];
	if (news)
		*config = grpc_ssl_server_certificate_config_create(roots, &pair, 1);
	pthread_mutex_unlock(&server->tls_lock);
	return news ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW :
		      GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
}

/* Sensors that connect from now on meet what the files hold by then. */
static grpc_server_credentials *server_credentials(struct server *server)
{
	grpc_ssl_client_certificate_request_type ask =
		server->tls && server->tls->text[TLS_CA] ?
		GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY :
		GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;

	if (!server->tls)
		return grpc_insecure_server_credentials_create();
	return grpc_ssl_server_credentials_create_with_options(
		grpc_ssl_server_credentials_create_options_using_config_fetcher(
			ask, server_fetch, server));
}

static bool server_listen(struct server *server, const char *listen_on)
{
	const char *port = strrchr(listen_on, ':');
	grpc_server_credentials *credentials;
	uint64_t number;
	int bound;

	/* Core would take port 65537 for 1. */
	if (!port || port == listen_on ||
	    !number_parse(port + 1, 0, 65535, &number)) {
		log_error("--listen %s: is not ADDR:PORT, such as 0.0.0.0:50051",
			  listen_on);
		return false;
	}
	credentials = server_credentials(server);
	bound = grpc_server_add_http2_port(server->core, listen_on, credentials);
	grpc_server_credentials_release(credentials);
	if (!bound) {
		server_explain(listen_on);
		return false;
	}
	grpc_server_start(server->core);
	log_info("listening on %.*s:%d%s", (int)(port - listen_on), listen_on, bound,
		 server->tls ? ", with TLS" : "");
	return true;
}

/* Time for what takers do when nothing is under way, or has gathered. */
static void server_idle(struct server *server)
{
	server->due = CALL_NEVER;
	for (const struct server_method *method = server->methods; method->path; method++) {
		uint64_t due = method->taker->idle(method->taker->context);

		if (due < server->due)
			server->due = due;
	}
}

static void server_woken(void *owner, bool ok)
{
	struct server *server = owner;

	(void)ok;
	__atomic_store_n(&server->waking, false, __ATOMIC_RELEASE);
	server_idle(server);
}

void server_wake(void *context)
{
	struct server *server = context;

	if (!__atomic_exchange_n(&server->waking, true, __ATOMIC_ACQ_REL))
		grpc_call_start_batch(server->alarm, NULL, 0, &server->woken, NULL);
}

/* The queue has no alarm of its own. */
static void server_alarm(struct server *server)
{
	server->lame = grpc_lame_client_channel_create("alarm", GRPC_STATUS_OK, "");
	server->alarm = grpc_channel_create_call(server->lame, NULL,
		GRPC_PROPAGATE_DEFAULTS, server->queue,
		grpc_slice_from_static_string("/alarm"), NULL,
		gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
}

struct server *server_open(const char *listen, struct tls *tls,
			   const struct server_method *methods)
{
	grpc_arg args[] = {
		/* Two collectors on one port would share its sensors. */
		{ GRPC_ARG_INTEGER, GRPC_ARG_ALLOW_REUSEPORT, { .integer = 0 } },
		{ GRPC_ARG_INTEGER, GRPC_ARG_MAX_CONCURRENT_STREAMS,
		  { .integer = SERVER_STREAMS_MAX } },
		{ GRPC_ARG_INTEGER, GRPC_ARG_KEEPALIVE_TIME_MS,
		  { .integer = SERVER_KEEPALIVE_MS } },
		{ GRPC_ARG_INTEGER, GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
		  { .integer = SERVER_KEEPALIVE_TIMEOUT_MS } },
		{ GRPC_ARG_INTEGER,
		  GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
		  { .integer = SERVER_PING_INTERVAL_MS } },
	};
	grpc_channel_args all = { sizeof(args) / sizeof(*args), args };
	struct server *server = calloc(1, sizeof(*server));

	if (!server) {
		log_error("out of memory");
		return NULL;
	}
	gpr_set_log_function(server_core_log);
	grpc_init();
	server->methods = methods;
	server->tls = tls;
	pthread_mutex_init(&server->tls_lock, NULL);
	server->due = CALL_NEVER;
	server->woken = (struct event){ server_woken, server };
	server->requested = (struct event){ server_requested, server };
	server->gone = (struct event){ server_call_is_gone, server };
	server->down = (struct event){ server_is_down, server };
	server->deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
	server->queue = grpc_completion_queue_create_for_next(NULL);
	server->core = grpc_server_create(&all, NULL);
	grpc_server_register_completion_queue(server->core, server->queue, NULL);
	server_alarm(server);
	if (server_listen(server, listen))
		return server;
	server_close(server);
	return NULL;
}

/*
 * A completion queue cannot be polled together with a descriptor, so a thread
 * waits for that. Shutting down wakes the queue.
 */
static void *server_watch(void *context)
{
	struct server *server = context;
	struct pollfd fd = { .fd = server->stop_fd, .events = POLLIN };

	while (poll(&fd, 1, -1) < 0 && errno == EINTR)
		;
	grpc_server_shutdown_and_notify(server->core, server->queue,
					&server->down);
	return NULL;
}

/* Nanoseconds until a taker wants its idle(); 0: it is late. */
static uint64_t server_left(const struct server *server)
{
	struct timespec now;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
	return server->due > ns ? server->due - ns : 0;
}

/* How long to sleep. */
static gpr_timespec server_until(const struct server *server)
{
	gpr_timespec due;

	if (server->due == CALL_NEVER)
		return server->deadline;
	due = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
			   gpr_time_from_nanos(server_left(server), GPR_TIMESPAN));
	return gpr_time_cmp(due, server->deadline) < 0 ? due : server->deadline;
}

/* No event until the time that was given. */
static void server_late(struct server *server)
{
	if (gpr_time_cmp(gpr_now(GPR_CLOCK_MONOTONIC), server->deadline) < 0) {
		server_idle(server);
		return;
	}
	server->deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
	grpc_server_cancel_all_calls(server->core);
}

/*
 * Work off events; once there are none, let the takers write what has gathered,
 * and only then sleep.
 */
static void server_loop(struct server *server)
{
	bool idle = false;
	unsigned int busy = 0;

	while (!server->is_down) {
		grpc_event event = grpc_completion_queue_next(server->queue,
			idle ? server_until(server) :
			       gpr_inf_past(GPR_CLOCK_MONOTONIC), NULL);

		if (event.type == GRPC_OP_COMPLETE) {
			struct event *tag = event.tag;

			idle = false;
			tag->done(tag->owner, event.success);
			if (++busy % SERVER_BUSY_EVENTS == 0 ||
			    (busy % SERVER_CLOCK_EVENTS == 0 && !server_left(server)))
				server_idle(server);
		} else if (!idle) {
			idle = true;
			server_idle(server);
		} else {
			server_late(server);
		}
	}
}

bool server_run(struct server *server, int stop_fd)
{
	pthread_t watch;

	server->stop_fd = stop_fd;
	errno = pthread_create(&watch, NULL, server_watch, server);
	if (errno) {
		log_error("cannot serve: %m");
		return false;
	}
	server_request(server);
	server_loop(server);
	pthread_join(watch, NULL);
	return !__atomic_load_n(&server_is_deaf, __ATOMIC_RELAXED);
}

void server_close(struct server *server)
{
	grpc_event event;

	if (!server->is_down)
		grpc_server_shutdown_and_notify(server->core, server->queue,
						&server->down);
	grpc_call_unref(server->alarm);
	grpc_channel_destroy(server->lame);
	grpc_completion_queue_shutdown(server->queue);
	do {
		event = grpc_completion_queue_next(server->queue,
			gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	} while (event.type != GRPC_QUEUE_SHUTDOWN);
	grpc_server_destroy(server->core);
	grpc_completion_queue_destroy(server->queue);
	grpc_shutdown();
	pthread_mutex_destroy(&server->tls_lock);
	free(server);
}
