// SPDX-License-Identifier: MIT
#include "server.h"

#include <errno.h>
#include <grpc/grpc.h>
#include <grpc/support/time.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "collector/gate.h"
#include "common/keeper.h"
#include "common/log.h"
#include "common/tls.h"
#include "door.h"
#include "flood.h"
#include "listener.h"

/* Sensors that vanished are found out within these. */
#define SERVER_KEEPALIVE_MS		60000
#define SERVER_KEEPALIVE_TIMEOUT_MS	20000

/* All metadata of a call, in bytes; the relay's are some hundreds. */
#define SERVER_METADATA_MAX	16384
/* A connection without calls is of no use to sensors: these call at once. */
#define SERVER_IDLE_MS			120000

/* When the program stops: how long sensors have to take the status. */
#define SERVER_STOP_SECONDS		3

struct server {
	struct rpc_host host;
	grpc_server *core;
	struct loop loop;
	struct listener listener;
	struct door *door;
	struct event requested, down;
	bool stopping;
	bool is_down;
	int stop_fd;
	void (*turn)(void *context);
	void *context;			/* of turn() */
	struct rpc_request next;	/* while it is requested */
};

/*
 * Connections without calls are not worth waiting for. Calls are, even without a
 * connection: core may say what became of them only once it is down.
 */
static void server_hurry(struct server *server)
{
	if (server->host.count)
		return;
	if (server->stopping)
		server->loop.deadline = gpr_inf_past(GPR_CLOCK_MONOTONIC);
	server->loop.ended = server->is_down;
}

static void server_request(struct server *server)
{
	grpc_call_details_init(&server->next.details);
	grpc_metadata_array_init(&server->next.metadata);
	grpc_server_request_call(server->core, &server->next.core,
				 &server->next.details, &server->next.metadata,
				 server->loop.queue, server->loop.queue,
				 &server->requested);
}

/* A call came; or none will any more, for the server shuts down. */
static void server_requested(void *owner, bool ok)
{
	struct server *server = owner;

	if (ok)
		rpc_start(&server->host, &server->next);
	grpc_call_details_destroy(&server->next.details);
	grpc_metadata_array_destroy(&server->next.metadata);
	if (ok) {
		server_request(server);
		return;
	}
	server->loop.deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
		gpr_time_from_seconds(SERVER_STOP_SECONDS, GPR_TIMESPAN));
	server->stopping = true;
	for (const struct rpc_method *method = server->host.methods; method->path; method++)
		method->taker->stop(method->taker->context);
	server_hurry(server);
}

static void server_call_is_gone(void *owner)
{
	server_hurry(owner);
}

static void server_is_down(void *owner, bool ok)
{
	struct server *server = owner;

	(void)ok;
	server->is_down = true;
	server_hurry(server);
}

static uint64_t server_idle(void *owner)
{
	struct server *server = owner;
	uint64_t due;

	server->turn(server->context);
	due = rpc_idle(&server->host);
	for (const struct rpc_method *method = server->host.methods; method->path; method++) {
		uint64_t other = method->taker->idle(method->taker->context);

		due = other < due ? other : due;
	}
	return due;
}

static void server_late(void *owner)
{
	struct server *server = owner;

	grpc_server_cancel_all_calls(server->core);
}

void server_wake(void *context)
{
	struct server *server = context;

	loop_wake(&server->loop);
}

static grpc_server *server_core(const struct limits *limits)
{
	grpc_resource_quota *quota = grpc_resource_quota_create("collector");
	grpc_arg args[] = {
		/* Two collectors on one port would share its sensors. */
		{ GRPC_ARG_INTEGER, GRPC_ARG_ALLOW_REUSEPORT, { .integer = 0 } },
		/* windows that are known, not guessed: flood.h */
		{ GRPC_ARG_INTEGER, GRPC_ARG_HTTP2_BDP_PROBE, { .integer = 0 } },
		{ GRPC_ARG_INTEGER, GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES,
		  { .integer = FLOOD_WINDOW } },
		{ GRPC_ARG_INTEGER, GRPC_ARG_MAX_CONCURRENT_STREAMS,
		  { .integer = limits->connection_streams } },
		{ GRPC_ARG_INTEGER, GRPC_ARG_KEEPALIVE_TIME_MS,
		  { .integer = SERVER_KEEPALIVE_MS } },
		{ GRPC_ARG_INTEGER, GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
		  { .integer = SERVER_KEEPALIVE_TIMEOUT_MS } },
		/*
		 * A ping is answered, however soon it comes: to say for each of a flood
		 * that it is one is 15 times the work. The door ends floods.
		 */
		{ GRPC_ARG_INTEGER, GRPC_ARG_HTTP2_MAX_PING_STRIKES, { .integer = 0 } },
		{ GRPC_ARG_INTEGER, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
		  { .integer = limits->message } },
		{ GRPC_ARG_INTEGER, GRPC_ARG_MAX_METADATA_SIZE,
		  { .integer = SERVER_METADATA_MAX } },
		{ GRPC_ARG_INTEGER, GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
		  { .integer = limits->patience / 1000000 } },
		{ GRPC_ARG_INTEGER, GRPC_ARG_MAX_CONNECTION_IDLE_MS,
		  { .integer = SERVER_IDLE_MS } },
		{ GRPC_ARG_POINTER, GRPC_ARG_RESOURCE_QUOTA,
		  { .pointer = { quota, grpc_resource_quota_arg_vtable() } } },
	};
	grpc_channel_args all = { sizeof(args) / sizeof(*args), args };
	grpc_server *core;

	grpc_resource_quota_resize(quota, limits->memory);
	core = grpc_server_create(&all, NULL);
	grpc_resource_quota_unref(quota);
	return core;
}

struct server *server_open(const struct server_config *config)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server) {
		log_error("out of memory");
		return NULL;
	}
	server->door = door_open(gate_limits(config->gate)->message,
				 gate_limits(config->gate)->memory);
	if (!server->door) {
		free(server);
		return NULL;
	}
	listener_open(&server->listener, config->tls, config->tokens);
	grpc_init();
	server->host = (struct rpc_host){
		.methods = config->methods,
		.gate = config->gate,
		.gone = server_call_is_gone,
		.door = server->door,
		.owner = server,
		.certificates = config->tls && config->tls->text[TLS_CA],
		.due = CALL_NEVER,
	};
	server->turn = config->turn;
	server->context = config->context;
	server->requested = (struct event){ server_requested, server };
	server->down = (struct event){ server_is_down, server };
	loop_open(&server->loop, server_idle, server_late, server);
	server->core = server_core(gate_limits(config->gate));
	grpc_server_register_completion_queue(server->core, server->loop.queue, NULL);
	if (listener_start(&server->listener, server->core, config->listen))
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

	keeper_join("stop", NULL, NULL);
	while (poll(&fd, 1, keeper_patience()) <= 0)
		keeper_round();
	keeper_leave();
	grpc_server_shutdown_and_notify(server->core, server->loop.queue,
					&server->down);
	return NULL;
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
	door_attend(server->door, &server->loop.turns);
	loop_run(&server->loop);
	door_attend(server->door, NULL);
	pthread_join(watch, NULL);
	return !listener_is_deaf();
}

void server_close(struct server *server)
{
	if (!server->loop.ended)
		grpc_server_shutdown_and_notify(server->core, server->loop.queue,
						&server->down);
	loop_close(&server->loop);
	grpc_server_destroy(server->core);
	grpc_completion_queue_destroy(server->loop.queue);
	grpc_shutdown();
	listener_close(&server->listener);
	door_close(server->door);
	free(server);
}
