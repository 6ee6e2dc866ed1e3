/* SPDX-License-Identifier: MIT */
/*
 * The collector's side of pcapring.v1: calls of rings. Where one goes on, who
 * gives way to whom, what is acknowledged.
 */
#ifndef COLLECTOR_CAPTURES_H
#define COLLECTOR_CAPTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/call.h"
#include "epochs.h"

struct captures;
struct roster;

/**
 * struct captures_config - how it works, and whom it talks to
 * @epochs: where they go; they outlive it
 * @output: standard output
 * @roster: is told of sensors
 * @end: ends a call
 * @admit: may the call's sensor send under this name? NULL: any may
 * @complain: logs that a call comes to nothing; NULL: nobody does
 * @send: sends a message; of those not sent yet only the newest is
 */
struct captures_config {
	struct epochs *epochs;
	struct output *output;
	struct roster *roster;
	void (*end)(struct call *call, const struct call_status *status);
	bool (*admit)(struct call *call, const char *claimed, struct admission *admission,
		      struct call_status *status);
	void (*complain)(struct call *call, const char *why);
	void (*send)(struct call *call, const void *bytes, size_t size);
};

/* NULL: no memory; it was logged. */
struct captures *captures_open(const struct captures_config *config);

/* The other half of what a server has to know. */
void captures_taker(struct captures *captures, struct call_taker *taker);

/*
 * Let the epochs begin to sync. @wake: called by another thread when idle() has
 * something to do. False: it was logged.
 */
bool captures_start(struct captures *captures, void (*wake)(void *context),
		    void *context);

/* Look at all epochs, soon. From any thread, until the server is closed. */
void captures_wake(void *captures);

/* All streams have ended. */
void captures_close(struct captures *captures);

#endif
