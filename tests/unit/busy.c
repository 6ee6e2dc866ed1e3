// SPDX-License-Identifier: MIT
#include "busy.h"

#include <stdint.h>
#include <time.h>

static uint64_t busy_nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

void busy_for(unsigned int milliseconds)
{
	uint64_t end = busy_nanoseconds() + milliseconds * UINT64_C(1000000);

	while (busy_nanoseconds() < end)
		;
}
