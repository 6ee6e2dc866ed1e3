/* SPDX-License-Identifier: MIT */
/*
 * Is there room on the disk? While there is none, nobody needs to try: sensors
 * are told so, keep what they have and come again. What changes is said once.
 * From any thread.
 */
#ifndef COLLECTOR_ROOM_H
#define COLLECTOR_ROOM_H

#include <stdbool.h>
#include <stdint.h>

struct keep;
struct room;

/*
 * Of the file system of the directory open as @fd, in which @floor bytes are to
 * stay free; @keep lets go of files for that, NULL: nothing does. NULL: no memory.
 */
struct room *room_open(int fd, const char *path, uint64_t floor, struct keep *keep);
void room_close(struct room *room);

/* Call @changed when it is full, and when it is not any more. Before all that follows. */
void room_tell(struct room *room, void (*changed)(void *context, bool full), void *context);

/* Something could not be written, for @error, which may mean that the disk is full. */
void room_failed(struct room *room, int error);

/* Something was made safe. */
void room_wrote(struct room *room);

/*
 * It is not full any more once what was let try has gone well for a second: so that
 * it does not come and go. @return when to ask again, in nanoseconds of
 * CLOCK_MONOTONIC, or UINT64_MAX.
 */
uint64_t room_settle(struct room *room);

/* Is as much free as has to be? Now and then, before what comes is written. */
void room_look(struct room *room);

/* As room_look() has seen it last: less than that is free. */
bool room_low(const struct room *room);

/* There was none, and nothing was made safe since. */
bool room_full(const struct room *room);

/* May a sensor try? Once a second, where the disk was full, and is not now. */
bool room_try(struct room *room);

#endif
