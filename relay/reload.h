/* SPDX-License-Identifier: MIT */
/*
 * SIGHUP: files are read again. The keeper's thread reads and checks them, so that
 * packets do not wait; the relay's takes over what can change while it runs.
 */
#ifndef RELAY_RELOAD_H
#define RELAY_RELOAD_H

#include "common/ask.h"
#include "options.h"

struct config;
struct exclude;
struct rate;
struct reader;

/**
 * struct reload - what was read, and who takes it over
 * @first: what the program began with; what cannot change refers to it
 * @last: what was taken over last; NULL: nothing was
 * @options: of what was read just now; @list: of its --exclude-list, until it was
 *	taken over
 * @exclude: takes it over; NULL: nothing is left out
 * @rate: takes its limit over
 * @reader: the capture; NULL: there is none
 * @ask: the relay's thread to do so; @done: it did
 */
struct reload {
	const struct config *first;
	struct config *last;
	struct options options;
	char *list;
	struct exclude *exclude;
	struct rate *rate;
	struct reader *reader;
	struct ask ask;
	bool done;
};

/*
 * @first, @exclude, @rate and @reader as above; they outlive it. @wake lets the relay's
 * thread call reload_apply().
 */
void reload_open(struct reload *reload, const struct config *first,
		 struct exclude *exclude, struct rate *rate, struct reader *reader,
		 void (*wake)(void *context), void *context);
void reload_close(struct reload *reload);

/* Read, check and have taken over; what came of it is logged. */
void reload_run(void *reload);

/* In the relay's thread: take over what was read, if there is something. */
void reload_apply(struct reload *reload);

/* In the relay's thread: there will be no reload_apply() any more. */
void reload_end(struct reload *reload);

#endif
