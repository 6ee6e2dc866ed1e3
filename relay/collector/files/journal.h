/* SPDX-License-Identifier: MIT */
/*
 * The journal, FILE.journal: a ledger on disk. Its lines are only ever appended,
 * and synced before anybody relies on them: from the first that is damaged on,
 * there is only what a crash left. What a sensor was told to be safe stands
 * before.
 */
#ifndef COLLECTOR_JOURNAL_H
#define COLLECTOR_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger.h"

struct journal;

/* The name of @write whose journal is that of a directory: @directory/NAME. */
#define JOURNAL_DIRECTORY	".pcapring"

/*
 * The journal beside @write. One that is not there comes into being with the
 * first commit. NULL: what is wrong was logged.
 */
struct journal *journal_open(const char *write);

/* Only to look at: nothing is locked, cut or created; it has to be there. */
struct journal *journal_read(const char *write);

void journal_close(struct journal *journal);

/* An id that nobody else has. False: it was logged. */
bool journal_random(uint8_t id[MESSAGE_ID_BYTES]);

const uint8_t *journal_id(const struct journal *journal);

/* As committed; the first of the list. */
const struct ledger_file *journal_files(const struct journal *journal);
const struct ledger_closed *journal_closed(const struct journal *journal);

/*
 * Lines for the next commit. @before: what the line before said, so that only
 * news is told.
 */
void journal_declare(struct journal *journal, const struct ledger_file *file);
void journal_sync(struct journal *journal, unsigned int number, uint64_t length,
		  const struct ledger_ring *now,
		  const struct ledger_ring *before, uint32_t ring_count);
void journal_gone(struct journal *journal, unsigned int number, uint64_t missing);
void journal_next(struct journal *journal, unsigned int number, const char *name);
void journal_done(struct journal *journal, const char *name);

/*
 * Make the lines safe. False: errno says why, none of them is there, and they
 * are forgotten. EBADMSG: they could not be read again, which was logged.
 */
bool journal_commit(struct journal *journal);

/*
 * Write it anew with no more than @most files, without those that are the oldest; lines
 * must not be pending, and the program has to end if it fails. False: errno says why.
 */
bool journal_trim(struct journal *journal, size_t most);

#endif
