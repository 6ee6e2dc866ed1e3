/* SPDX-License-Identifier: MIT */
/*
 * The door: connections as the kernel knows them, before core knows what they want.
 * Core accepts whatever comes until it may open no more files, and never again once
 * that failed; and it reads whatever comes for as long as that is not a whole request.
 * So we accept in its place (accept.h), keep some files for those that are in - connections
 * that have not become anything make room for new ones, the oldest first - and have those
 * that were let in looked after (guard.h).
 *
 * A program has one door.
 */
#ifndef COLLECTOR_SERVER_DOOR_H
#define COLLECTOR_SERVER_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct door;

/* A connection, as a call knows it; .fd -1: none that is known. */
struct door_ticket {
	int fd;
	uint64_t number;
};

/* NULL: it was logged. @message: bytes of the largest that may come; @memory: of what came. */
struct door *door_open(uint64_t message, uint64_t memory);

/* Core is gone. */
void door_close(struct door *door);

/*
 * The calling thread is that of calls; @turns, atomic, counts how often core is given it,
 * and lets go of it. Who keeps it from that is sent away. NULL: nobody is, from now on.
 */
void door_attend(struct door *door, const uint64_t *turns);

struct sockaddr;

/* May this one in, which was accepted? From any thread. */
bool door_admit(struct door *door, int fd, const struct sockaddr *address);

/* It may not: close it. */
void door_refuse(int fd);

/* May no more files be opened, but for what is kept for those that are in? */
bool door_is_full(const struct door *door);

/*
 * These are of the thread of calls. @peer: "ipv4:192.0.2.1:4711", as core calls it.
 */
struct door_ticket door_find(struct door *door, const char *peer);

/*
 * It has become something: it has streams from now on, or one less. @proven: of a sensor
 * that has proven who it is.
 */
void door_enter(struct door *door, struct door_ticket ticket, bool proven);
void door_leave(struct door *door, struct door_ticket ticket);

/* A message of @bytes arrived. */
void door_count(struct door *door, struct door_ticket ticket, size_t bytes);

#endif
