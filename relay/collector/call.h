/* SPDX-License-Identifier: MIT */
/*
 * What passes between the server, which knows calls, and the taker of their
 * streams, which knows files. Neither knows the other: main wires them.
 *
 * Each stream ends exactly once, from one of the two sides:
 *
 *	the server calls close()	the sensor is through, or gone
 *	the taker calls server_end()	it will have no more of it
 */
#ifndef COLLECTOR_CALL_H
#define COLLECTOR_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "common/metadata.h"

struct call;	/* the server's */
struct stream;	/* the taker's */

/* gRPC's status codes, as far as they are used here. */
enum call_code {
	CALL_OK = 0,
	CALL_INVALID_ARGUMENT = 3,
	CALL_RESOURCE_EXHAUSTED = 8,
	CALL_FAILED_PRECONDITION = 9,
	CALL_ABORTED = 10,
	CALL_UNIMPLEMENTED = 12,
	CALL_INTERNAL = 13,
	CALL_UNAVAILABLE = 14,
};

struct call_status {
	enum call_code code;
	char text[512];
};

/* All from the server's one thread. */
struct call_taker {
	void *context;

	/*
	 * A call began. @peer: the sensor's address without its port. NULL:
	 * refused and logged, @status says why.
	 */
	struct stream *(*open)(void *context, struct call *call,
			       const struct metadata *metadata,
			       const char *peer, struct call_status *status);

	/* A message, in @count pieces, which the taker may change. */
	void (*message)(struct stream *stream, struct iovec *pieces,
			size_t count);

	/*
	 * The last message came; @broken: or so it seems, for the call broke.
	 * @status: in, OK; out, what the sensor is told.
	 */
	void (*close)(struct stream *stream, bool broken,
		      struct call_status *status);

	/* Nothing is under way: time to write what has gathered. */
	void (*idle)(void *context);

	/* End all streams: the program stops. */
	void (*stop)(void *context);
};

#endif
