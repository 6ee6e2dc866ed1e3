/* SPDX-License-Identifier: MIT */
/*
 * Does the relay feed on itself? Its own connection is left out by the address
 * that it was made to (exclude.h); behind address translation, a proxy or a
 * tunnel, packets show another one. Then everything that is sent is captured
 * and sent again, and a few packets a second become as many as the link takes.
 *
 * No figure tells that from other traffic, for what is sent is always what was
 * captured. So once in a while nothing is sent for a moment, while the ring has
 * room for it: what feeds on itself falls silent, time after time.
 */
#ifndef RELAY_FEEDBACK_H
#define RELAY_FEEDBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

#define FEEDBACK_MEASURE	(100 * CLOCK_MILLISECOND)
#define FEEDBACK_SHIFT		(53 * CLOCK_MILLISECOND)
#define FEEDBACK_DRAIN		(100 * CLOCK_MILLISECOND)
#define FEEDBACK_HOLD		(60 * CLOCK_MILLISECOND)
/* After a hold in which others were heard; four times as long each time. */
#define FEEDBACK_REST_FIRST	(1 * CLOCK_SECOND)
#define FEEDBACK_REST_MAX	(300 * CLOCK_SECOND)
#define FEEDBACK_BYTES_MIN	(16 << 10)	/* of a measure: less does no harm */
#define FEEDBACK_HITS		5

enum feedback_state {
	FEEDBACK_RESTING,	/* as it begins, with deadline 0 */
	FEEDBACK_MEASURING,	/* what is captured while we send */
	FEEDBACK_DRAINING,	/* nothing is sent; buffers still empty themselves */
	FEEDBACK_HOLDING,	/* nothing is sent: what is captured now? */
	FEEDBACK_TOLD		/* for good */
};

/**
 * struct feedback - all zero at first
 * @state: since @since, until @deadline or the first look after it;
 *	CLOCK_MONOTONIC nanoseconds
 * @begin: bytes captured as the state began
 * @measured: bytes of the last measure
 * @hits: silences in a row
 * @rest: the last one was so long
 */
struct feedback {
	enum feedback_state state;
	int64_t since;
	int64_t deadline;
	uint64_t begin;
	uint64_t measured;
	unsigned int hits;
	int64_t rest;
};

/*
 * Call it whenever something happens, and while it holds, at the deadline.
 * @captured: bytes that ever came into all rings; @room: bytes that are free in
 * the fullest one.
 * Returns FEEDBACK_TOLD once: it does feed on itself.
 */
enum feedback_state feedback_look(struct feedback *feedback, int64_t now,
				  uint64_t captured, uint64_t room);

/* Nothing is to be sent now. */
static inline bool feedback_holds(const struct feedback *feedback)
{
	return feedback->state == FEEDBACK_DRAINING || feedback->state == FEEDBACK_HOLDING;
}

#endif
