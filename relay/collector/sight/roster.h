/* SPDX-License-Identifier: MIT */
/*
 * Every sensor that was ever here, and how it is: what metrics and the page tell.
 * The loop writes it; others ask (common/ask.h), and read the answer.
 *
 * A sensor is a name and an interface, encoded as in names of files. At most
 * ROSTER_MAX are told of one by one, so that nobody who sends names can make
 * metrics grow without end.
 */
#ifndef SIGHT_ROSTER_H
#define SIGHT_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/files/path.h"
#include "common/ask.h"
#include "common/metrics.h"

#define ROSTER_MAX		4096
#define ROSTER_RINGS_MAX	64
#define ROSTER_VERSION_MAX	192	/* bytes of an encoded one, with its NUL */

/**
 * struct roster_account - what is here of a ring; grows only
 * @elsewhere, @duplicates: bytes
 * @disorder: records; @dropped: packets
 */
struct roster_account {
	uint64_t packets;
	uint64_t bytes;
	uint64_t elsewhere;
	uint64_t duplicates;
	uint64_t disorder;
	uint64_t dropped;
};

/**
 * struct roster_ring - a ring of a sensor
 * @known: there is one
 * @lag: seconds from the capture of the newest record to its being written;
 *	below 0: nobody knows
 */
struct roster_ring {
	bool known;
	struct roster_account account;
	double lag;
};

/**
 * struct roster_sensor - a sensor
 * @name, @interface, @host, @version: encoded; but for @name they may be empty
 * @streams: of it that live
 * @seen: when the last of them lived, nanoseconds since 1970
 * @received: when something came last; 0: not since the program started
 * @missing: bytes of files that are gone
 * @delay: from the capture of the oldest record of a write to that write
 * @clock_known: by how much is the sensor's clock ahead of ours, @clock seconds?
 * @packets_rate, @bytes_rate: per second, over the last 5 to 10
 * @rings: @ring_count of them
 */
struct roster_sensor {
	char name[PATH_NAME_MAX];
	char interface[PATH_NAME_MAX];
	char host[PATH_NAME_MAX];
	char version[ROSTER_VERSION_MAX];
	unsigned int streams;
	uint64_t seen;
	uint64_t received;
	uint64_t missing;
	struct metrics_histogram delay;
	bool clock_known;
	double clock;
	double packets_rate;
	double bytes_rate;
	uint32_t ring_count;
	struct roster_ring *rings;
};

/**
 * struct roster_view - an answer
 * @time: when it was given, nanoseconds since 1970; 0: never yet
 * @sensors: @count of them, in the order of their names
 * @unlisted: calls of sensors that are not among them, for there are too many
 */
struct roster_view {
	uint64_t time;
	struct roster_sensor *sensors;
	size_t count;
	uint64_t unlisted;
	struct roster_ring *rings;
};

struct roster;
struct roster_entry;

/* @wake: lets roster_answer() be called, from any thread. NULL: no memory; logged. */
struct roster *roster_open(void);
void roster_close(struct roster *roster);

/* The loop begins; from now on others may ask. */
void roster_start(struct roster *roster, void (*wake)(void *context), void *context);

/* The loop has ended. Those who asked get what it said last. */
void roster_stop(struct roster *roster);

/* The sensor of these encoded names. NULL: there are too many, or no memory. */
struct roster_entry *roster_get(struct roster *roster, const char *name,
				const char *interface);

/*
 * What follows is for the loop; an @entry may be NULL.
 *
 * A stream of it begins, and says so, in texts as they came; or ends.
 */
void roster_join(struct roster_entry *entry, const char *host, const char *version);
void roster_leave(struct roster_entry *entry);

/* It was here before: @seen, on an encoded @host. */
void roster_remember(struct roster_entry *entry, const char *host, uint64_t seen);

/*
 * Something came. @stamp: the sensor's clock, when it was sent, nanoseconds since
 * 1970; 0: nobody knows.
 */
void roster_received(struct roster_entry *entry, uint64_t stamp);

/*
 * A ring's account is @now. What @counted has less than that is new; it becomes
 * @now. An account that goes back, because what was not safe comes again, counts
 * from where it was.
 */
void roster_count(struct roster_entry *entry, uint32_t ring,
		  const struct roster_account *now, struct roster_account *counted);

void roster_set_lag(struct roster_entry *entry, uint32_t ring, double lag);
void roster_add_delay(struct roster_entry *entry, const struct metrics_histogram *delay);
void roster_add_missing(struct roster_entry *entry, uint64_t bytes);

/* What was counted until now has come long ago: rates begin here. */
void roster_settle(struct roster *roster);

/* Is it time to count? At least once a second while something comes. */
bool roster_is_due(struct roster *roster);

/* Everything was counted: rates, and the answer, if somebody asks. */
void roster_answer(struct roster *roster);

/* For those who ask: the answer, until roster_look_away(). NULL: there was none yet. */
const struct roster_view *roster_look(struct roster *roster);
void roster_look_away(struct roster *roster);

#endif
