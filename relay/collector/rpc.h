/* SPDX-License-Identifier: MIT */
/*
 * A call of gRPC, from its request to its end: what a taker hears of it, and
 * what goes out. With the server, whose completion queue all runs on, it is the
 * only one to know gRPC.
 */
#ifndef COLLECTOR_RPC_H
#define COLLECTOR_RPC_H

#include <grpc/grpc.h>
#include <stdbool.h>

#include "call.h"
#include "server.h"

/* What a completion queue's tag points to. */
struct event {
	void (*done)(void *owner, bool ok);
	void *owner;
};

/* A call that was requested. */
struct rpc_request {
	grpc_call *core;
	grpc_call_details details;
	grpc_metadata_array metadata;
};

/*
 * Find the taker among @methods, which end with one of no path; it takes the
 * call over, or refuses it. @gone is done once the call is freed.
 */
void rpc_begin(const struct rpc_request *request,
	       const struct server_method *methods, struct event *gone);

/* The taker has enough of @call: answer with @status, after what was sent. */
void rpc_end(struct call *call, const struct call_status *status);

/*
 * Send a message of at most 128 bytes. While one is on its way the next waits;
 * a newer one takes its place.
 */
void rpc_send(struct call *call, const void *bytes, size_t size);

#endif
