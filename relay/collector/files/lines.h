/* SPDX-License-Identifier: MIT */
/*
 * A ledger (ledger.h) as lines of text, each behind a CRC-32 of it:
 *
 *	pcapring-journal 2 ID
 *	file N TIME BOOT CAPTURE RINGS RING LINKTYPE SNAPLEN ns|us le|be
 *	     =SENSOR =INTERFACE =HOST =NAME
 *	sync N TIME LENGTH RING:OFFSET:PACKETS:BYTES:ELSEWHERE:DUPLICATES:
 *	     DISORDER:DROPPED:TWICE:FIRST:LAST ...
 *	was N RING:elsewhere|duplicates|disorder|dropped:FROM:TO:NOTICED:AMOUNT:TIMES ...
 *	gone N TIME MISSING
 *	next N TIME =NAME
 *	closed LENGTH =NAME
 *	done =NAME
 *
 * "file" declares a file before anything is written to it: N is no other's,
 * RINGS is the capture's number of rings, RING the one that the file is for, or
 * * for all, NAME lies below the journal's folder, names are encoded as in paths.
 *
 * "sync" says that LENGTH bytes of it are synced, and for each ring that has
 * news since the line before, up to which offset it is in them, "-" where nothing
 * has begun, and its account: packets and bytes of packets, bytes that were
 * consumed elsewhere and that may be there twice, records out of order, packets
 * that the sensor dropped. Bytes below TWICE may be at another collector, too.
 * FIRST is the time of its oldest record, LAST of its newest.
 *
 * What an account has more than in the line before came in the interval between
 * the newest records of the two. "was" tells these intervals, in the place of
 * what the lines before have said of them (intervals.h).
 *
 * "gone": the file was not there any more, or MISSING bytes too short; it is not
 * used again.
 *
 * Where files follow each other, their NAME is empty to begin with, and "next"
 * says that the file so far, if there is one, is complete with its LENGTH: what
 * comes next of the rings is in NAME, which begins empty; or there is none yet.
 * (A file without a packet is removed.) "done": nothing has to be done any more with a
 * file that is complete; of several of that name, with the oldest. "closed" says of one
 * that something has, in a journal that was written anew.
 * The account goes on over all of them, so that a journal is no longer for a
 * million files than for one.
 *
 * TIME is when the line was written. All times are nanoseconds since 1970; 0:
 * none.
 *
 * From the first line that is damaged on, nothing counts.
 */
#ifndef COLLECTOR_LINES_H
#define COLLECTOR_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ledger.h"

#define LINES_TITLE	"pcapring-journal 2 "
#define LINES_CRC	9	/* characters before a line's text: hex, space */

extern const char *const lines_kinds[INTERVAL_KINDS];

/* CRC-32 of a line's text. */
uint32_t lines_crc(const char *text, size_t length);

/**
 * struct lines - lines, as they gather
 * @bytes: once closed: to be freed
 * @size: of @bytes
 * @stream: while open
 * @failed: something is missing in them, for want of memory
 */
struct lines {
	char *bytes;
	size_t size;
	FILE *stream;
	bool failed;
};

/* False: no memory. */
bool lines_open(struct lines *lines);

/* False: no memory; @bytes may be there. */
bool lines_close(struct lines *lines);

/*
 * Add a line. @time: as it is; @before: what the line before said, so that only
 * news is told; NULL: nothing.
 */
void lines_title(struct lines *lines, const uint8_t id[MESSAGE_ID_BYTES]);
void lines_file(struct lines *lines, const struct ledger_file *file, uint64_t time);
void lines_sync(struct lines *lines, unsigned int number, uint64_t time,
		uint64_t length, const struct ledger_ring *now,
		const struct ledger_ring *before, uint32_t ring_count);
void lines_gone(struct lines *lines, unsigned int number, uint64_t time,
		uint64_t missing);
void lines_next(struct lines *lines, unsigned int number, uint64_t time,
		const char *name);
void lines_done(struct lines *lines, const char *name);

/* All that the ledger says, in as few lines as can be. */
void lines_ledger(struct lines *lines, const struct ledger *ledger);

#endif
