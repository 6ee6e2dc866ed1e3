/* SPDX-License-Identifier: MIT */
/*
 * What passes between the server, which knows calls, and the takers of their
 * streams, which know files: one for each method. Neither knows the other: main
 * wires them.
 *
 * Each stream ends exactly once, from one of the two sides:
 *
 *	the server calls close()	the sensor is through, or gone
 *	the taker calls rpc_end()	it will have no more of it
 */
#ifndef COLLECTOR_CALL_H
#define COLLECTOR_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "caller.h"

#define CALL_NEVER	UINT64_MAX
#define CALL_TEXT_MAX	512	/* bytes of a status' text */

struct call;	/* the server's */
struct stream;	/* the taker's */

/* gRPC's status codes, as far as they are used here. */
enum call_code {
	CALL_LATER = -1,	/* of close(): rpc_end() tells it in time */
	CALL_OK = 0,
	CALL_INVALID_ARGUMENT = 3,
	CALL_DEADLINE_EXCEEDED = 4,
	CALL_NOT_FOUND = 5,
	CALL_PERMISSION_DENIED = 7,
	CALL_RESOURCE_EXHAUSTED = 8,
	CALL_FAILED_PRECONDITION = 9,
	CALL_ABORTED = 10,
	CALL_UNIMPLEMENTED = 12,
	CALL_INTERNAL = 13,
	CALL_UNAVAILABLE = 14,
	CALL_UNAUTHENTICATED = 16,
};

struct call_status {
	enum call_code code;
	char text[CALL_TEXT_MAX];
};

__attribute__((format(printf, 3, 4)))
void call_fail(struct call_status *status, enum call_code code,
	       const char *format, ...);

/* Of a file that cannot be written to, for this errno. */
enum call_code call_code(int error);

/*
 * All from the server's one thread. @answers: it sends messages, by
 * rpc_send(); otherwise the sensor is told Empty when all is well. @greets: the
 * first message says who it is, or what it asks for, and has to come soon. @asks: they
 * are no sensors, and take no room of theirs.
 */
struct call_taker {
	void *context;
	bool answers;
	bool greets;
	bool asks;

	/*
	 * A call began. @caller lives as long as the stream. NULL: refused and
	 * logged, @status says why.
	 */
	struct stream *(*open)(void *context, struct call *call,
			       const struct caller *caller,
			       struct call_status *status);

	/* A message, in @count pieces, which the taker may change. */
	void (*message)(struct stream *stream, struct iovec *pieces,
			size_t count);

	/*
	 * The last message came; @broken: or so it seems, for the call broke.
	 * @status: in, OK; out, what the sensor is told. CALL_LATER: the
	 * stream lives on until rpc_end().
	 */
	void (*close)(struct stream *stream, bool broken,
		      struct call_status *status);

	/*
	 * Nothing is under way, or somebody woke the server: time to write what
	 * has gathered. @return when it wants to be called again at the latest,
	 * in nanoseconds of CLOCK_MONOTONIC, or CALL_NEVER.
	 */
	uint64_t (*idle)(void *context);

	/*
	 * The call is over, whatever the stream still has to say; rpc_end()
	 * follows. NULL: it goes on until it ends by itself.
	 */
	void (*gone)(struct stream *stream);

	/* End this stream, with this status, which the taker may add to. */
	void (*end)(struct stream *stream, struct call_status *status);

	/* End all streams: the program stops. */
	void (*stop)(void *context);
};

#endif
