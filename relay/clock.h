/* SPDX-License-Identifier: MIT */
/* Time in nanoseconds. */
#ifndef RELAY_CLOCK_H
#define RELAY_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_MILLISECOND	1000000LL
#define CLOCK_SECOND		1000000000LL
#define CLOCK_NEVER		(-1LL)	/* as a deadline */

static inline uint64_t clock_read(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * CLOCK_SECOND + now.tv_nsec;
}

/* For deadlines. */
static inline int64_t clock_now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

/* Of two deadlines. */
static inline int64_t clock_sooner(int64_t a, int64_t b)
{
	if (a == CLOCK_NEVER || b == CLOCK_NEVER)
		return a == CLOCK_NEVER ? b : a;
	return a < b ? a : b;
}

#endif
