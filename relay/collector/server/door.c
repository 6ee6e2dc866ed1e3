// SPDX-License-Identifier: MIT
#include "door.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/keeper.h"
#include "common/log.h"
#include "accept.h"
#include "burden.h"
#include "flood.h"
#include "jam.h"
#include "peer.h"
#include "penalty.h"

#define DOOR_SECOND	UINT64_C(1000000000)

/* Descriptors above are not looked after; there is room for so many sensors. */
#define DOOR_ENTRIES_MAX	(1 << 16)
#define DOOR_PORTS		(1 << 16)

/* Files for those that are in, and beyond them for connections that come. */
#define DOOR_FILES_KEPT		32
#define DOOR_FILES_SPARE	16

/*
 * How often strangers are looked at; the thread of calls, and what core holds; and all
 * connections.
 */
#define DOOR_ROUND		(DOOR_SECOND / 20)
#define DOOR_JAM_ROUND		(DOOR_SECOND / 5)

/*
 * Of the memory, one part in so many is for messages that are not whole: core needs half
 * as much again for what it reads them into, and ends streams of anybody when that is all.
 */
#define DOOR_HELD_PART		2

/* Bytes that core reads of a connection, at least, for that to be what keeps it. */
#define DOOR_JAM_BYTES		(16 << 10)

/**
 * struct door_entry - a connection
 * @number: of the connection, never used again; 0: there is none
 * @peer: IPv4 as ::ffff:a.b.c.d
 * @born: when it was accepted
 * @known: it has, or had, a stream
 * @suspect: it is not, and had sent too much for that when it was looked at
 * @proven: of a sensor that has proven who it is
 * @streams: it has now
 * @read_first: what core had read of it when this turn of the thread of calls began
 * @read_half: and half of the time that it may take later, if it came to that
 * @burden: what core holds of it
 */
struct door_entry {
	uint64_t number;
	struct sockaddr_in6 peer;
	uint64_t born;
	bool known;
	bool suspect;
	bool proven;
	unsigned int streams;
	uint64_t read_first;
	uint64_t read_half;
	struct burden burden;
};

/**
 * struct door - see above
 * @lock: of all of it, but for @delivered
 * @delivered: for each entry, bytes of messages and of what they came in; the thread
 *	of calls adds to it
 * @by_port: where to look for a peer first
 * @top: one above the highest descriptor with an entry
 * @strangers: entries that are not known
 * @room: bytes that core may hold of all connections' messages that are not whole
 * @jam: of the thread of calls
 * @limit: of descriptors
 * @evicted: strangers that made room, and when that was said
 */
struct door {
	pthread_mutex_t lock;
	pthread_cond_t ending;
	pthread_t thread;
	bool end;
	struct door_entry *entries;
	uint64_t *delivered;
	int by_port[DOOR_PORTS];
	int top;
	unsigned int strangers;
	uint64_t accepted;
	uint64_t message;
	uint64_t room;
	struct jam jam;
	int limit;
	struct penalties penalties;
	uint64_t evicted;
	uint64_t said;
};

static uint64_t door_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * DOOR_SECOND + now.tv_nsec;
}

static void door_forget(struct door *door, struct door_entry *entry)
{
	if (!entry->known)
		door->strangers--;
	entry->number = 0;
}

/* Once it is closed it is forgotten: no farewell keeps what came in memory. */
static void door_curtail(int fd)
{
	struct linger none = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

void door_refuse(int fd)
{
	door_curtail(fd);
	close(fd);
}

/*
 * Core has the descriptor, and may have closed it by now, so that it is another
 * connection's: the peer tells. In between it could still become one; that sensor
 * would have to connect again. False: it has.
 */
static bool door_send_away(struct door *door, int fd)
{
	struct door_entry *entry = &door->entries[fd];
	struct sockaddr_storage address;
	struct sockaddr_in6 peer;
	socklen_t size = sizeof(address);
	bool same;

	same = !getpeername(fd, (struct sockaddr *)&address, &size) &&
	       peer_take((struct sockaddr *)&address, &peer) && peer_same(&peer, &entry->peer);
	if (same) {
		door_curtail(fd);
		shutdown(fd, SHUT_RDWR);
	}
	door_forget(door, entry);
	return same;
}

/* The oldest connections that have not become anything make room. */
static void door_evict(struct door *door, uint64_t now)
{
	int oldest = -1;

	for (int fd = 0; fd < door->top; fd++) {
		const struct door_entry *entry = &door->entries[fd];

		if (entry->number && !entry->known &&
		    (oldest < 0 || entry->born < door->entries[oldest].born))
			oldest = fd;
	}
	if (oldest < 0)
		return;
	door_send_away(door, oldest);
	door->evicted++;
	if (door->said && now - door->said < 60 * DOOR_SECOND)
		return;
	door->said = now;
	log_warning("files are short, %d are allowed: %ju connections without a call have made room so far; LimitNOFILE= (ulimit -n) raises the limit",
		    door->limit, (uintmax_t)door->evicted);
}

/* Are sensors there, by what they have proven? */
static bool door_is_home(const struct door *door, const struct sockaddr_in6 *peer)
{
	for (int fd = 0; fd < door->top; fd++) {
		const struct door_entry *entry = &door->entries[fd];

		if (entry->number && entry->proven &&
		    penalty_same(&entry->peer.sin6_addr, &peer->sin6_addr))
			return true;
	}
	return false;
}

/*
 * Others of its network have flooded us. Behind one address there may be hundreds of
 * sensors, which would never come back while one of their neighbours goes on.
 */
static bool door_is_barred(struct door *door, const struct sockaddr_in6 *peer, uint64_t now)
{
	struct penalty *penalty = penalties_find(&door->penalties, &peer->sin6_addr, now);

	return penalty && !(door_is_home(door, peer) && penalty_spares(penalty, now));
}

static bool door_let_in(struct door *door, int fd, const struct sockaddr *address)
{
	struct sockaddr_in6 peer;
	struct door_entry *entry;
	uint64_t now = door_now();

	if (fd >= DOOR_ENTRIES_MAX || !peer_take(address, &peer))
		return fd < door->limit - DOOR_FILES_SPARE;
	if (door_is_barred(door, &peer, now))
		return false;
	/* the lowest number that is free: all below it are taken */
	if (fd >= door->limit - 2 * DOOR_FILES_KEPT)
		door_evict(door, now);
	if (fd >= door->limit - DOOR_FILES_SPARE)
		return false;
	entry = &door->entries[fd];
	if (entry->number)
		door_forget(door, entry);
	*entry = (struct door_entry){ .number = ++door->accepted, .peer = peer, .born = now };
	__atomic_store_n(&door->delivered[fd], 0, __ATOMIC_RELAXED);
	door->by_port[ntohs(peer.sin6_port)] = fd;
	if (!door->strangers++)
		pthread_cond_signal(&door->ending);
	if (fd >= door->top)
		door->top = fd + 1;
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

/* Has it sent more than it may that is no message? */
static bool door_is_flooded(const struct door *door, int fd, uint64_t now)
{
	const struct door_entry *entry = &door->entries[fd];

	return flood_is(fd, &(struct flood){
		.age = now - entry->born,
		.delivered = __atomic_load_n(&door->delivered[fd], __ATOMIC_RELAXED),
		.message = entry->known ? door->message : 0,
		.windows = entry->known ? entry->streams + 1 : 0,
	});
}

/* Send it away, and keep its address out. */
static void door_shut_out(struct door *door, int fd, uint64_t now, const char *why)
{
	const struct door_entry *entry = &door->entries[fd];
	bool known = entry->known;
	char peer[INET6_ADDRSTRLEN];

	if (!door_send_away(door, fd))
		return;
	peer_text(&entry->peer, peer, sizeof(peer));
	log_warning("%s is sent away, and not let in for %d s: %s", peer, PENALTY_SECONDS, why);
	/* one that had a stream may send much before it is seen: too much for four a second */
	penalties_add(&door->penalties, &entry->peer.sin6_addr, known, now);
}

static void door_look(struct door *door, int fd, uint64_t now)
{
	struct door_entry *entry = &door->entries[fd];
	struct tcp_info info;
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size)) {
		door_forget(door, entry);	/* core has closed it */
		return;
	}
	if (!door_is_flooded(door, fd, now))
		return;
	/* a sensor may send a window full before its call is looked at: it is known soon */
	if (!entry->known && !entry->suspect)
		entry->suspect = true;
	else
		door_shut_out(door, fd, now,
			      "it has sent far more than the messages that arrived");
}

/* Bytes that core holds, of all. */
static uint64_t door_weigh(struct door *door)
{
	uint64_t held = 0, delivered, read;

	for (int fd = 0; fd < door->top; fd++) {
		struct door_entry *entry = &door->entries[fd];

		if (!entry->number)
			continue;
		/* in this order: what is delivered was read */
		delivered = __atomic_load_n(&door->delivered[fd], __ATOMIC_RELAXED);
		if (flood_read(fd, &read))
			burden_look(&entry->burden, read, delivered);
		held += entry->burden.held;
	}
	return held;
}

/* There is to be room again: who holds most goes first. @return bytes that are held still. */
static uint64_t door_relieve(struct door *door, uint64_t held, uint64_t now)
{
	while (held > door->room) {
		int worst = -1;

		for (int fd = 0; fd < door->top; fd++)
			if (door->entries[fd].number &&
			    (worst < 0 || door->entries[fd].burden.held >
					  door->entries[worst].burden.held))
				worst = fd;
		if (worst < 0)
			break;
		held -= door->entries[worst].burden.held;
		door_shut_out(door, worst, now,
			      "of all, it has sent most that is no whole message, and half of --max-memory is full of that; a sensor that --max-rate slows needs up to 5 MiB for each ring");
	}
	return held;
}

/* Of whom core has read most from the turn's begin on, or from its @half; -1: little of all. */
static int door_most_read(const struct door *door, bool half)
{
	uint64_t most = DOOR_JAM_BYTES, bytes;
	int worst = -1;

	for (int fd = 0; fd < door->top; fd++) {
		const struct door_entry *entry = &door->entries[fd];
		uint64_t before = half ? entry->read_half : entry->read_first;

		if (entry->number && flood_read(fd, &bytes) && bytes > before + most) {
			most = bytes - before;
			worst = fd;
		}
	}
	return worst;
}

/*
 * Who keeps core busy is whom it reads on and on: another may have sent more, before that.
 * Or it has read all of it at first, and works on it since.
 */
static void door_end_jam(struct door *door, uint64_t now)
{
	int worst = door_most_read(door, true);

	if (worst < 0)
		worst = door_most_read(door, false);
	if (worst >= 0)
		door_shut_out(door, worst, now,
			      "what it has sent kept the collector busy, and is no message");
}

/* After all were weighed. */
static void door_follow_jam(struct door *door, enum jam_state jam, uint64_t now)
{
	if (jam == JAM_NONE || jam == JAM_GOES_ON)
		return;
	if (jam == JAM_LASTS)
		door_end_jam(door, now);
	for (int fd = 0; fd < door->top; fd++) {
		struct door_entry *entry = &door->entries[fd];

		entry->read_half = entry->burden.read;
		if (jam != JAM_HALF)
			entry->read_first = entry->burden.read;
	}
}

static void door_rest(struct door *door, uint64_t until)
{
	struct timespec time = { .tv_sec = until / DOOR_SECOND, .tv_nsec = until % DOOR_SECOND };

	pthread_cond_timedwait(&door->ending, &door->lock, &time);
}

static uint64_t door_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How long until the next look, at most. */
static uint64_t door_round(const struct door *door, enum jam_state jam)
{
	return door->strangers || jam >= JAM_GOES_ON ? DOOR_ROUND : DOOR_JAM_ROUND;
}

static void *door_keep(void *context)
{
	struct door *door = context;
	struct keeper_bed bed = { &door->lock, &door->ending };
	uint64_t next = 0;

	keeper_join("door", keeper_nudge, &bed);
	pthread_mutex_lock(&door->lock);
	while (!door->end) {
		uint64_t now = door_now(), held = door_relieve(door, door_weigh(door), now);
		uint64_t rest = burden_rest(held, door->room);
		enum jam_state jam = jam_look(&door->jam, now);
		bool all = now >= next;

		door_follow_jam(door, jam, now);
		if (all)
			next = now + DOOR_SECOND;
		for (int fd = 0; fd < door->top; fd++)
			if (door->entries[fd].number && (all || !door->entries[fd].known))
				door_look(door, fd, now);
		while (door->top && !door->entries[door->top - 1].number)
			door->top--;
		keeper_round();
		door_rest(door, now + door_min(rest, door_round(door, jam)));
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

static bool door_allocate(struct door *door)
{
	door->entries = calloc(DOOR_ENTRIES_MAX, sizeof(*door->entries));
	door->delivered = calloc(DOOR_ENTRIES_MAX, sizeof(*door->delivered));
	if (door->entries && door->delivered)
		return true;
	free(door->entries);
	free(door->delivered);
	return false;
}

static void door_free(struct door *door)
{
	pthread_cond_destroy(&door->ending);
	pthread_mutex_destroy(&door->lock);
	free(door->entries);
	free(door->delivered);
	free(door);
}

struct door *door_open(uint64_t message, uint64_t memory)
{
	struct door *door = calloc(1, sizeof(*door));
	pthread_condattr_t clock;

	if (!door || !door_allocate(door)) {
		log_error("out of memory");
		free(door);
		return NULL;
	}
	door->message = message;
	door->room = memory / DOOR_HELD_PART;
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
	jam_open(&door->jam, turns);
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
	int fd;

	if (!peer_parse(uri, &peer))
		return ticket;
	pthread_mutex_lock(&door->lock);
	fd = door->by_port[ntohs(peer.sin6_port)];
	if (!door->entries[fd].number || !peer_same(&door->entries[fd].peer, &peer))
		for (fd = 0; fd < door->top; fd++)
			if (door->entries[fd].number && peer_same(&door->entries[fd].peer, &peer))
				break;
	if (fd < door->top)
		ticket = (struct door_ticket){ .fd = fd, .number = door->entries[fd].number };
	pthread_mutex_unlock(&door->lock);
	return ticket;
}

static struct door_entry *door_entry(struct door *door, struct door_ticket ticket)
{
	struct door_entry *entry = &door->entries[ticket.fd < 0 ? 0 : ticket.fd];

	return ticket.fd >= 0 && entry->number == ticket.number ? entry : NULL;
}

void door_enter(struct door *door, struct door_ticket ticket, bool proven)
{
	struct door_entry *entry;

	pthread_mutex_lock(&door->lock);
	entry = door_entry(door, ticket);
	if (entry) {
		entry->streams++;
		if (!entry->known)
			door->strangers--;
		entry->known = true;
		entry->proven |= proven;
	}
	pthread_mutex_unlock(&door->lock);
}

void door_leave(struct door *door, struct door_ticket ticket)
{
	struct door_entry *entry;

	pthread_mutex_lock(&door->lock);
	entry = door_entry(door, ticket);
	if (entry)
		entry->streams--;
	pthread_mutex_unlock(&door->lock);
}

void door_count(struct door *door, struct door_ticket ticket, size_t bytes)
{
	/* one that came after it would only seem to have sent less */
	if (ticket.fd >= 0)
		__atomic_fetch_add(&door->delivered[ticket.fd], bytes + FLOOD_FRAMING,
				   __ATOMIC_RELAXED);
}
