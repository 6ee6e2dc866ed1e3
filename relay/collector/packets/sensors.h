/* SPDX-License-Identifier: MIT */
/*
 * Streams of packet_streaming whose packets go to a savefile (outlet.h). A stream's key
 * is its sensor and interface; one that gives no sensor is known by its address
 * (number.h).
 */
#ifndef COLLECTOR_SENSORS_H
#define COLLECTOR_SENSORS_H

#include "collector/call.h"
#include "collector/output.h"

struct roster;
struct sensors;

/**
 * struct sensors_config - where it writes, and whom it talks to
 * @write: FILE, or "-" for standard output
 * @output: standard output
 * @room: on the disk; NULL: standard output
 * @roster: is told of sensors
 * @end: ends a call
 * @admit: may the call's sensor send under this name?
 * @complain: logs that a call comes to nothing
 * @whose: the key of the capture whose file a path is; NULL: of none
 * @context: @whose's
 */
struct sensors_config {
	const char *write;
	struct output *output;
	struct room *room;
	struct roster *roster;
	void (*end)(struct call *call, const struct call_status *status);
	bool (*admit)(struct call *call, const char *claimed, struct admission *admission,
		      struct call_status *status);
	void (*complain)(struct call *call, const char *why);
	const char *(*whose)(void *context, const char *path);
	void *context;
};

/* NULL: FILE cannot be used; what is wrong was logged. */
struct sensors *sensors_open(const struct sensors_config *config);

/* The other half of what a server has to know. */
void sensors_taker(struct sensors *sensors, struct call_taker *taker);

/* All streams have ended. */
void sensors_close(struct sensors *sensors);

#endif
