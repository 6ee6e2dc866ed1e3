/* SPDX-License-Identifier: MIT */
/* The rings of a run and its spool: what is there goes first, what is left goes there. */
#ifndef RELAY_RING_SPOOL_H
#define RELAY_RING_SPOOL_H

#include <stdbool.h>

struct records;

/*
 * The rings' calls know of what is there of them, and @wake is called with the
 * run's stream as things change there. False: the error was logged.
 */
bool ring_spool_open(struct records *records, void (*wake)(void *stream));

/* Hello's part is known now, before anything is written. */
void ring_spool_describe(struct records *records);

/* What no collector took may outlive the machine, too. */
void ring_spool_close(struct records *records);

#endif
