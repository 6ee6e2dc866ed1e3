/* SPDX-License-Identifier: MIT */
/* Calls: from the request to the status, between core and the takers. */
#ifndef COLLECTOR_SERVER_RPC_H
#define COLLECTOR_SERVER_RPC_H

#include <grpc/grpc.h>

#include "collector/call.h"
#include "loop.h"

/* Who takes the calls of a method, "/package.Service/Method". */
struct rpc_method {
	const char *path;
	const struct call_taker *taker;
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
void rpc_start(const struct rpc_request *request, const struct rpc_method *methods,
	       struct event *gone);

/* The taker has enough of @call: answer with @status, after what was sent. */
void rpc_end(struct call *call, const struct call_status *status);

/*
 * Send a message of at most 128 bytes. While one is on its way the next waits;
 * a newer one takes its place.
 */
void rpc_send(struct call *call, const void *bytes, size_t size);

#endif
