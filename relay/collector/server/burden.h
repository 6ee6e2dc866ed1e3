/* SPDX-License-Identifier: MIT */
/*
 * What core holds of a connection: the part of messages that are not whole. Core has
 * one quota of memory for all of them, and once it is used up ends streams at random,
 * good ones, too; so who holds most goes before.
 */
#ifndef COLLECTOR_SERVER_BURDEN_H
#define COLLECTOR_SERVER_BURDEN_H

#include <stdint.h>

/**
 * struct burden - a connection; zero to begin with
 * @read: bytes that core has read of it, when it was looked at last
 * @delivered: and of messages that arrived, with what they came in
 * @held: bytes, at most: what is no message at all is not told apart
 */
struct burden {
	uint64_t read;
	uint64_t delivered;
	uint64_t held;
};

/* It is looked at: @read and @delivered of all its time. */
void burden_look(struct burden *burden, uint64_t read, uint64_t delivered);

/*
 * How long a look around may be put off, nanoseconds, while @held of @room bytes are:
 * not until the rest could be there, if one sends as fast as loopback.
 */
uint64_t burden_rest(uint64_t held, uint64_t room);

#endif
