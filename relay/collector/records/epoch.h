/* SPDX-License-Identifier: MIT */
/*
 * A file and what flows into it: the ring of a capture, or all of them in order
 * of time; or files that follow each other (files/series.h), of which there is
 * none before something comes. It knows records and files, but no calls.
 *
 * What is in the file ends on a record's boundary, but while a single ring's
 * call lives: then a record that is cut may be there in part.
 */
#ifndef COLLECTOR_EPOCH_H
#define COLLECTOR_EPOCH_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "collector/call.h"
#include "collector/files/journal.h"
#include "merge.h"
#include "collector/files/ringfile.h"
#include "collector/files/room.h"
#include "collector/files/series.h"
#include "collector/files/syncer.h"
#include "collector/sight/roster.h"
#include "walk.h"

/* In a Hello the boot of what came as plain packets: no ring's. */
#define EPOCH_PLAIN	"packet_streaming"

/**
 * struct epoch_ring - a ring, while the program runs
 * @stream: its call, whoever that is; NULL: none
 * @end: of that: it cannot go on
 * @received: offset of the next byte to come
 * @walk: where records end, of a single ring
 * @told: up to this offset, people know what may be there twice
 * @counted: what the roster knows
 * @lag: of the newest record, when it was written, seconds; @lag_known: and the
 *	roster does not know yet
 */
struct epoch_ring {
	struct stream *stream;
	void (*end)(struct stream *stream, const struct call_status *status);
	uint64_t received;
	struct walk walk;
	uint64_t told;
	struct roster_account counted;
	double lag;
	bool lag_known;
};

/**
 * struct epoch - a file
 * @next: in the list of its owner
 * @next_open: in its list of those that are open
 * @state: declaration, and what was written
 * @format: of the file; its snaplen may have grown
 * @declared: the journal knew it when the program started, or does since
 * @path: for people; of standard output, too
 * @file: open while something flows
 * @header: it has one
 * @merge: of several rings, or for a pipe; NULL: what comes is written at once
 * @syncer: NULL: a pipe
 * @sync: its file there; NULL: not open
 * @room: on the disk; NULL: a pipe
 * @series: files follow each other, where it has a configuration
 * @left: when its last call ended
 * @finished: and will not be back
 * @patience: after a failure, nothing but what comes lets a file be complete before
 * @dirty: the syncer has not heard all
 * @came: bytes that it has not heard of
 * @rings: as many as the capture has
 * @seat: its sensor's in the roster; NULL: there is no room, or, until it is
 *	@seated, nobody has looked
 * @delay: of what was written since the roster looked last
 * @counted_missing: of the file, bytes that the roster knows of
 */
struct epoch {
	struct epoch *next;
	struct epoch *next_open;
	struct ledger_file *state;
	struct ringfile_format format;
	bool declared;
	char path[PATH_MAX];
	struct ringfile file;
	bool header;
	struct merge *merge;
	struct syncer *syncer;
	struct sync_file *sync;
	struct room *room;
	struct series series;
	uint64_t left;
	bool finished;
	uint64_t patience;
	bool dirty;
	uint64_t came;
	struct epoch_ring *rings;
	struct roster_entry *seat;
	bool seated;
	struct metrics_histogram delay;
	uint64_t counted_missing;
};

/* Takes @state over, also when it returns NULL: no memory. */
struct epoch *epoch_new(struct ledger_file *state, const char *path);
void epoch_free(struct epoch *epoch);

/*
 * Make use of epoch->file, which was opened, or of what epoch->series begins: from
 * now on it is synced. @syncer: NULL for a pipe. False: no memory.
 */
bool epoch_open(struct epoch *epoch, struct syncer *syncer, uint64_t hold_back,
		uint64_t now);

/* Close the file, if nothing flows and all is safe. */
bool epoch_close(struct epoch *epoch);

/* A call for the ring begins: it goes on after what is written. */
void epoch_attach(struct epoch *epoch, uint32_t ring, uint64_t ring_bytes);

/* The capture's may have grown since the file began. */
void epoch_snaplen(struct epoch *epoch, uint32_t snaplen);

/* All that is written of the ring is safe, and the file declared. */
bool epoch_settled(struct epoch *epoch, uint32_t ring);

/* errno of a failure to sync, after which epoch_back() has to come; 0: none. */
int epoch_error(struct epoch *epoch);

/* Before the first byte; @start: where to begin when nothing is known. */
bool epoch_begin(struct epoch *epoch, uint32_t ring, uint64_t start,
		 struct call_status *status);

/* The sensor cannot send what is below @tail. @return how many bytes. */
uint64_t epoch_jump(struct epoch *epoch, uint32_t ring, uint64_t tail);

enum epoch_result {
	EPOCH_FINE,
	EPOCH_INVALID,		/* what came is: @status; the rest was written */
	EPOCH_FAILED,		/* cannot be written: @status; for all rings */
};

/* What came of a ring, at epoch->rings[ring].received. */
enum epoch_result epoch_receive(struct epoch *epoch, uint32_t ring,
				struct records *records, uint64_t now,
				struct call_status *status);

/* Write what is due; @all: whatever is held. */
enum epoch_result epoch_release(struct epoch *epoch, uint64_t now, bool all,
				struct call_status *status);

/* Nothing of the ring is held that is not written. */
bool epoch_drained(const struct epoch *epoch, uint32_t ring);

/* The ring's call ended; @finished: with a half-close. */
void epoch_detach(struct epoch *epoch, uint32_t ring, bool finished, uint64_t now);

/* A ring of it has a call. */
bool epoch_attached(const struct epoch *epoch);

/* What is in its file, which ends at @end, is not what was left there: say so. */
void epoch_lose(struct epoch *epoch, enum ringfile_state state, uint64_t end);

/* It cannot go on, for any of its rings: their calls end. */
void epoch_end_all(struct epoch *epoch, const struct call_status *status);

/*
 * Of a series: have a file that what comes goes to. False: errno says why there is
 * none.
 */
bool epoch_ready(struct epoch *epoch);

/* What comes next goes no further than the file that it is in, or that comes. */
void epoch_most_walked(struct epoch *epoch, struct walk *walk);
void epoch_most_merged(struct epoch *epoch);

/* Its file is complete, if it is: by its size or packets, or by the clock. */
void epoch_turn_full(struct epoch *epoch);
void epoch_turn_due(struct epoch *epoch);

/*
 * Its file is complete if nobody will write to it soon. @return when to look again,
 * as @now is, or CALL_NEVER.
 */
uint64_t epoch_turn_idle(struct epoch *epoch, uint64_t now);

/* Its file is complete, whatever it has. */
void epoch_turn(struct epoch *epoch);

/* Of a series: its file is the one open as @fd again, -1: none, as series.name says. */
void epoch_return(struct epoch *epoch, int fd);

/* Syncing failed: go back to what is safe. Nobody is attached. */
void epoch_back(struct epoch *epoch);

/* The account of a ring has changed. */
void epoch_note(struct epoch *epoch);

#endif
