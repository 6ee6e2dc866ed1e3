/* SPDX-License-Identifier: MIT */
/*
 * The collector's side of pcapring.v1: which call feeds which file, where it
 * goes on, who gives way to whom, what is acknowledged.
 */
#ifndef COLLECTOR_CAPTURES_H
#define COLLECTOR_CAPTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "call.h"

struct captures;

/**
 * struct captures_config - how it works, and whom it talks to
 * @write: FILE, or "-" for standard output
 * @hold_back: nanoseconds that a record waits for older ones of other rings;
 *	0: each ring has a file of its own
 * @sync: nanoseconds between two rounds of syncing; 0: as often as it can
 * @stop_fd: readable once the program has to stop
 * @output: who uses standard output; *@output is NULL: nobody yet
 * @end: ends a call
 * @send: sends a message; of those not sent yet only the newest is
 * @stop: asks the program to stop
 */
struct captures_config {
	const char *write;
	uint64_t hold_back;
	uint64_t sync;
	int stop_fd;
	const char **output;
	void (*end)(struct call *call, const struct call_status *status);
	void (*send)(struct call *call, const void *bytes, size_t size);
	void (*stop)(void);
};

/*
 * Read the journal, and cut files to what it says. NULL: what is wrong was
 * logged.
 */
struct captures *captures_open(const struct captures_config *config);

/* The other half of what a server has to know. */
void captures_taker(struct captures *captures, struct call_taker *taker);

/*
 * Begin to sync. @wake: called by another thread when idle() has something to
 * do. False: it was logged.
 */
bool captures_start(struct captures *captures, void (*wake)(void *context),
		    void *context);

/* All streams have ended: sync what is new. Nobody is woken any more. */
void captures_finish(struct captures *captures);

void captures_close(struct captures *captures);

/*
 * The encoded sensor and interface, "name/interface", whose capture @path
 * belongs to. NULL: it is no capture's.
 */
const char *captures_whose(const struct captures *captures, const char *path);

#endif
