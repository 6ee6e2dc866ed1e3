/* SPDX-License-Identifier: MIT */
/*
 * The journal, FILE.journal: what of each ring is safe in which file. Lines of
 * text that are only ever appended, each behind a CRC-32 of it:
 *
 *	pcapring-journal 1 ID
 *	file N BOOT CAPTURE RINGS RING LINKTYPE SNAPLEN ns|us le|be
 *	     =SENSOR =INTERFACE =HOST =NAME
 *	sync N LENGTH RING:OFFSET:PACKETS:BYTES:ELSEWHERE:DUPLICATES:DISORDER:DROPPED ...
 *	gone N MISSING
 *
 * "file" declares a file before anything is written to it: RINGS is the
 * capture's number of rings, RING the one that the file is for, or * for all,
 * NAME lies in the journal's folder, names are encoded as in paths. "sync" says
 * that LENGTH bytes of it are synced, and for each ring that has news since the
 * line before, up to which offset it is in them, and its account: packets and
 * bytes of packets, bytes that were consumed elsewhere and that may be there
 * twice, records out of order, packets that the sensor dropped. "gone": the
 * file was not there any more, or MISSING bytes too short; it is not used again.
 *
 * From the first line that is damaged on, nothing counts: it is what a crash
 * left. What a sensor was told to be safe stands before.
 */
#ifndef COLLECTOR_JOURNAL_H
#define COLLECTOR_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"
#include "path.h"
#include "ringfile.h"

#define JOURNAL_ALL	UINT32_MAX	/* a file for all rings */
#define JOURNAL_NAME_MAX 256		/* bytes of a file's name, with its NUL */

/* What is there of a ring, and its account. */
struct journal_ring {
	bool known;		/* otherwise all is 0 */
	uint64_t offset;
	uint64_t packets;
	uint64_t bytes;
	uint64_t elsewhere;	/* bytes */
	uint64_t duplicates;	/* bytes */
	uint64_t disorder;	/* records */
	uint64_t dropped;	/* packets */
};

/**
 * struct journal_file - a file, and the epochs in it
 * @next: in the journal's list, in order of declaration
 * @number: which one it is
 * @boot: the boot's id
 * @capture: the capture's
 * @ring_count: rings of the capture
 * @ring: the one in the file, or JOURNAL_ALL
 * @format: of the file
 * @sensor: encoded, as are the others
 * @interface: may be empty
 * @host: may be empty
 * @name: of the file, in the journal's folder
 * @gone: it is not there any more
 * @missing: bytes that are gone with it
 * @length: bytes of the file; 0: nothing yet, not even its header
 * @rings: ring_count of them
 */
struct journal_file {
	struct journal_file *next;
	unsigned int number;
	uint8_t boot[MESSAGE_ID];
	uint8_t capture[MESSAGE_ID];
	uint32_t ring_count;
	uint32_t ring;
	struct ringfile_format format;
	char sensor[PATH_NAME_MAX];
	char interface[PATH_NAME_MAX];
	char host[PATH_NAME_MAX];
	char name[JOURNAL_NAME_MAX];
	bool gone;
	uint64_t missing;
	uint64_t length;
	struct journal_ring rings[];
};

struct journal;

/*
 * The journal beside @write. One that is not there comes into being with the
 * first commit. NULL: what is wrong was logged.
 */
struct journal *journal_open(const char *write);

/* Only to look at: nothing is locked, cut or created; it has to be there. */
struct journal *journal_read(const char *write);

void journal_close(struct journal *journal);

/* An id that nobody else has. False: it was logged. */
bool journal_random(uint8_t id[MESSAGE_ID]);

const uint8_t *journal_id(const struct journal *journal);

/* As committed; the first of the list. */
const struct journal_file *journal_files(const struct journal *journal);

/* A new file without rings' states, all zero. NULL: no memory. */
struct journal_file *journal_new_file(uint32_t ring_count);

/*
 * Lines for the next commit. @before: what the line before said, so that only
 * news is told.
 */
void journal_declare(struct journal *journal, const struct journal_file *file);
void journal_sync(struct journal *journal, unsigned int number, uint64_t length,
		  const struct journal_ring *now,
		  const struct journal_ring *before, uint32_t ring_count);
void journal_gone(struct journal *journal, unsigned int number, uint64_t missing);

/*
 * Make the lines safe. False: errno says why, none of them is there, and they
 * are forgotten.
 */
bool journal_commit(struct journal *journal);

/* Forget the lines. */
void journal_forget(struct journal *journal);

#endif
