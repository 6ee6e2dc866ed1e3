/* SPDX-License-Identifier: MIT */
/* How bytes come into a run: heads, or what a feed gives, as far as they are wanted. */
#ifndef RELAY_INTAKE_H
#define RELAY_INTAKE_H

#include <stdbool.h>

struct records;

/* What Hello says of the source. False: a capture learns its link type later. */
bool intake_describe(struct records *records);

/*
 * Load heads, and a time before which nothing more will come into any ring; let go of
 * what is safe. True: the limit is reached, and what is there is all.
 */
bool intake_look(struct records *records);

/*
 * Is there nothing to do but to wait for more? If so, or if somebody has to look
 * though nothing happens, records->look_at says when.
 */
bool intake_is_dry(struct records *records);

/* Wait for more, unless there is more meanwhile: then false. */
bool intake_sleep(struct records *records);

/* What is there now is all. */
void intake_stop(struct records *records);

#endif
