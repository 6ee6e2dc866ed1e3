// SPDX-License-Identifier: MIT
#include "backoff.h"

#include <sys/random.h>

uint32_t backoff_first_ms = BACKOFF_FIRST_MS;

uint32_t backoff_next(struct backoff *backoff)
{
	uint32_t random;

	if (!backoff->base)
		backoff->base = backoff_first_ms;
	else if (backoff->base * 8 / 5 < BACKOFF_MAX_MS)
		backoff->base = backoff->base * 8 / 5;
	else
		backoff->base = BACKOFF_MAX_MS;
	/* Without entropy the middle does as well. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = UINT32_MAX / 2;
	return backoff->base / 5 * 4 +
	       (uint64_t)random * (backoff->base / 5 * 2) / UINT32_MAX;
}
