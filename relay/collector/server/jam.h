/* SPDX-License-Identifier: MIT */
/*
 * Whether core lets go of the thread of calls: what a peer sends may keep it busy for as
 * long as that goes on. (A header of a call that comes in tiny pieces is copied for each
 * of them, in core 1.51.) Processor time counts, not the clock: a machine that is busy
 * otherwise is no sign of anything.
 */
#ifndef COLLECTOR_SERVER_JAM_H
#define COLLECTOR_SERVER_JAM_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/**
 * struct jam - zero to begin with
 * @turns: how often core was given that thread, or let go of it; NULL: nobody is looked at
 * @clock: that thread's processor time
 * @turn: of @turns, when it was looked at last
 * @since: of @clock, at its first sight; put forward each time that it lasts
 * @began: when that was
 * @half: half of what it may take is over, and that was told
 */
struct jam {
	const uint64_t *turns;
	clockid_t clock;
	uint64_t turn;
	uint64_t since;
	uint64_t began;
	bool half;
};

/* In this order: from JAM_GOES_ON on it may be one. */
enum jam_state {
	JAM_NONE,
	JAM_BEGINS,	/* the first look at a turn */
	JAM_GOES_ON,	/* not for long yet */
	JAM_HALF,	/* once in a turn, before it is too long */
	JAM_LASTS,	/* and half of its time begins anew: what came is to be worked off */
};

/* @turns is atomic. The calling thread is the one that is to be let go of. */
void jam_open(struct jam *jam, const uint64_t *turns);

/* @now: nanoseconds of a monotonic clock. */
enum jam_state jam_look(struct jam *jam, uint64_t now);

#endif
