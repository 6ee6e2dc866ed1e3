// SPDX-License-Identifier: MIT
/* epoch.h's files that follow each other. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/files/folder.h"
#include "epoch.h"

/*
 * Turns that may be there before the first of them is safe, then the newest file grows:
 * each holds a descriptor, and a sensor cannot be told to wait. Two of them are a file,
 * its end and the beginning of the one that follows.
 */
#define EPOCH_TURNS		(2 * 64)

/* A sensor that is away for so long, in nanoseconds, leaves a file behind. */
#define EPOCH_AWAY		UINT64_C(60000000000)

static bool epoch_follow(struct epoch *epoch)
{
	struct series *series = &epoch->series;

	if (!ringfile_start(&epoch->file, &epoch->format))
		return false;
	errno = ENOMEM;
	return syncer_turn(epoch->syncer, epoch->sync, epoch->file.fd, RINGFILE_HEADER, "",
			   series->name);
}

/* For people: where it is, or will be. */
static void epoch_name(struct epoch *epoch)
{
	const struct series *series = &epoch->series;

	snprintf(epoch->path, sizeof(epoch->path), "%s%s%s",
		 folder_path(series->config->folder), *series->name ? "/" : "", series->name);
}

void epoch_return(struct epoch *epoch, int fd)
{
	epoch->file.fd = fd;
	epoch_name(epoch);
}

bool epoch_ready(struct epoch *epoch)
{
	struct series *series = &epoch->series;
	int error;

	if (!series->config || *series->name)
		return true;
	epoch->file.fd = series_begin(series, epoch->state);
	epoch->file.end = 0;
	if (epoch->file.fd < 0)
		return false;
	epoch_name(epoch);
	if (epoch_follow(epoch)) {
		epoch->state->length = RINGFILE_HEADER;
		epoch->header = true;
		return true;
	}
	error = errno;
	ringfile_close(&epoch->file);
	folder_forget(series->config->folder, series->name);
	series_end(series);
	errno = error;
	return false;
}

/* What is there of it ends on a record. */
static bool epoch_whole(const struct epoch *epoch)
{
	return epoch->file.end == epoch->state->length;
}

/* By the clock. */
static bool epoch_due(const struct epoch *epoch)
{
	return epoch->series.due != UINT64_MAX && series_now() >= epoch->series.due;
}

static bool epoch_busy(struct epoch *epoch)
{
	return syncer_turns(epoch->syncer, epoch->sync) >= EPOCH_TURNS;
}

/* As series_most() says. UINT64_MAX: it has no end. */
static void epoch_most(struct epoch *epoch, uint64_t *packets, uint64_t *bytes)
{
	const struct series *series = &epoch->series;

	*packets = *bytes = UINT64_MAX;
	if (!series->config || epoch_busy(epoch))
		return;
	series_most(series, epoch->state->length, packets, bytes);
	if (*series->name && epoch_due(epoch))
		*packets = 1;	/* what came last has to end first */
}

void epoch_most_walked(struct epoch *epoch, struct walk *walk)
{
	uint64_t packets, bytes;

	epoch_most(epoch, &packets, &bytes);
	walk->full = false;
	walk->most_packets = packets;
	walk->most_offset = bytes < UINT64_MAX - walk->boundary ? walk->boundary + bytes :
								  UINT64_MAX;
}

void epoch_most_merged(struct epoch *epoch)
{
	uint64_t packets, bytes;

	epoch_most(epoch, &packets, &bytes);
	merge_most(epoch->merge, packets, bytes);
}

void epoch_turn(struct epoch *epoch)
{
	struct series *series = &epoch->series;

	if (!*series->name)
		return;
	epoch_note(epoch);
	if (!syncer_turn(epoch->syncer, epoch->sync, -1, 0, series->name, ""))
		return;		/* no memory: at the next chance */
	series_end(series);
	epoch->file.fd = -1;	/* the syncer's */
	epoch->file.end = 0;
	epoch->state->length = 0;
	epoch->header = false;
}

void epoch_turn_full(struct epoch *epoch)
{
	const struct series *series = &epoch->series;

	if (series->config && *series->name && epoch_whole(epoch) && !epoch_busy(epoch) &&
	    (series_full(series, epoch->state->length) || epoch_due(epoch)))
		epoch_turn(epoch);
}

void epoch_turn_due(struct epoch *epoch)
{
	const struct series *series = &epoch->series;

	if (series->config && *series->name && epoch_whole(epoch) && epoch_due(epoch) &&
	    !epoch_busy(epoch))
		epoch_turn(epoch);
}

static bool epoch_idle(struct epoch *epoch)
{
	for (uint32_t i = 0; i < epoch->state->ring_count; i++)
		if (epoch->rings[i].stream || !epoch_drained(epoch, i))
			return false;
	return true;
}

uint64_t epoch_turn_idle(struct epoch *epoch, uint64_t now)
{
	const struct series *series = &epoch->series;
	uint64_t clock = series_now(), due = CALL_NEVER;
	bool idle;

	if (!series->config || !*series->name)
		return due;
	if (now < epoch->patience)
		return epoch->patience;
	idle = epoch_idle(epoch);
	if (epoch_whole(epoch) && (clock >= series->due ||
	    (idle && (epoch->finished || now - epoch->left >= EPOCH_AWAY)))) {
		epoch_turn(epoch);
		return due;
	}
	if (series->due != UINT64_MAX && clock < series->due)
		due = now + (series->due - clock);
	if (idle && epoch->left + EPOCH_AWAY < due)
		due = epoch->left + EPOCH_AWAY;
	return due;
}
