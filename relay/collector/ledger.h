/* SPDX-License-Identifier: MIT */
/*
 * What of each ring is in which file, and the account of it, as lines of text,
 * each behind a CRC-32 of it:
 *
 *	pcapring-journal 2 ID
 *	file N TIME BOOT CAPTURE RINGS RING LINKTYPE SNAPLEN ns|us le|be
 *	     =SENSOR =INTERFACE =HOST =NAME
 *	sync N TIME LENGTH RING:OFFSET:PACKETS:BYTES:ELSEWHERE:DUPLICATES:
 *	     DISORDER:DROPPED:TWICE:FIRST:LAST ...
 *	was N RING:elsewhere|duplicates|disorder|dropped:FROM:TO:NOTICED:AMOUNT:TIMES ...
 *	gone N TIME MISSING
 *
 * "file" declares a file before anything is written to it: N is no other's,
 * RINGS is the capture's number of rings, RING the one that the file is for, or
 * * for all, NAME lies in the journal's folder, names are encoded as in paths.
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
 * TIME is when the line was written. All times are nanoseconds since 1970; 0:
 * none.
 *
 * From the first line that is damaged on, nothing counts.
 */
#ifndef COLLECTOR_LEDGER_H
#define COLLECTOR_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "intervals.h"
#include "message.h"
#include "path.h"
#include "ringfile.h"

#define LEDGER_ALL	UINT32_MAX	/* a file for all rings */
#define LEDGER_NAME_MAX	256		/* bytes of a file's name, with its NUL */

/* What is there of a ring, and its account. */
struct ledger_ring {
	bool known;		/* otherwise all is 0, but for @twice */
	uint64_t offset;
	uint64_t packets;
	uint64_t bytes;
	uint64_t elsewhere;	/* bytes */
	uint64_t duplicates;	/* bytes */
	uint64_t disorder;	/* records */
	uint64_t dropped;	/* packets */
	uint64_t twice;		/* offset: what lies below may be at another, too */
	uint64_t first, last;	/* times of the oldest and newest record */
};

/**
 * struct ledger_file - a file, and the epochs in it
 * @next: in the ledger's list, in order of declaration
 * @number: which one it is
 * @boot: the boot's id
 * @capture: the capture's
 * @ring_count: rings of the capture
 * @ring: the one in the file, or LEDGER_ALL
 * @format: of the file
 * @sensor: encoded, as are the others
 * @interface: may be empty
 * @host: may be empty
 * @name: of the file, in the journal's folder
 * @since: when it was declared
 * @gone: it is not there any more
 * @lost: when that was found out
 * @missing: bytes that are gone with it
 * @synced: when that was last
 * @length: bytes of the file; 0: nothing yet, not even its header
 * @intervals: of what the rings account for; the ledger's own matter
 * @rings: ring_count of them
 */
struct ledger_file {
	struct ledger_file *next;
	unsigned int number;
	uint8_t boot[MESSAGE_ID_BYTES];
	uint8_t capture[MESSAGE_ID_BYTES];
	uint32_t ring_count;
	uint32_t ring;
	struct ringfile_format format;
	char sensor[PATH_NAME_MAX];
	char interface[PATH_NAME_MAX];
	char host[PATH_NAME_MAX];
	char name[LEDGER_NAME_MAX];
	uint64_t since;
	bool gone;
	uint64_t lost;
	uint64_t missing;
	uint64_t synced;
	uint64_t length;
	struct intervals intervals;
	struct ledger_ring rings[];
};

/**
 * struct ledger - what lines say
 * @id: the collector's
 * @titled: there was a first line, which tells it
 * @base: the files that its own take the place of; NULL: none
 * @first: the files
 * @last: where the next one goes
 */
struct ledger {
	const struct ledger *base;
	uint8_t id[MESSAGE_ID_BYTES];
	bool titled;
	struct ledger_file *first, **last;
};

/* A new file without rings' states, all zero. NULL: no memory. */
struct ledger_file *ledger_new_file(uint32_t ring_count);

/* Nobody has it in a list. */
void ledger_free_file(struct ledger_file *file);

/* Is there anything to tell of them? */
bool ledger_told(const struct ledger_ring *rings, uint32_t ring_count);

/* NULL: no memory. */
struct ledger_file *ledger_copy_file(const struct ledger_file *file);

/*
 * Without files of its own; what lines change of @base's are copies. @base
 * outlives it, unchanged.
 */
void ledger_init(struct ledger *ledger, const struct ledger *base);
void ledger_free(struct ledger *ledger);

/* Let what @over changed be so in its base, @ledger, too. */
void ledger_merge(struct ledger *ledger, struct ledger *over);

/*
 * Take lines over. @return how many bytes of @text, which changes, are valid
 * lines.
 */
size_t ledger_parse(struct ledger *ledger, char *text, size_t size);

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

/* All that the ledger says, in as few lines as can be. */
void lines_ledger(struct lines *lines, const struct ledger *ledger);

#endif
