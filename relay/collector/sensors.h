/* SPDX-License-Identifier: MIT */
/*
 * Which stream writes to which file. A stream's key is its sensor and
 * interface; one that gives no sensor is known by its address. The first key
 * owns FILE, others have files beside it (path.h); a key that comes back
 * appends to its file. Over restarts, the files' extended attributes tell the
 * owners; where there are none, the first stream that fits takes FILE over.
 */
#ifndef COLLECTOR_SENSORS_H
#define COLLECTOR_SENSORS_H

#include "call.h"

struct sensors;

/*
 * @write: FILE, or "-" for standard output. @stop_fd: readable once the
 * program has to stop. @end: ends a call. @stop: asks the program to stop.
 * NULL: FILE cannot be used; what is wrong was logged.
 */
struct sensors *sensors_open(const char *write, int stop_fd,
			     void (*end)(struct call *, const struct call_status *),
			     void (*stop)(void));

/* The other half of what a server has to know. */
void sensors_taker(struct sensors *sensors, struct call_taker *taker);

/* All streams have ended. */
void sensors_close(struct sensors *sensors);

#endif
