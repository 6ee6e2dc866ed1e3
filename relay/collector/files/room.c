// SPDX-License-Identifier: MIT
#include "room.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "clock.h"
#include "common/log.h"
#include "keep.h"

/* What a sensor that may try needs at least, in bytes. */
#define ROOM_LEAST	(16u << 10)

/**
 * struct room - a file system
 * @fd: ours
 * @low: less than @floor was free
 * @full: people were told
 * @lock: guards @well and @tried
 * @well: something was made safe since
 * @tried: when something failed, or a sensor was let try; nanoseconds of
 *	CLOCK_MONOTONIC
 */
struct room {
	int fd;
	char path[PATH_MAX];
	uint64_t floor;
	struct keep *keep;
	bool low, full;
	void (*changed)(void *context, bool full);	/* NULL: nobody asks */
	void *context;
	pthread_mutex_t lock;
	bool well;
	uint64_t tried;
};

struct room *room_open(int fd, const char *path, uint64_t floor, struct keep *keep)
{
	struct room *room = calloc(1, sizeof(*room));

	if (!room)
		return NULL;
	room->fd = fd;
	snprintf(room->path, sizeof(room->path), "%s", path);
	room->floor = floor;
	room->keep = keep;
	pthread_mutex_init(&room->lock, NULL);
	return room;
}

void room_close(struct room *room)
{
	if (room->fd >= 0)
		close(room->fd);
	pthread_mutex_destroy(&room->lock);
	free(room);
}

void room_tell(struct room *room, void (*changed)(void *context, bool full), void *context)
{
	room->changed = changed;
	room->context = context;
}

/* True: it is news. */
static bool room_change(struct room *room, bool full)
{
	if (__atomic_exchange_n(&room->full, full, __ATOMIC_RELAXED) == full)
		return false;
	if (room->changed)
		room->changed(room->context, full);
	return true;
}

static void room_say_full(struct room *room, const char *why)
{
	pthread_mutex_lock(&room->lock);
	room->tried = clock_read(CLOCK_MONOTONIC);
	room->well = false;
	pthread_mutex_unlock(&room->lock);
	if (room_change(room, true))
		log_error("%s: %s: nothing is acknowledged, sensors keep what they have and are asked to come again until there is room",
			  room->path, why);
}

void room_failed(struct room *room, int error)
{
	if (error == ENOSPC || error == EDQUOT)
		room_say_full(room, strerror(error));
}

void room_wrote(struct room *room)
{
	if (!room_full(room))
		return;
	pthread_mutex_lock(&room->lock);
	room->well = true;
	pthread_mutex_unlock(&room->lock);
}

uint64_t room_settle(struct room *room)
{
	uint64_t now = clock_read(CLOCK_MONOTONIC), due;
	bool well;

	if (!room_full(room))
		return UINT64_MAX;
	pthread_mutex_lock(&room->lock);
	well = room->well && !room_low(room);
	due = room->tried + CLOCK_SECOND;
	pthread_mutex_unlock(&room->lock);
	if (!well)
		return UINT64_MAX;
	if (now < due)
		return due;
	if (room_change(room, false))
		log_info("%s: there is room again", room->path);
	return UINT64_MAX;
}

/* Bytes that are free; UINT64_MAX: that cannot be known. */
static uint64_t room_free(const struct room *room)
{
	struct statvfs disk;

	if (fstatvfs(room->fd, &disk))
		return UINT64_MAX;
	return (uint64_t)disk.f_bavail * disk.f_frsize;
}

static bool room_short(const struct room *room)
{
	return room->floor && room_free(room) < room->floor &&
	       !(room->keep && keep_room(room->keep));
}

void room_look(struct room *room)
{
	bool low = room_short(room);

	__atomic_store_n(&room->low, low, __ATOMIC_RELAXED);
	if (low)
		room_say_full(room, "less is free than --free-space asks for, and there is no complete file to remove");
}

bool room_low(const struct room *room)
{
	return __atomic_load_n(&room->low, __ATOMIC_RELAXED);
}

bool room_full(const struct room *room)
{
	return __atomic_load_n(&room->full, __ATOMIC_RELAXED);
}

bool room_try(struct room *room)
{
	uint64_t now = clock_read(CLOCK_MONOTONIC);
	bool may;

	room_settle(room);
	if (!room_full(room))
		return true;
	pthread_mutex_lock(&room->lock);
	may = now - room->tried >= CLOCK_SECOND;
	if (may) {
		room->tried = now;
		room->well = false;
	}
	pthread_mutex_unlock(&room->lock);
	if (!may || room_short(room) || room_free(room) < ROOM_LEAST)
		return false;
	__atomic_store_n(&room->low, false, __ATOMIC_RELAXED);
	return true;
}
