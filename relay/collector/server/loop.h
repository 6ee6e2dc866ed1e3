/* SPDX-License-Identifier: MIT */
/*
 * The completion queue, and the one thread that works off its events. It calls
 * idle() when there are none, or when it is due, or when somebody woke it.
 */
#ifndef COLLECTOR_SERVER_LOOP_H
#define COLLECTOR_SERVER_LOOP_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stdint.h>

/* What a completion queue's tag points to. */
struct event {
	void (*done)(void *owner, bool ok);
	void *owner;
};

/**
 * struct loop - see above
 * @queue: core's
 * @idle: returns when it wants to be called again at the latest, in nanoseconds
 *	of CLOCK_MONOTONIC, or CALL_NEVER
 * @late: @deadline has passed
 * @owner: of both
 * @due: when idle() is to be called
 * @deadline: set by the owner
 * @ended: set by the owner: loop_run() returns
 * @turns: how often core was given the thread, and has let go of it; atomic
 * @lame, @alarm: a call that is never begun: its empty batches wake the queue
 * @waking: one is on its way
 */
struct loop {
	grpc_completion_queue *queue;
	uint64_t (*idle)(void *owner);
	void (*late)(void *owner);
	void *owner;
	uint64_t due;
	gpr_timespec deadline;
	bool ended;
	uint64_t turns;
	grpc_channel *lame;
	grpc_call *alarm;
	struct event woken;
	bool waking;
};

/* Core was initialized. The loop stays where it is. */
void loop_open(struct loop *loop, uint64_t (*idle)(void *owner),
	       void (*late)(void *owner), void *owner);

void loop_run(struct loop *loop);

/* Let idle() be called. From any thread, until loop_close(). */
void loop_wake(struct loop *loop);

/* Wait for all events that are still to come; nothing is done with them. */
void loop_close(struct loop *loop);

#endif
