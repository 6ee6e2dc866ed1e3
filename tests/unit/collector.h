/* SPDX-License-Identifier: MIT */
/*
 * A collector of pcapring.v1 in this process, which does step by step what a
 * test says. Whatever does not come within a minute ends the program.
 */
#ifndef UNIT_COLLECTOR_H
#define UNIT_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pcapring/v1/records.pb-c.h"

struct collector;

/**
 * struct collector_call - a call that a test holds
 * @hello: what it began with
 * @method: what was called
 * @records: the message that collector_next() took last
 */
struct collector_call {
	struct collector *collector;
	void *call;
	void *queue;
	char method[64];
	const Pcapring__V1__Hello *hello;
	const Pcapring__V1__Records *records;
	Pcapring__V1__FromSensor *messages[2];
};

/* Listen on 127.0.0.1, on @port or any (0); its address to @target. */
struct collector *collector_start(int port, char *target, size_t size);

/* All calls were ended. */
void collector_stop(struct collector *collector);

/* Wait for the next call, and for its Hello if it has one. */
struct collector_call *collector_accept(struct collector *collector);

/* Wait for Records. False: the sensor half-closed, or gave the call up. */
bool collector_next(struct collector_call *call);

/* @id: each byte of the collector's. */
void collector_welcome(struct collector_call *call, char id, uint64_t offset, bool fresh);
void collector_ack(struct collector_call *call, uint64_t offset);
void collector_send(struct collector_call *call, const void *bytes, size_t length);

/* End the call with a status, as gRPC numbers them, and free it. */
void collector_end(struct collector_call *call, int status);

#endif
