/* SPDX-License-Identifier: MIT */
/*
 * All that it takes to keep files: one with others beside it, or those that follow
 * each other in a directory; their journal, who syncs them, and who looks after the
 * disk.
 */
#ifndef COLLECTOR_STORE_H
#define COLLECTOR_STORE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "finish.h"
#include "folder.h"
#include "journal.h"
#include "keep.h"
#include "room.h"
#include "series.h"
#include "syncer.h"
#include "template.h"

/**
 * struct store_config - where they are
 * @write: FILE; NULL: @directory is there
 * @directory: files follow each other there
 * @name: template of their names; NULL: the usual one
 * @series: when they are complete; without its pointers
 * @keep: which of them stay; without its pointers
 * @finish: what is done with those that are complete; without its pointers
 * @sync: nanoseconds between two rounds of syncing; 0: as often as it can
 */
struct store_config {
	const char *write;
	const char *directory;
	const char *name;
	struct series_config series;
	struct keep_config keep;
	struct finish_config finish;
	uint64_t sync;
};

/**
 * struct store - what there is
 * @config: complete
 * @prefix: characters of config.write before the name
 * @journal: read
 * @room: on the disk
 * @syncer: from store_start() to store_finish()
 * @folder: of a directory, as the others below; NULL: there is none
 */
struct store {
	struct store_config config;
	size_t prefix;
	struct journal *journal;
	struct room *room;
	struct syncer *syncer;
	struct folder *folder;
	struct template *template;
	struct keep *keep;
	struct finish *finish;
};

/*
 * Read the journal; in a directory, complete what was left there. NULL: what is
 * wrong was logged.
 */
struct store *store_open(const struct store_config *config);

/* Begin to sync, as syncer_open() says. False: it was logged. */
bool store_start(struct store *store, void (*wake)(void *context), void *context);

/* Sync what is new, and end that. */
void store_finish(struct store *store);

void store_close(struct store *store);

/* Where packets go, for people. */
const char *store_place(const struct store *store);

/* The path of a file that the journal names. False: it is too long. */
bool store_path(const struct store *store, char path[PATH_MAX], const char *name);

#endif
