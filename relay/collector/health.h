/* SPDX-License-Identifier: MIT */
/*
 * grpc.health.v1: whether the collector takes what sensors send. It does not while
 * it cannot write, and from when it was told to stop.
 */
#ifndef COLLECTOR_HEALTH_H
#define COLLECTOR_HEALTH_H

#include "call.h"

struct health;

/**
 * struct health_config - whom it talks to
 * @services: names, "package.Service", that it answers for; ends with NULL
 * @end: ends a call
 * @complain: logs that a call comes to nothing
 * @send: sends a message; of those not sent yet only the newest is
 */
struct health_config {
	const char *const *services;
	void (*end)(struct call *call, const struct call_status *status);
	void (*complain)(struct call *call, const char *why);
	void (*send)(struct call *call, const void *bytes, size_t size);
};

/* NULL: no memory; it was logged. @services outlive it. */
struct health *health_open(const struct health_config *config);

/* All streams have ended. */
void health_close(struct health *health);

/* What a server has to know: who takes Check, and who takes Watch. */
void health_takers(struct health *health, struct call_taker *check,
		   struct call_taker *watch);

/* @wake lets idle() be called: from now on health_set() is heard at once. */
void health_start(struct health *health, void (*wake)(void *context), void *context);

/* Can what sensors send be written? It can, to begin with. From any thread. */
void health_set(struct health *health, bool can_write);

#endif
