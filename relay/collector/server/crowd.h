/* SPDX-License-Identifier: MIT */
/*
 * Who is in: connections by their descriptors, from when they were accepted on. That one
 * was closed is seen later, so that an entry may be of one that is gone.
 */
#ifndef COLLECTOR_SERVER_CROWD_H
#define COLLECTOR_SERVER_CROWD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "burden.h"

/* Descriptors above have no entry; there is room for so many sensors. */
#define CROWD_MAX	(1 << 16)

/**
 * struct crowd_entry - a connection
 * @number: of the connection, never used again; 0: there is none
 * @peer: IPv4 as ::ffff:a.b.c.d
 * @born: when it was accepted
 * @known: it has, or had, a stream
 * @proven: of a sensor that has proven who it is
 * @streams: it has now
 * @suspect: it is not known, and had sent too much for that when it was looked at
 * @read_first: what core had read of it when this turn of the thread of calls began
 * @read_half: and half of the time that it may take later, if it came to that
 * @burden: what core holds of it
 *
 * From @suspect on, the guard's.
 */
struct crowd_entry {
	uint64_t number;
	struct sockaddr_in6 peer;
	uint64_t born;
	bool known;
	bool proven;
	unsigned int streams;
	bool suspect;
	uint64_t read_first;
	uint64_t read_half;
	struct burden burden;
};

/**
 * struct crowd - all of them; zero before it is opened
 * @delivered: for each entry, bytes of messages and of what they came in; atomic, the
 *	thread of calls adds to it
 * @by_port: where to look for a peer first
 * @top: one above the highest descriptor with an entry
 * @strangers: entries that are not known
 * @accepted: connections so far
 */
struct crowd {
	struct crowd_entry *entries;
	uint64_t *delivered;
	int by_port[1 << 16];
	int top;
	unsigned int strangers;
	uint64_t accepted;
};

/* False: out of memory. */
bool crowd_open(struct crowd *crowd);
void crowd_close(struct crowd *crowd);

/* One more; who had the descriptor before is gone. @now: monotonic, nanoseconds. */
void crowd_add(struct crowd *crowd, int fd, const struct sockaddr_in6 *peer, uint64_t now);
void crowd_forget(struct crowd *crowd, int fd);

/* A stream more, or less; @proven: of a sensor that has proven who it is. */
void crowd_enter(struct crowd *crowd, int fd, bool proven);
void crowd_leave(struct crowd *crowd, int fd);

/* These return descriptors; -1: there is none. */
int crowd_find(const struct crowd *crowd, const struct sockaddr_in6 *peer);
int crowd_oldest_stranger(const struct crowd *crowd);

/* Are sensors of its network there, by what they have proven? */
bool crowd_is_home(const struct crowd *crowd, const struct in6_addr *address);

void crowd_deliver(struct crowd *crowd, int fd, size_t bytes);
uint64_t crowd_delivered(const struct crowd *crowd, int fd);

/* The connection ends, and the entry. False: it had ended before. */
bool crowd_send_away(struct crowd *crowd, int fd);

/* Once it is closed it is forgotten: no farewell keeps what came in memory. */
void crowd_curtail(int fd);

#endif
