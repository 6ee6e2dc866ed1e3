// SPDX-License-Identifier: MIT
#include "guard.h"

#include "common/log.h"
#include "burden.h"
#include "crowd.h"
#include "flood.h"
#include "peer.h"

/*
 * How often strangers are looked at, and a jam; the thread of calls, and what core holds;
 * and all connections.
 */
#define GUARD_ROUND		UINT64_C(50000000)
#define GUARD_JAM_ROUND		UINT64_C(200000000)
#define GUARD_FULL_ROUND	UINT64_C(1000000000)

/* Bytes that core reads of a connection, at least, for that to be what keeps it. */
#define GUARD_JAM_BYTES		(16 << 10)

/*
 * Others of its network have flooded us. Behind one address there may be hundreds of
 * sensors, which would never come back while one of their neighbours goes on.
 */
bool guard_bars(struct guard *guard, const struct in6_addr *address, uint64_t now)
{
	struct penalty *penalty = penalties_find(&guard->penalties, address, now);

	return penalty && !(crowd_is_home(guard->crowd, address) && penalty_spares(penalty, now));
}

/* Send it away, and keep its address out. */
static void guard_shut_out(struct guard *guard, int fd, uint64_t now, const char *why)
{
	struct crowd_entry entry = guard->crowd->entries[fd];
	char peer[INET6_ADDRSTRLEN];

	if (!crowd_send_away(guard->crowd, fd))
		return;
	peer_text(&entry.peer, peer, sizeof(peer));
	log_warning("%s is sent away, and not let in for %d s: %s", peer, PENALTY_SECONDS, why);
	/* one that had a stream may send much before it is seen: too much for four a second */
	penalties_add(&guard->penalties, &entry.peer.sin6_addr, entry.known, now);
}

/* Had it sent more than it may that is no message, when it was weighed? */
static bool guard_is_flooded(const struct guard *guard, const struct crowd_entry *entry,
			     uint64_t now)
{
	return flood_is(entry->burden.read, &(struct flood){
		.age = now - entry->born,
		.delivered = entry->burden.delivered,
		.message = entry->known ? guard->message : 0,
		.windows = entry->known ? entry->streams + 1 : 0,
	});
}

static void guard_check(struct guard *guard, int fd, uint64_t now)
{
	struct crowd_entry *entry = &guard->crowd->entries[fd];

	if (!guard_is_flooded(guard, entry, now))
		return;
	/* a sensor may send a window full before its call is looked at: it is known soon */
	if (!entry->known && !entry->suspect)
		entry->suspect = true;
	else
		guard_shut_out(guard, fd, now,
			       "it has sent far more than the messages that arrived");
}

/* Bytes that core holds, of all. Those that it has closed are forgotten. */
static uint64_t guard_weigh(struct crowd *crowd)
{
	uint64_t held = 0, delivered, read;

	for (int fd = 0; fd < crowd->top; fd++) {
		struct crowd_entry *entry = &crowd->entries[fd];

		if (!entry->number)
			continue;
		/* in this order: what is delivered was read */
		delivered = crowd_delivered(crowd, fd);
		if (!flood_read(fd, &read)) {
			crowd_forget(crowd, fd);
			continue;
		}
		burden_look(&entry->burden, read, delivered);
		held += entry->burden.held;
	}
	return held;
}

/* There is to be room again: who holds most goes first. @return bytes that are held still. */
static uint64_t guard_relieve(struct guard *guard, uint64_t held, uint64_t now)
{
	const struct crowd *crowd = guard->crowd;

	while (held > guard->room) {
		int worst = -1;

		for (int fd = 0; fd < crowd->top; fd++)
			if (crowd->entries[fd].number &&
			    (worst < 0 || crowd->entries[fd].burden.held >
					  crowd->entries[worst].burden.held))
				worst = fd;
		if (worst < 0)
			break;
		held -= crowd->entries[worst].burden.held;
		guard_shut_out(guard, worst, now,
			       "of all, it has sent most that is no whole message, and half of --max-memory is full of that; a sensor that --max-rate slows needs up to 5 MiB for each ring");
	}
	return held;
}

/* Of whom core has read most from the turn's begin on, or from its @half; -1: little of all. */
static int guard_most_read(const struct crowd *crowd, bool half)
{
	uint64_t most = GUARD_JAM_BYTES, bytes;
	int worst = -1;

	for (int fd = 0; fd < crowd->top; fd++) {
		const struct crowd_entry *entry = &crowd->entries[fd];
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
static void guard_end_jam(struct guard *guard, uint64_t now)
{
	int worst = guard_most_read(guard->crowd, true);

	if (worst < 0)
		worst = guard_most_read(guard->crowd, false);
	if (worst >= 0)
		guard_shut_out(guard, worst, now,
			       "what it has sent kept the collector busy, and is no message");
}

/* After all were weighed. */
static void guard_follow_jam(struct guard *guard, enum jam_state jam, uint64_t now)
{
	if (jam == JAM_NONE || jam == JAM_GOES_ON)
		return;
	if (jam == JAM_LASTS)
		guard_end_jam(guard, now);
	for (int fd = 0; fd < guard->crowd->top; fd++) {
		struct crowd_entry *entry = &guard->crowd->entries[fd];

		entry->read_half = entry->burden.read;
		if (jam != JAM_HALF)
			entry->read_first = entry->burden.read;
	}
}

uint64_t guard_look(struct guard *guard, uint64_t now)
{
	struct crowd *crowd = guard->crowd;
	uint64_t held = guard_relieve(guard, guard_weigh(crowd), now);
	enum jam_state jam = jam_look(&guard->jam, now);
	bool all = now >= guard->next;
	uint64_t rest, round;

	guard_follow_jam(guard, jam, now);
	if (all)
		guard->next = now + GUARD_FULL_ROUND;
	for (int fd = 0; fd < crowd->top; fd++)
		if (crowd->entries[fd].number && (all || !crowd->entries[fd].known))
			guard_check(guard, fd, now);
	rest = burden_rest(held, guard->room);
	round = crowd->strangers || jam >= JAM_GOES_ON ? GUARD_ROUND : GUARD_JAM_ROUND;
	return now + (rest < round ? rest : round);
}
