// SPDX-License-Identifier: MIT
#include "loop.h"

#include <grpc/support/time.h>
#include <time.h>

#include "collector/call.h"

/*
 * While one sensor keeps us busy, what others sent is written this often, and
 * the clock is looked at this often.
 */
#define LOOP_BUSY_EVENTS	4096
#define LOOP_CLOCK_EVENTS	64

/* Time for what is done when nothing is under way, or has gathered. */
static void loop_idle(struct loop *loop)
{
	loop->due = loop->idle(loop->owner);
}

static void loop_woken(void *owner, bool ok)
{
	struct loop *loop = owner;

	(void)ok;
	__atomic_store_n(&loop->waking, false, __ATOMIC_RELEASE);
	loop_idle(loop);
}

void loop_wake(struct loop *loop)
{
	if (!__atomic_exchange_n(&loop->waking, true, __ATOMIC_ACQ_REL))
		grpc_call_start_batch(loop->alarm, NULL, 0, &loop->woken, NULL);
}

/* The queue has no alarm of its own. */
static void loop_alarm(struct loop *loop)
{
	loop->lame = grpc_lame_client_channel_create("alarm", GRPC_STATUS_OK, "");
	loop->alarm = grpc_channel_create_call(loop->lame, NULL,
		GRPC_PROPAGATE_DEFAULTS, loop->queue,
		grpc_slice_from_static_string("/alarm"), NULL,
		gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
}

void loop_open(struct loop *loop, uint64_t (*idle)(void *owner),
	       void (*late)(void *owner), void *owner)
{
	*loop = (struct loop){
		.queue = grpc_completion_queue_create_for_next(NULL),
		.idle = idle,
		.late = late,
		.owner = owner,
		.due = CALL_NEVER,
		.deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC),
		.woken = { loop_woken, loop },
	};
	loop_alarm(loop);
}

/* Nanoseconds until idle() is due; 0: it is late. */
static uint64_t loop_left(const struct loop *loop)
{
	struct timespec now;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
	return loop->due > ns ? loop->due - ns : 0;
}

/* How long to sleep. */
static gpr_timespec loop_until(const struct loop *loop)
{
	gpr_timespec due;

	if (loop->due == CALL_NEVER)
		return loop->deadline;
	due = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
			   gpr_time_from_nanos(loop_left(loop), GPR_TIMESPAN));
	return gpr_time_cmp(due, loop->deadline) < 0 ? due : loop->deadline;
}

/* No event until the time that was given. */
static void loop_late(struct loop *loop)
{
	if (gpr_time_cmp(gpr_now(GPR_CLOCK_MONOTONIC), loop->deadline) < 0) {
		loop_idle(loop);
		return;
	}
	loop->deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
	loop->late(loop->owner);
}

/*
 * Work off events; once there are none, let what has gathered be written, and
 * only then sleep.
 */
void loop_run(struct loop *loop)
{
	bool idle = false;
	unsigned int busy = 0;

	while (!loop->ended) {
		grpc_event event;

		__atomic_fetch_add(&loop->turns, 1, __ATOMIC_RELAXED);
		event = grpc_completion_queue_next(loop->queue,
			idle ? loop_until(loop) :
			       gpr_inf_past(GPR_CLOCK_MONOTONIC), NULL);

		__atomic_fetch_add(&loop->turns, 1, __ATOMIC_RELAXED);
		if (event.type == GRPC_OP_COMPLETE) {
			struct event *tag = event.tag;

			idle = false;
			tag->done(tag->owner, event.success);
			if (++busy % LOOP_BUSY_EVENTS == 0 ||
			    (busy % LOOP_CLOCK_EVENTS == 0 && !loop_left(loop)))
				loop_idle(loop);
		} else if (!idle) {
			idle = true;
			loop_idle(loop);
		} else {
			loop_late(loop);
		}
	}
}

void loop_close(struct loop *loop)
{
	grpc_event event;

	grpc_call_unref(loop->alarm);
	grpc_channel_destroy(loop->lame);
	grpc_completion_queue_shutdown(loop->queue);
	do {
		event = grpc_completion_queue_next(loop->queue,
			gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	} while (event.type != GRPC_QUEUE_SHUTDOWN);
}
