/* SPDX-License-Identifier: MIT */
/*
 * Streams that say no name go by their address. Behind one address there may be many,
 * so that a second one is another, "ADDRESS_2", not the first come back: each that lives
 * has a number, and a new one takes the lowest that is free.
 */
#ifndef COLLECTOR_NUMBER_H
#define COLLECTOR_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/files/path.h"

struct call_status;

#define NUMBERS_MAX	1000	/* of one address; beyond, something else is wrong */

/* Those that are taken, from 1 on; zero to begin with. */
struct numbers {
	uint64_t taken[NUMBERS_MAX / 64 + 1];
};

/* 0 is that of streams that have a name. */
void numbers_take(struct numbers *numbers, unsigned int number);

/* The lowest that is free. 0: there is none, @status says so. */
unsigned int numbers_get(const struct numbers *numbers, struct call_status *status);

/* The name of @number at this address, encoded. */
void number_name(const char *peer, unsigned int number, char name[PATH_NAME_MAX]);

#endif
