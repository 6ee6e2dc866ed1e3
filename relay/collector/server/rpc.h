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

struct door;
struct gate;

/**
 * struct rpc_host - what calls have in common
 * @methods: that there are; ends with one of no path
 * @gate: decides who gets in
 * @gone: a call was freed
 * @owner: of it
 * @certificates: are asked for
 * @door: what connections came through
 * @calls: that are not freed
 * @count: of them
 * @streams: of them, that are of sensors
 * @due: when one of them is to be looked at
 */
struct rpc_host {
	const struct rpc_method *methods;
	struct gate *gate;
	void (*gone)(void *owner);
	void *owner;
	bool certificates;
	struct door *door;
	struct call *calls;
	unsigned int count;
	unsigned int streams;
	uint64_t due;
};

/* A call came: its taker takes it over, or refuses it. */
void rpc_start(struct rpc_host *host, const struct rpc_request *request);

/*
 * Read on what was not to be read until now, end what came to nothing, and, where
 * rules have changed, what may not send any more. @return
 * when to be called again at the latest, or CALL_NEVER.
 */
uint64_t rpc_idle(struct rpc_host *host);

/*
 * The sensor of @call calls itself @claimed ("": it does not say). Once for each
 * stream. False: it was logged, @status says why.
 */
bool rpc_admit(struct call *call, const char *claimed, struct admission *admission,
	       struct call_status *status);

/* Log that @call comes to nothing; not each time that the same happens again. */
void rpc_complain(struct call *call, const char *why);

/* The taker has enough of @call: answer with @status, after what was sent. */
void rpc_end(struct call *call, const struct call_status *status);

/*
 * Send a message of at most 128 bytes. While one is on its way the next waits;
 * a newer one takes its place.
 */
void rpc_send(struct call *call, const void *bytes, size_t size);

#endif
