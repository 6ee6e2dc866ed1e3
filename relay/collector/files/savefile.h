/* SPDX-License-Identifier: MIT */
/*
 * Savefiles (pcap-savefile(5)) in native byte order. Records gather in a
 * draft of whole records; what is in the file always ends on a record
 * boundary as far as it can be told, after an error too.
 */
#ifndef COLLECTOR_SAVEFILE_H
#define COLLECTOR_SAVEFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/packets/packet.h"

/* The extended attribute that says whose file it is. */
#define SAVEFILE_XATTR		"user.pcapring.stream"

/* Captures are nobody's business but the owner's and the group's. */
#define SAVEFILE_MODE		0640

/* What a savefile's header states. */
struct savefile_format {
	uint32_t linktype;
	uint32_t snaplen;	/* bytes */
	bool nanoseconds;
};

/* Where a file was left: so long as it is there, it need not be walked. */
struct savefile_place {
	dev_t device;
	ino_t inode;
	off_t end;
};

struct savefile;

bool savefile_same(const struct savefile_format *a,
		   const struct savefile_format *b);

enum savefile_state {
	SAVEFILE_ABSENT,	/* not there, or empty */
	SAVEFILE_OURS,		/* may be appended to: native byte order */
	SAVEFILE_FOREIGN,	/* a savefile of the other byte order, or damaged */
	SAVEFILE_OTHER,		/* no savefile */
	SAVEFILE_LOCKED,	/* another program, or stream, writes it */
	SAVEFILE_ERROR,		/* errno says why */
};

#define SAVEFILE_OWNER_MAX	2048	/* bytes, with the NUL */

/*
 * Look at @path without a change. @format and @owner (SAVEFILE_OWNER_MAX bytes;
 * "": none) are set when it is SAVEFILE_OURS.
 */
enum savefile_state savefile_look(const char *path,
				  struct savefile_format *format, char *owner);

/*
 * Create @path, or append to it if it is SAVEFILE_OURS with this @format and
 * this @owner or none; a torn last record is cut. NULL: *@state says why;
 * SAVEFILE_OURS means another format or owner.
 */
struct savefile *savefile_open(const char *path,
			       const struct savefile_format *format,
			       const char *owner,
			       const struct savefile_place *known,
			       enum savefile_state *state);

/*
 * A savefile on standard output. When that is a pipe that nobody empties, a
 * readable @stop_fd makes it give up. NULL: errno says why.
 */
struct savefile *savefile_pipe(const struct savefile_format *format,
			       int stop_fd);

/*
 * Draft a record, or write what is drafted. False: errno says why, the file
 * is cut at a record boundary, and *@lost says what of the draft is not there. Where
 * drafts_are_many(), all files are to be flushed.
 */
struct savefile_loss {
	uint64_t packets;
	uint64_t bytes;		/* of packets, without record headers */
};

bool savefile_append(struct savefile *file, const struct packet *packet,
		     struct savefile_loss *lost);
bool savefile_flush(struct savefile *file, struct savefile_loss *lost);

/* What is still a draft is dropped: flush first. */
void savefile_close(struct savefile *file);

void savefile_where(const struct savefile *file, struct savefile_place *place);

#endif
