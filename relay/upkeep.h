/* SPDX-License-Identifier: MIT */
/* What the keeper (common/keeper.h) needs of the relay: while it streams. */
#ifndef RELAY_UPKEEP_H
#define RELAY_UPKEEP_H

#include <stdbool.h>

#include "reload.h"

struct status;
struct watch;

struct upkeep {
	struct reload reload;
	struct status *status;
};

/**
 * struct upkeep_config - of what; all outlive it
 * @config: what the relay began with
 * @reloads: signalfd of SIGHUP, or -1
 * @exclude, @rate, @reader: as in struct reload
 * @watch: wakes the calling thread; nobody else knows it yet
 * @status: tells how things are
 */
struct upkeep_config {
	const struct config *config;
	int reloads;
	struct exclude *exclude;
	struct rate *rate;
	struct reader *reader;
	struct watch *watch;
	struct status *status;
};

/* The calling thread has to come round from now on. False: it was logged. */
bool upkeep_start(struct upkeep *upkeep, const struct upkeep_config *config);

/* In the same thread, whose loop has ended. */
void upkeep_stop(struct upkeep *upkeep);

#endif
