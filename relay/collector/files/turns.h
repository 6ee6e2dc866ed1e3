/* SPDX-License-Identifier: MIT */
/* Files that follow each other, between two rounds of syncing (folder.h). */
#ifndef COLLECTOR_TURNS_H
#define COLLECTOR_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "journal.h"

struct finish;
struct folder;

/**
 * struct turn - one file is complete, another one follows
 * @next: the turn after this one
 * @fd: of the one that is complete; -1: there was none
 * @length: its bytes
 * @rings: what of them is in it
 * @before: its name, "": there was none
 * @name: of the one that follows; "": none does
 */
struct turn {
	struct turn *next;
	int fd;
	uint64_t length;
	struct ledger_ring *rings;
	char before[LEDGER_NAME_MAX];
	char name[LEDGER_NAME_MAX];
};

/* The oldest first. All zero to begin with. */
struct turns {
	struct turn *first;
	unsigned int count;
};

/* NULL: no memory. */
struct turn *turns_new(const char *before, const char *name, uint32_t ring_count);
void turns_add(struct turns *turns, struct turn *turn);

/* The oldest is over: its descriptor is closed. */
void turns_drop(struct turns *turns);

/*
 * Of these, @count turns from @turn on are meant; more may be added behind them by
 * another thread meanwhile.
 *
 * Sync their files, and the ways to their names. False: errno says why.
 */
bool turns_sync(const struct turn *turn, unsigned int count, const struct folder *folder);

/* Enter them into the journal, as @file's; @rings: what was safe before. */
void turns_enter(const struct turn *turn, unsigned int count, struct journal *journal,
		 const struct ledger_file *file, const struct ledger_ring *rings);

/* These are in the journal: let files have the names that tell so. */
void turns_rename(const struct turn *turn, unsigned int count,
		  const struct folder *folder, struct finish *finish);

#endif
