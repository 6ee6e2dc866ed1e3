// SPDX-License-Identifier: MIT
#include "door.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/keeper.h"
#include "common/log.h"
#include "accept.h"
#include "crowd.h"
#include "flood.h"
#include "guard.h"
#include "peer.h"

#define DOOR_SECOND	UINT64_C(1000000000)

/* Files for those that are in, and beyond them for connections that come. */
#define DOOR_FILES_KEPT		32
#define DOOR_FILES_SPARE	16

/*
 * Of the memory, one part in so many is for messages that are not whole: core needs half
 * as much again for what it reads them into, and ends streams of anybody when that is all.
 */
#define DOOR_HELD_PART		2

/**
 * struct door - see door.h
 * @lock: of all of it, but for what messages add up to
 * @limit: of descriptors
 * @evicted: strangers that made room, and when that was said
 */
struct door {
	pthread_mutex_t lock;
	pthread_cond_t ending;
	pthread_t thread;
	bool end;
	struct crowd crowd;
	struct guard guard;
	int limit;
	uint64_t evicted;
	uint64_t said;
};

static uint64_t door_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * DOOR_SECOND + now.tv_nsec;
}

void door_refuse(int fd)
{
	crowd_curtail(fd);
	close(fd);
}

/* The oldest connections that have not become anything make room. */
static void door_evict(struct door *door, uint64_t now)
{
	int oldest = crowd_oldest_stranger(&door->crowd);

	if (oldest < 0)
		return;
	crowd_send_away(&door->crowd, oldest);
	door->evicted++;
	if (door->said && now - door->said < 60 * DOOR_SECOND)
		return;
	door->said = now;
	log_warning("files are short, %d are allowed: %ju connections without a call have made room so far; LimitNOFILE= (ulimit -n) raises the limit",
		    door->limit, (uintmax_t)door->evicted);
}

static bool door_let_in(struct door *door, int fd, const struct sockaddr *address)
{
	struct sockaddr_in6 peer;
	uint64_t now = door_now();

	if (fd >= CROWD_MAX || !peer_take(address, &peer))
		return fd < door->limit - DOOR_FILES_SPARE;
	if (guard_bars(&door->guard, &peer.sin6_addr, now))
		return false;
	/* the lowest number that is free: all below it are taken */
	if (fd >= door->limit - 2 * DOOR_FILES_KEPT)
		door_evict(door, now);
	if (fd >= door->limit - DOOR_FILES_SPARE)
		return false;
	crowd_add(&door->crowd, fd, &peer, now);
	if (door->crowd.strangers == 1)
		pthread_cond_signal(&door->ending);
	return true;
}

bool door_admit(struct door *door, int fd, const struct sockaddr *address)
{
	bool in;

	pthread_mutex_lock(&door->lock);
	in = door_let_in(door, fd, address);
	pthread_mutex_unlock(&door->lock);
	return in;
}

static void door_rest(struct door *door, uint64_t until)
{
	struct timespec time = { .tv_sec = until / DOOR_SECOND, .tv_nsec = until % DOOR_SECOND };

	pthread_cond_timedwait(&door->ending, &door->lock, &time);
}

static void *door_keep(void *context)
{
	struct door *door = context;
	struct keeper_bed bed = { &door->lock, &door->ending };

	keeper_join("door", keeper_nudge, &bed);
	pthread_mutex_lock(&door->lock);
	while (!door->end) {
		uint64_t next = guard_look(&door->guard, door_now());

		keeper_round();
		door_rest(door, next);
	}
	pthread_mutex_unlock(&door->lock);
	keeper_leave();
	return NULL;
}

static int door_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur > INT32_MAX)
		return INT32_MAX;
	return files.rlim_cur;
}

static void door_free(struct door *door)
{
	pthread_cond_destroy(&door->ending);
	pthread_mutex_destroy(&door->lock);
	crowd_close(&door->crowd);
	free(door);
}

struct door *door_open(uint64_t message, uint64_t memory)
{
	struct door *door = calloc(1, sizeof(*door));
	pthread_condattr_t clock;

	if (!door || !crowd_open(&door->crowd)) {
		log_error("out of memory");
		free(door);
		return NULL;
	}
	door->guard = (struct guard){
		.crowd = &door->crowd,
		.message = message,
		.room = memory / DOOR_HELD_PART,
	};
	door->limit = door_limit();
	pthread_mutex_init(&door->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&door->ending, &clock);
	errno = pthread_create(&door->thread, NULL, door_keep, door);
	if (errno) {
		log_error("cannot watch connections: %m");
		door_free(door);
		return NULL;
	}
	accept_open(door);
	return door;
}

void door_close(struct door *door)
{
	accept_close();
	pthread_mutex_lock(&door->lock);
	door->end = true;
	pthread_cond_signal(&door->ending);
	pthread_mutex_unlock(&door->lock);
	pthread_join(door->thread, NULL);
	door_free(door);
}

void door_attend(struct door *door, const uint64_t *turns)
{
	pthread_mutex_lock(&door->lock);
	jam_open(&door->guard.jam, turns);
	pthread_mutex_unlock(&door->lock);
}

bool door_is_full(const struct door *door)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return true;
	close(fd);
	return fd >= door->limit - DOOR_FILES_KEPT;
}

struct door_ticket door_find(struct door *door, const char *uri)
{
	struct door_ticket ticket = { .fd = -1 };
	struct sockaddr_in6 peer;

	if (!peer_parse(uri, &peer))
		return ticket;
	pthread_mutex_lock(&door->lock);
	ticket.fd = crowd_find(&door->crowd, &peer);
	if (ticket.fd >= 0)
		ticket.number = door->crowd.entries[ticket.fd].number;
	pthread_mutex_unlock(&door->lock);
	return ticket;
}

/* Is that connection still in? */
static bool door_has(const struct door *door, struct door_ticket ticket)
{
	return ticket.fd >= 0 && door->crowd.entries[ticket.fd].number == ticket.number;
}

void door_enter(struct door *door, struct door_ticket ticket, bool proven)
{
	pthread_mutex_lock(&door->lock);
	if (door_has(door, ticket))
		crowd_enter(&door->crowd, ticket.fd, proven);
	pthread_mutex_unlock(&door->lock);
}

void door_leave(struct door *door, struct door_ticket ticket)
{
	pthread_mutex_lock(&door->lock);
	if (door_has(door, ticket))
		crowd_leave(&door->crowd, ticket.fd);
	pthread_mutex_unlock(&door->lock);
}

void door_count(struct door *door, struct door_ticket ticket, size_t bytes)
{
	/* one that came after it would only seem to have sent less */
	if (ticket.fd >= 0)
		crowd_deliver(&door->crowd, ticket.fd, bytes + FLOOD_FRAMING);
}
