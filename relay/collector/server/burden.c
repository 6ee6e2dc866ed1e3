// SPDX-License-Identifier: MIT
#include "burden.h"

/* Bytes that core reads in a nanosecond, at most. */
#define BURDEN_SPEED	2

#define BURDEN_REST_MIN	UINT64_C(5000000)

/*
 * One part in so many of what is delivered came beside it: frames, TLS. A little too
 * much, for it adds up; what is left of it is forgotten at each look, so that nobody
 * can save it up.
 */
#define BURDEN_FRAMING	16

void burden_look(struct burden *burden, uint64_t read, uint64_t delivered)
{
	uint64_t came = read > burden->read ? read - burden->read : 0;
	uint64_t left = delivered - burden->delivered;

	burden->held += came;
	left += left / BURDEN_FRAMING;
	burden->held -= left < burden->held ? left : burden->held;
	burden->read = read;
	burden->delivered = delivered;
}

uint64_t burden_rest(uint64_t held, uint64_t room)
{
	uint64_t rest = held < room ? (room - held) / BURDEN_SPEED : 0;

	return rest > BURDEN_REST_MIN ? rest : BURDEN_REST_MIN;
}
