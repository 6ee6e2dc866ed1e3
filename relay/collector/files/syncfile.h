/* SPDX-License-Identifier: MIT */
/* A file that the syncer makes safe, from inside of it. */
#ifndef COLLECTOR_SYNCFILE_H
#define COLLECTOR_SYNCFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "turns.h"

/**
 * struct sync_state - how far things are
 * @length: of the file
 * @before: packets that the rings had before it, of files that follow each other
 * @rings: what of them is in it, or in those before it
 */
struct sync_state {
	uint64_t length;
	uint64_t before;
	struct ledger_ring *rings;
};

/**
 * struct sync_file - a file that is synced; or several, one after the other
 * @next: in the list, which the syncer's lock guards, as it does all below
 * @file: its declaration, which does not change
 * @fd: of the newest one; -1: none
 * @declared: the journal knows it
 * @news: @now differs from @safe
 * @busy: the thread is about to make @taken safe
 * @error: errno of a failure; 0: none
 * @came: bytes since @taken
 * @quarter: so many bytes are urgent
 * @turns: that came since @safe
 * @taken_turn: the first of them, and
 * @taking: so many of these, the thread's while @busy
 * @failed: errno of what could not be synced, 0: all could; the thread's while @busy
 * @now: what is written
 * @taken: a copy of it, the thread's while @busy
 * @safe: what the journal says
 */
struct sync_file {
	struct sync_file *next;
	const struct ledger_file *file;
	int fd;
	bool declared;
	bool news;
	bool busy;
	int error;
	uint64_t came;
	uint64_t quarter;
	struct turns turns;
	const struct turn *taken_turn;
	unsigned int taking;
	int failed;
	int taken_fd;
	struct sync_state now, taken, safe;
};

/* As syncer_add() has it. NULL: no memory. */
struct sync_file *syncfile_new(int fd, const struct ledger_file *declaration, bool declared);
void syncfile_free(struct sync_file *file);

void syncfile_copy(const struct sync_file *file, struct sync_state *to,
		   const struct sync_state *from);

/* Packets of all rings, so far. */
uint64_t syncfile_packets(const struct sync_file *file, const struct sync_state *state);

/* Sync what was taken. Without the lock. False: errno says why. */
bool syncfile_sync(const struct sync_file *file, const struct folder *folder);

/* Then enter it into the journal. Without the lock. */
void syncfile_enter(const struct sync_file *file, struct journal *journal);

/*
 * Back to the file of before the first turn, as syncer_reset() has it. False: there
 * was no turn.
 */
bool syncfile_return(struct sync_file *file, const struct folder *folder, int *fd, char *name);

#endif
