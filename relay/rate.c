// SPDX-License-Identifier: MIT
#include "rate.h"

/* Smaller messages would be headers mostly. */
#define RATE_SHARE_MIN	1024

static int64_t rate_burst(const struct rate *rate)
{
	return rate->bytes / (CLOCK_SECOND / RATE_BURST) + 1;
}

uint32_t rate_share(const struct rate *rate)
{
	int64_t burst = rate_burst(rate);

	if (burst > UINT32_MAX)
		return UINT32_MAX;
	return burst < RATE_SHARE_MIN ? RATE_SHARE_MIN : burst;
}

/* Bytes times nanoseconds: those of an hour can have more than 64 bits. */
static int64_t rate_time(const struct rate *rate, int64_t bytes)
{
	return (__int128)bytes * CLOCK_SECOND / rate->bytes;
}

bool rate_may(struct rate *rate)
{
	__int128 earned;
	int64_t now;

	if (rate->credit > 0)
		return true;
	now = clock_now();
	earned = (__int128)(now - rate->since) * rate->bytes / CLOCK_SECOND;
	if (earned > rate_burst(rate) - rate->credit) {
		rate->credit = rate_burst(rate);
		rate->since = now;
	} else {
		rate->credit += earned;
		/* what was earned of the next byte is not lost */
		rate->since += rate_time(rate, earned);
	}
	return rate->credit > 0;
}

int64_t rate_deadline(const struct rate *rate)
{
	if (rate->credit > 0)
		return CLOCK_NEVER;
	return rate->since + rate_time(rate, rate_burst(rate) / 2 + 1 - rate->credit) + 1;
}
