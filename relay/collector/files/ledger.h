/* SPDX-License-Identifier: MIT */
/*
 * What of each ring is in which file, and the account of it. lines.h writes it
 * as text, parse.h reads that.
 */
#ifndef COLLECTOR_LEDGER_H
#define COLLECTOR_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "intervals.h"
#include "collector/records/message.h"
#include "path.h"
#include "ringfile.h"

#define LEDGER_ALL	UINT32_MAX	/* a file for all rings */
#define LEDGER_NAME_MAX	1024		/* bytes of a file's name, with its NUL */

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

/* A file that is complete, but for what is done with it then. */
struct ledger_closed {
	struct ledger_closed *next;
	uint64_t length;
	char name[];
};

/**
 * struct ledger_file - a file, and the epoch in it
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
 * @name: of the file, below the journal's folder; "": there is none just now
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
 * @closed: in the order of their end
 * @done: those of @base that are not there any more
 */
struct ledger {
	const struct ledger *base;
	uint8_t id[MESSAGE_ID_BYTES];
	bool titled;
	struct ledger_file *first, **last;
	struct ledger_closed *closed, *done;
};

/* A new file without rings' states, all zero. NULL: no memory. */
struct ledger_file *ledger_new_file(uint32_t ring_count);

/* Nobody has it in a list. */
void ledger_free_file(struct ledger_file *file);

/* May a journal name such a file? It stays below its folder. */
bool ledger_name_fine(const char *name);

/* @name is complete. Without memory the program ends. */
void ledger_close(struct ledger *ledger, const char *name, uint64_t length);

/*
 * All is done with @name: of several, with the one that was complete first. False: the
 * ledger, with its base, does not have it.
 */
bool ledger_done(struct ledger *ledger, const char *name);

/* The one of that number in a list, or NULL. */
struct ledger_file *ledger_among(struct ledger_file *file, uint32_t number);

/* Put it at the end. */
void ledger_add(struct ledger *ledger, struct ledger_file *file);

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

/*
 * Let go of the files that were synced longest ago, or declared and never since, until so
 * many are left. The ledger has no base. False: no memory.
 */
bool ledger_trim(struct ledger *ledger, size_t most);

/* Let what @over changed be so in its base, @ledger, too. */
void ledger_merge(struct ledger *ledger, struct ledger *over);

#endif
