/* SPDX-License-Identifier: MIT */
/*
 * One channel to a receiver, and one Run call at a time on it. The only file
 * that knows gRPC. All functions but stream_wake() belong to one thread.
 */
#ifndef RELAY_STREAM_H
#define RELAY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/metadata.h"

struct extents;
struct packet;
struct stream;

/* Of a packet's data, from here on referring is cheaper than copying. */
#define STREAM_REFER_BYTES	1024

enum stream_event {
	STREAM_TIMEOUT,	/* nothing until the deadline */
	STREAM_WOKEN,	/* by stream_wake() */
	STREAM_OPENED,	/* the call is under way on a connection */
	STREAM_SENT,	/* the next message may be sent */
	STREAM_ENDED	/* the call is over: stream_end() */
};

/**
 * struct stream_end - how a call ended
 * @code: its status, as gRPC numbers them; 0 is OK
 * @refused: a status that will be the same when tried again
 * @reason: the status' name, and what core or the receiver said, for people
 */
struct stream_end {
	int code;
	bool refused;
	char reason[512];
};

/*
 * Make a channel; connects with the first call. Rings that packets are sent
 * from have their @extents, by number, which outlive the stream. @nanoseconds:
 * messages carry ts_nsec.
 */
struct stream *stream_new(const char *target, bool nanoseconds,
			  struct extents *extents, unsigned int rings);

/* Ends the call, too. When it returns, all extents were let go of. */
void stream_free(struct stream *stream);

/*
 * Start a call; there is none. STREAM_OPENED or STREAM_ENDED follows. @wait:
 * wait for the receiver, however long it takes, instead of failing when it
 * cannot be reached.
 */
void stream_call(struct stream *stream, const struct metadata *metadata, bool wait);

/*
 * Send a packet; the call was opened, and no message is under way. Returns
 * the message's size in bytes. STREAM_SENT or STREAM_ENDED follows. Unless it
 * is the @last of a burst, it may stay in core until the next one.
 */
uint32_t stream_send(struct stream *stream, const struct packet *packet, bool last);

/* No more messages will follow. No message is under way. */
void stream_half_close(struct stream *stream);

/* Give the call up. STREAM_ENDED follows. */
void stream_cancel(struct stream *stream);

/* Wait for an event until @deadline, CLOCK_MONOTONIC nanoseconds; -1: forever. */
enum stream_event stream_wait(struct stream *stream, int64_t deadline);

/* How the last call ended. */
const struct stream_end *stream_end(const struct stream *stream);

/* Make stream_wait() return STREAM_WOKEN, once for each time. Any thread. */
void stream_wake(struct stream *stream);

#endif
