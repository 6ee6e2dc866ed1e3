/* SPDX-License-Identifier: MIT */
/*
 * SIGHUP: files are read again. The keeper's thread reads and checks them, so that
 * packets do not wait; the server's takes over what can change while it runs.
 */
#ifndef COLLECTOR_RELOAD_H
#define COLLECTOR_RELOAD_H

#include "common/ask.h"
#include "options.h"

struct config;
struct epochs;
struct gate;

/**
 * struct reload - what was read, and who takes it over
 * @first: what the program began with; what cannot change refers to it
 * @certificates: are required: they were all that sensors could prove themselves with
 * @gate, @epochs: take over what was read
 * @last: what they refer to, of the config @last_config; NULL: still the first
 * @next: what was read just now
 * @ask: the server's thread to take it over
 */
struct reload {
	const struct config *first;
	bool certificates;
	struct gate *gate;
	struct epochs *epochs;
	struct options *last;
	struct config *last_config;
	struct options *next;
	struct ask ask;
};

/*
 * @began: the options of @first. @wake lets the server's thread call reload_turn(); all
 * of @reload's outlive it.
 */
void reload_open(struct reload *reload, const struct config *first,
		 const struct options *began, struct gate *gate, struct epochs *epochs,
		 void (*wake)(void *context), void *context);

/* Nobody refers to what was read any more. */
void reload_close(struct reload *reload);

/* Read, check and have taken over; what came of it is logged. */
void reload_run(void *reload);

/* In the server's thread: take over what was read, if there is something. */
void reload_turn(struct reload *reload);

/* In the server's thread: there will be no reload_turn() any more. */
void reload_end(struct reload *reload);

/* Are the files in order that @options name? False: it was logged what is not. */
bool reload_check(const struct options *options);

#endif
