/* SPDX-License-Identifier: MIT */
/* Epochs from inside: what files (epochs.c) and standard output (epochs_pipe.c) share. */
#ifndef COLLECTOR_EPOCHS_INSIDE_H
#define COLLECTOR_EPOCHS_INSIDE_H

#include "epochs.h"

/**
 * struct epochs - all that are known
 * @held: what waits for older records
 * @store: NULL: standard output
 * @first: of all, by next
 * @opened: of those that are open, by next_open
 * @pipe: the one that standard output has; NULL: none yet
 * @id: the collector's
 * @number: of the next epoch
 * @first_number: of the first one since the program began
 * @count: of epochs
 */
struct epochs {
	struct epochs_config config;
	struct merge_budget held;
	struct store *store;
	struct epoch *first;
	struct epoch *opened;
	struct epoch *pipe;
	uint8_t id[MESSAGE_ID_BYTES];
	unsigned int number;
	unsigned int first_number;
	unsigned int count;
};

/* The one of a Hello, if there is one; *@split: each ring has its own. */
struct epoch *epochs_find(const struct epochs *epochs, const struct hello *hello, bool *split);

/* What a new one is. NULL: no memory. */
struct ledger_file *epochs_declare(const struct epochs *epochs, const struct hello *hello,
				   const char *key, bool split);

/* Let the epoch's file, which is open, be synced. False: no memory. */
bool epochs_use(struct epochs *epochs, struct epoch *epoch, uint64_t now);

/* epochs_get() on standard output. */
struct epoch *epochs_get_pipe(struct epochs *epochs, const struct hello *hello,
			      const char *key, uint64_t now, struct call_status *status);

#endif
