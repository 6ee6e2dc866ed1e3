/* SPDX-License-Identifier: MIT */
/*
 * At most so many bytes a second: a bucket that fills, and that messages are
 * taken from. It holds little, so that what is sent comes evenly; it may be
 * overdrawn by a message, which the next ones wait for.
 */
#ifndef RELAY_RATE_H
#define RELAY_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

/* So much of a second is in the bucket at most, and in a message where those are cut. */
#define RATE_BURST	(25 * CLOCK_MILLISECOND)

/**
 * struct rate - a bucket
 * @bytes: a second; 0: no limit
 * @credit: bytes that may be sent; below zero, that were sent too early
 * @since: CLOCK_MONOTONIC nanoseconds, until when it was filled
 */
struct rate {
	uint64_t bytes;
	int64_t credit;
	int64_t since;
};

/* NULL: no limit, either. */
static inline bool rate_limits(const struct rate *rate)
{
	return rate && rate->bytes;
}

/* All below are for a rate that limits: may a message be sent now? Looks at the clock only when the bucket is empty. */
bool rate_may(struct rate *rate);

/* One was, of so many bytes. */
static inline void rate_spend(struct rate *rate, uint64_t bytes)
{
	rate->credit -= bytes;
}

/* Where none may be sent now: when several may. CLOCK_NEVER: now. */
int64_t rate_deadline(const struct rate *rate);

/* Most bytes of a message that can be cut anywhere. */
uint32_t rate_share(const struct rate *rate);

#endif
