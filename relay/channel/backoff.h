/* SPDX-License-Identifier: MIT */
/* Pauses between attempts, as gRPC's connection backoff specification has them. */
#ifndef RELAY_BACKOFF_H
#define RELAY_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS	1000
#define BACKOFF_MAX_MS		120000

/*
 * BACKOFF_FIRST_MS. Tests that kill receivers by the hundred shorten it, before
 * the first stream is made; core takes no less than 100.
 */
extern uint32_t backoff_first_ms;

/**
 * struct backoff - the state of one series of attempts; all zero at first
 * @base: length of the last pause before jitter, milliseconds; 0: none yet
 */
struct backoff {
	uint32_t base;
};

/* The next pause, in milliseconds: 1 s, times 1.6 each, within 20 %. */
uint32_t backoff_next(struct backoff *backoff);

#endif
