// SPDX-License-Identifier: MIT
#include "jam.h"

#include <pthread.h>
#include <stddef.h>

/* Processor time that no peer should cost in one go: thousands of handshakes may. */
#define JAM_LONG	UINT64_C(400000000)

/* From here on it is worth a look more often. */
#define JAM_PERHAPS	UINT64_C(20000000)

/* What it needs while nothing comes, pings and the like, adds up to less in this time. */
#define JAM_WINDOW	UINT64_C(10000000000)

static uint64_t jam_now(const struct jam *jam)
{
	struct timespec now;

	if (clock_gettime(jam->clock, &now))
		return 0;
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

void jam_open(struct jam *jam, const uint64_t *turns)
{
	*jam = (struct jam){ .turn = UINT64_MAX };
	if (!pthread_getcpuclockid(pthread_self(), &jam->clock))
		jam->turns = turns;
}

static void jam_begin_turn(struct jam *jam, uint64_t turn, uint64_t used, uint64_t now)
{
	jam->turn = turn;
	jam->since += used;
	jam->began = now;
	jam->half = false;
}

enum jam_state jam_look(struct jam *jam, uint64_t now)
{
	uint64_t turn, used;

	if (!jam->turns)
		return JAM_NONE;
	turn = __atomic_load_n(jam->turns, __ATOMIC_RELAXED);
	used = jam_now(jam) - jam->since;
	if (turn != jam->turn || (used < JAM_LONG && now - jam->began >= JAM_WINDOW)) {
		jam_begin_turn(jam, turn, used, now);
		return JAM_BEGINS;
	}
	if (used < JAM_PERHAPS)
		return JAM_NONE;
	if (used >= JAM_LONG / 2 && !jam->half) {
		jam->half = true;
		return JAM_HALF;
	}
	if (used < JAM_LONG)
		return JAM_GOES_ON;
	jam_begin_turn(jam, turn, used - JAM_LONG / 2, now);
	jam->half = true;
	return JAM_LASTS;
}
