// SPDX-License-Identifier: MIT
#include "collector/sight/roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "common/log.h"

#define ROSTER_BUCKETS		1024
#define ROSTER_PATIENCE_MS	1000
#define ROSTER_TICK		CLOCK_SECOND
/* Rates are over one to two of these. */
#define ROSTER_RATE		(5 * CLOCK_SECOND)
/* The least difference of clocks is looked for in one to two of these. */
#define ROSTER_CLOCK		(30 * CLOCK_SECOND)

/* What had come by a time; CLOCK_MONOTONIC. */
struct roster_mark {
	int64_t time;
	uint64_t packets;
	uint64_t bytes;
};

/**
 * struct roster_clock - how much later than its stamp something came: the way, and
 *	the difference of clocks. The least of it is nearest to that
 * @until: when @least becomes @before, CLOCK_MONOTONIC
 */
struct roster_clock {
	int64_t until;
	int64_t least;
	int64_t before;
};

/**
 * struct roster_entry - a sensor
 * @row: @row.rings is @rings
 * @packets, @bytes: of all rings
 * @marks: the older one first
 */
struct roster_entry {
	struct roster_entry *next;
	struct roster_entry *same;	/* hash */
	struct roster_sensor row;
	struct roster_ring rings[ROSTER_RINGS_MAX];
	uint64_t packets;
	uint64_t bytes;
	struct roster_mark marks[2];
	struct roster_clock clock;
};

/**
 * struct roster - all of them
 * @due: when rates want to be looked at; CLOCK_MONOTONIC
 * @started: others may ask
 */
struct roster {
	struct ask ask;
	bool started;
	struct roster_entry *first;
	struct roster_entry *buckets[ROSTER_BUCKETS];
	size_t count;
	uint64_t unlisted;
	int64_t due;
	struct roster_view view;
};

struct roster *roster_open(void)
{
	struct roster *roster = calloc(1, sizeof(*roster));

	if (!roster)
		log_error("out of memory");
	return roster;
}

void roster_close(struct roster *roster)
{
	struct roster_entry *next;

	for (struct roster_entry *entry = roster->first; entry; entry = next) {
		next = entry->next;
		free(entry);
	}
	if (roster->started)
		ask_free(&roster->ask);
	free(roster->view.sensors);
	free(roster->view.rings);
	free(roster);
}

void roster_start(struct roster *roster, void (*wake)(void *context), void *context)
{
	ask_open(&roster->ask, wake, context);
	roster->started = true;
}

void roster_stop(struct roster *roster)
{
	ask_close(&roster->ask);
}

/* FNV-1a */
static unsigned int roster_hash(const char *name, const char *interface)
{
	uint32_t hash = 0x811c9dc5;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x01000193;
	hash *= 0x01000193;
	for (; *interface; interface++)
		hash = (hash ^ (unsigned char)*interface) * 0x01000193;
	return hash % ROSTER_BUCKETS;
}

static void roster_begin(struct roster_entry *entry)
{
	entry->clock = (struct roster_clock) {
		.until = clock_now() + ROSTER_CLOCK,
		.least = INT64_MAX,
		.before = INT64_MAX,
	};
	entry->marks[0] = entry->marks[1] = (struct roster_mark) { .time = clock_now() };
}

struct roster_entry *roster_get(struct roster *roster, const char *name,
				const char *interface)
{
	struct roster_entry **bucket = &roster->buckets[roster_hash(name, interface)];
	struct roster_entry *entry = *bucket, **at = &roster->first;

	while (entry && (strcmp(entry->row.name, name) ||
			 strcmp(entry->row.interface, interface)))
		entry = entry->same;
	if (entry)
		return entry;
	entry = roster->count < ROSTER_MAX ? calloc(1, sizeof(*entry)) : NULL;
	if (!entry) {
		roster->unlisted++;
		return NULL;
	}
	snprintf(entry->row.name, sizeof(entry->row.name), "%s", name);
	snprintf(entry->row.interface, sizeof(entry->row.interface), "%s", interface);
	entry->row.rings = entry->rings;
	roster_begin(entry);
	entry->same = *bucket;
	*bucket = entry;
	while (*at && (strcmp((*at)->row.name, name) < 0 ||
		       (!strcmp((*at)->row.name, name) &&
			strcmp((*at)->row.interface, interface) < 0)))
		at = &(*at)->next;
	entry->next = *at;
	*at = entry;
	roster->count++;
	return entry;
}

void roster_join(struct roster_entry *entry, const char *host, const char *version)
{
	char cut[ROSTER_VERSION_MAX / 3];

	if (!entry)
		return;
	entry->row.streams++;
	entry->row.seen = clock_read(CLOCK_REALTIME);
	path_encode(host, entry->row.host);
	snprintf(cut, sizeof(cut), "%s", version);
	path_encode(cut, entry->row.version);
}

void roster_leave(struct roster_entry *entry)
{
	if (!entry)
		return;
	entry->row.streams--;
	entry->row.seen = clock_read(CLOCK_REALTIME);
}

void roster_remember(struct roster_entry *entry, const char *host, uint64_t seen)
{
	if (!entry || entry->row.streams)
		return;
	if (seen > entry->row.seen)
		entry->row.seen = seen;
	snprintf(entry->row.host, sizeof(entry->row.host), "%s", host);
}

void roster_received(struct roster_entry *entry, uint64_t stamp)
{
	struct roster_clock *clock;
	int64_t now, later;

	if (!entry)
		return;
	entry->row.received = clock_read(CLOCK_REALTIME);
	if (!stamp)
		return;
	clock = &entry->clock;
	later = entry->row.received - stamp;
	now = clock_now();
	if (now >= clock->until) {
		clock->before = clock->least;
		clock->least = INT64_MAX;
		clock->until = now + ROSTER_CLOCK;
	}
	if (later < clock->least)
		clock->least = later;
}

static void roster_grow(struct roster_entry *entry, uint32_t ring)
{
	while (entry->row.ring_count <= ring)
		entry->rings[entry->row.ring_count++].lag = -1;
	entry->rings[ring].known = true;
}

void roster_count(struct roster_entry *entry, uint32_t ring,
		  const struct roster_account *now, struct roster_account *counted)
{
	const uint64_t *news = (const uint64_t *)now;
	uint64_t *had = (uint64_t *)counted, *all;
	struct roster_account before;

	if (!entry || ring >= ROSTER_RINGS_MAX)
		return;
	roster_grow(entry, ring);
	before = *counted;
	all = (uint64_t *)&entry->rings[ring].account;
	for (size_t i = 0; i < sizeof(*now) / sizeof(*news); i++)
		if (news[i] > had[i]) {
			all[i] += news[i] - had[i];
			had[i] = news[i];
		}
	entry->packets += counted->packets - before.packets;
	entry->bytes += counted->bytes - before.bytes;
}

void roster_set_lag(struct roster_entry *entry, uint32_t ring, double lag)
{
	if (entry && ring < entry->row.ring_count)
		entry->rings[ring].lag = lag;
}

void roster_add_delay(struct roster_entry *entry, const struct metrics_histogram *delay)
{
	if (entry)
		metrics_add(&entry->row.delay, delay);
}

void roster_add_missing(struct roster_entry *entry, uint64_t bytes)
{
	if (entry)
		entry->row.missing += bytes;
}

static struct roster_mark roster_mark(const struct roster_entry *entry, int64_t now)
{
	return (struct roster_mark) { now, entry->packets, entry->bytes };
}

void roster_settle(struct roster *roster)
{
	int64_t now = clock_now();

	for (struct roster_entry *entry = roster->first; entry; entry = entry->next)
		entry->marks[0] = entry->marks[1] = roster_mark(entry, now);
}

bool roster_is_due(struct roster *roster)
{
	return clock_now() >= roster->due ||
	       (roster->started && __atomic_load_n(&roster->ask.wanted, __ATOMIC_RELAXED));
}

static void roster_rate(struct roster_entry *entry, int64_t now)
{
	struct roster_mark *marks = entry->marks;
	double seconds = (double)(now - marks[0].time) / CLOCK_SECOND;

	if (seconds > 0) {
		entry->row.packets_rate = (double)(entry->packets - marks[0].packets) / seconds;
		entry->row.bytes_rate = (double)(entry->bytes - marks[0].bytes) / seconds;
	}
	if (now - marks[1].time < ROSTER_RATE)
		return;
	marks[0] = marks[1];
	marks[1] = roster_mark(entry, now);
}

/* Room in the answer for what there is; without, it stays as it was. */
static bool roster_make_room(struct roster *roster)
{
	struct roster_view *view = &roster->view;
	size_t rings = 0;
	void *memory;

	for (struct roster_entry *entry = roster->first; entry; entry = entry->next)
		rings += entry->row.ring_count;
	memory = reallocarray(view->sensors, roster->count + 1, sizeof(*view->sensors));
	if (!memory)
		return false;
	view->sensors = memory;
	memory = reallocarray(view->rings, rings + 1, sizeof(*view->rings));
	if (!memory)
		return false;
	view->rings = memory;
	return true;
}

static void roster_write_row(const struct roster_entry *entry, uint64_t now,
			     struct roster_sensor *row, struct roster_ring *rings)
{
	const struct roster_clock *clock = &entry->clock;
	int64_t least = clock->least < clock->before ? clock->least : clock->before;

	*row = entry->row;
	if (row->streams)
		row->seen = now;
	row->clock_known = least != INT64_MAX;
	row->clock = row->clock_known ? -(double)least / CLOCK_SECOND : 0;
	row->rings = rings;
	memcpy(rings, entry->rings, row->ring_count * sizeof(*rings));
}

static void roster_write(struct roster *roster)
{
	struct roster_view *view = &roster->view;
	uint64_t now = clock_read(CLOCK_REALTIME);
	struct roster_ring *rings = view->rings;

	view->time = now;
	view->unlisted = roster->unlisted;
	view->count = 0;
	for (struct roster_entry *entry = roster->first; entry; entry = entry->next) {
		roster_write_row(entry, now, &view->sensors[view->count++], rings);
		rings += entry->row.ring_count;
	}
}

void roster_answer(struct roster *roster)
{
	int64_t now = clock_now();

	for (struct roster_entry *entry = roster->first; entry; entry = entry->next)
		roster_rate(entry, now);
	roster->due = now + ROSTER_TICK;
	if (!roster->started || !ask_accept(&roster->ask))
		return;
	if (roster_make_room(roster))
		roster_write(roster);
	ask_answer(&roster->ask);
}

const struct roster_view *roster_look(struct roster *roster)
{
	ask_begin(&roster->ask, ROSTER_PATIENCE_MS);
	if (roster->view.time)
		return &roster->view;
	ask_end(&roster->ask);
	return NULL;
}

void roster_look_away(struct roster *roster)
{
	ask_end(&roster->ask);
}
