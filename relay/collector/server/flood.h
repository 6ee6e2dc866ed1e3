/* SPDX-License-Identifier: MIT */
/*
 * How much of what a connection has sent may be no message: what came, as the kernel
 * counts it, against what arrived.
 */
#ifndef COLLECTOR_SERVER_FLOOD_H
#define COLLECTOR_SERVER_FLOOD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Core takes so many bytes of a stream's message, at most, before they are asked for:
 * no more can have come, and not have arrived, of who keeps to HTTP/2's windows.
 */
#define FLOOD_WINDOW	(4 << 20)

/* HTTP/2's, gRPC's and TLS' own of a message that comes by itself, and a ping beside it. */
#define FLOOD_FRAMING	64

/**
 * struct flood - a connection
 * @age: nanoseconds since it was accepted
 * @delivered: bytes of messages, with FLOOD_FRAMING for each
 * @message: bytes of the largest that may be under way; 0: it is a stranger
 * @windows: streams that may have one under way
 */
struct flood {
	uint64_t age;
	uint64_t delivered;
	uint64_t message;
	unsigned int windows;
};

/*
 * Bytes that core has read of @fd: what waits to be read says nothing of who sent it.
 * False: it is no connection any more.
 */
bool flood_read(int fd, uint64_t *bytes);

/* Are @bytes more than it may have sent? */
bool flood_is(uint64_t bytes, const struct flood *flood);

#endif
