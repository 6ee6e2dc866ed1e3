/* SPDX-License-Identifier: MIT */
/*
 * A call of a ring, from its Hello to its end; from inside of captures.h. stream.c has
 * its life, stream_hello.c how it begins: who may, where, and instead of whom.
 */
#ifndef COLLECTOR_STREAM_H
#define COLLECTOR_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "captures.h"
#include "message.h"

/* An Ack without news is repeated this often, in nanoseconds. */
#define STREAM_HEARTBEAT	UINT64_C(1000000000)

/**
 * struct captures - all of them
 * @streams: a list
 * @room: on the disk; NULL: a pipe
 * @message: that came last
 * @ended: a stream has, since that was cleared
 * @due: when idle() has something to do, in nanoseconds of CLOCK_MONOTONIC
 * @woken: or now; set by the syncer's thread
 */
struct captures {
	struct captures_config config;
	struct stream *streams;
	struct room *room;
	struct message message;
	bool ended;
	uint64_t due;
	bool woken;
	void (*wake)(void *context);
	void *wake_context;
};

enum stream_phase {
	STREAM_NEW,		/* Hello has not come yet */
	STREAM_WAITING,		/* Welcome waits until all is safe */
	STREAM_FIRST,		/* Welcome was sent, no Records came */
	STREAM_LIVE,
};

/**
 * struct stream - a call of a ring
 * @next, @at: in the list of @captures
 * @ending: the sensor has half-closed
 * @ragged: and that within a record
 * @unroomed: the disk is full: that was said, once for all
 * @proven: that the sensor is who it says
 * @epoch: from its Hello on; @ring of it
 * @acked: offset of the last Ack
 * @beat: when that was sent
 * @before: the account, when it began
 * @seat: its sensor's in the roster, or NULL
 * @key: "sensor/interface"; before its Hello, its address
 */
struct stream {
	struct stream *next, **at;
	struct captures *captures;
	struct call *call;
	enum stream_phase phase;
	bool ending;
	bool ragged;
	bool unroomed;
	bool proven;
	struct epoch *epoch;
	uint32_t ring;
	struct hello hello;
	uint64_t acked;
	uint64_t beat;
	struct ledger_ring before;
	struct roster_entry *seat;
	char key[2 * PATH_NAME_MAX];
};

static inline struct ledger_ring *stream_state(const struct stream *stream)
{
	return &stream->epoch->state->rings[stream->ring];
}

static inline struct epoch_ring *stream_ring(const struct stream *stream)
{
	return &stream->epoch->rings[stream->ring];
}

/* Of captures.c: idle() has something to do then, at the latest. */
void captures_hurry(struct captures *captures, uint64_t due);

/* Nothing can be written to the epoch: for none of its rings. */
void captures_end_all(struct captures *captures, struct epoch *epoch,
		      const struct call_status *status);

/* Syncing failed, for @error: what is not safe comes again. */
void captures_back(struct captures *captures, struct epoch *epoch, int error);

/* Before its Hello. NULL: no memory. */
struct stream *stream_new(struct captures *captures, struct call *call,
			  const struct caller *caller);

/* As struct call_taker has them. */
void stream_message(struct stream *stream, struct iovec *pieces, size_t count);
void stream_close(struct stream *stream, bool broken, struct call_status *status);

/* The call takes nothing more: forget the stream; not its call. */
void stream_free(struct stream *stream, const char *how, bool fine);

/* Both end. */
void stream_end(struct stream *stream, const struct call_status *status);

void stream_ack(struct stream *stream, uint64_t offset, uint64_t now);

/* Whatever can go on by now. @return when to look again. */
uint64_t stream_progress(struct stream *stream, uint64_t now);

/* It came. The stream may have ended. */
void stream_hello(struct stream *stream, const struct hello *hello, uint64_t now);

/* All that is there of its ring is safe: it may begin. */
void stream_welcome(struct stream *stream, uint64_t now);

#endif
