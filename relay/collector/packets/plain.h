/* SPDX-License-Identifier: MIT */
/*
 * Streams of packet_streaming whose packets go to a directory: as records to epochs,
 * like those of rings, for the sake of their files. A sensor and interface whose
 * packets look the same has one epoch, whenever it comes. Nothing is acknowledged
 * but the end of a stream, once all of it is safe; what a crash leaves is what the
 * journal knows.
 */
#ifndef COLLECTOR_PLAIN_H
#define COLLECTOR_PLAIN_H

#include "collector/call.h"
#include "collector/records/epochs.h"

struct plain;

/**
 * struct plain_config - where they go, and whom it talks to
 * @epochs: of a directory; they outlive it
 * @roster: of all sensors; outlives it
 * @end: ends a call
 * @admit: may the call's sensor send under this name?
 * @complain: logs that a call comes to nothing
 * @wake: what becomes of epochs is to be looked at
 * @context: @wake's
 */
struct plain_config {
	struct epochs *epochs;
	struct roster *roster;
	void (*end)(struct call *call, const struct call_status *status);
	bool (*admit)(struct call *call, const char *claimed, struct admission *admission,
		      struct call_status *status);
	void (*complain)(struct call *call, const char *why);
	void (*wake)(void *context);
	void *context;
};

/* NULL: no memory; it was logged. */
struct plain *plain_open(const struct plain_config *config);

/* The other half of what a server has to know. */
void plain_taker(struct plain *plain, struct call_taker *taker);

/* All streams have ended. */
void plain_close(struct plain *plain);

#endif
