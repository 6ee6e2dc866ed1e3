/* SPDX-License-Identifier: MIT */
/*
 * A receiver, with gRPC's C core, one call at a time: of Run, or of pcapring.v1's
 * Stream. As little as a receiver can do.
 */
#ifndef UNIT_RECEIVER_H
#define UNIT_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <grpc/byte_buffer.h>

/**
 * struct receiver - what to do with calls
 * @message: called with each message; NULL: they are discarded
 * @context: for @message
 * @refuse: status to end calls with at once; 0: take them
 * @records: calls are Stream's: what they bring is acknowledged
 * @pause: milliseconds before the first message of a call is asked for
 */
struct receiver {
	void (*message)(void *context, grpc_byte_buffer *message);
	void *context;
	int refuse;
	bool records;
	unsigned int pause;
};

/*
 * Listen on 127.0.0.1, @port or one that is free if 0, write its number (an
 * int) to @ready once it listens, and serve one call after the other until
 * @calls have ended; -1: for ever.
 */
void receiver_run(const struct receiver *receiver, int port, int ready, int calls);

/*
 * A process that discards what it receives, and its address: at most @size
 * bytes to @target. The caller kills it and waits for it.
 */
pid_t receiver_start(char *target, size_t size);

#endif
