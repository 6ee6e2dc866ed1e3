/* SPDX-License-Identifier: MIT */
/*
 * Which epoch is in which file: those that the journal knows, and those that
 * come. It knows no calls.
 */
#ifndef COLLECTOR_EPOCHS_H
#define COLLECTOR_EPOCHS_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/call.h"
#include "collector/files/store.h"
#include "collector/output.h"
#include "epoch.h"
#include "message.h"

struct epochs;

/**
 * struct epochs_config - where they are
 * @store: in which files; its @write may be "-", for standard output
 * @hold_back: nanoseconds that a record waits for older ones of other rings;
 *	0: each ring has a file of its own
 * @held: bytes that may wait for older records, of all captures
 * @output: standard output
 */
struct epochs_config {
	struct store_config store;
	uint64_t hold_back;
	uint64_t held;
	struct output *output;
};

/*
 * Read the journal, and cut files to what it says. NULL: what is wrong was
 * logged.
 */
struct epochs *epochs_open(const struct epochs_config *config);

/*
 * Begin to sync. @wake: called by another thread once more is safe, or cannot
 * be made so. False: it was logged.
 */
bool epochs_start(struct epochs *epochs, void (*wake)(void *context), void *context);

/* From now on @sync is another: nanoseconds between two rounds. */
void epochs_pace(struct epochs *epochs, uint64_t sync);

/* Sync what is new, and end that. */
void epochs_finish(struct epochs *epochs);

void epochs_close(struct epochs *epochs);

/* The collector's id, MESSAGE_ID_BYTES. */
const uint8_t *epochs_id(const struct epochs *epochs);

/* There is a journal. */
bool epochs_durable(const struct epochs *epochs);

/*
 * The epoch of a Hello, open. @key: the encoded sensor and interface,
 * "name/interface". NULL: @status says why.
 */
struct epoch *epochs_get(struct epochs *epochs, const struct hello *hello,
			 const char *key, uint64_t now, struct call_status *status);

/* Where packets go, for people. */
const char *epochs_place(const struct epochs *epochs);

/* The room that there is for them; NULL: a pipe. */
struct room *epochs_room(const struct epochs *epochs);

/* Those whose files are open: the first of a list, by next_open. */
struct epoch *epochs_opened(const struct epochs *epochs);

/* All that are known, since whenever: the first of a list, by next. */
struct epoch *epochs_first(const struct epochs *epochs);

/* Close files that nobody needs. */
void epochs_close_idle(struct epochs *epochs);

/* The key whose file @path is, until the next call. NULL: of no epoch. */
const char *epochs_whose(const struct epochs *epochs, const char *path);

#endif
