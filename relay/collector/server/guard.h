/* SPDX-License-Identifier: MIT */
/*
 * The guard: sends away who is in and costs the others too much,
 *
 *	bytes	far more than the messages that arrive: floods of headers, pings, resets
 *	memory	most of what core holds, of messages that are not whole, when that fills
 *		its part of the memory
 *	time	the thread of calls, which core does not let go of while more comes
 *
 * and keeps its network out for a while (penalty.h). Streams that live there go on; where
 * some of them have proven who they are, others may come one by one.
 */
#ifndef COLLECTOR_SERVER_GUARD_H
#define COLLECTOR_SERVER_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "jam.h"
#include "penalty.h"

struct crowd;

/**
 * struct guard - zero but for the first three to begin with
 * @crowd: whom it watches
 * @message: bytes of the largest that may come
 * @room: bytes that core may hold of all connections' messages that are not whole
 * @jam: of the thread of calls
 * @next: when all are looked at, and not strangers alone
 */
struct guard {
	struct crowd *crowd;
	uint64_t message;
	uint64_t room;
	struct penalties penalties;
	struct jam jam;
	uint64_t next;
};

/* Look around. @now: monotonic, nanoseconds. @return when to look again, at the latest. */
uint64_t guard_look(struct guard *guard, uint64_t now);

/* Is one from there kept out? */
bool guard_bars(struct guard *guard, const struct in6_addr *address, uint64_t now);

#endif
