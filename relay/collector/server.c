// SPDX-License-Identifier: MIT
#include "server.h"

#include <errno.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
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
#include "rpc.h"

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
	struct rpc_request next;	/* while it is requested */
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
		rpc_begin(&server->next, server->methods, &server->gone);
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
