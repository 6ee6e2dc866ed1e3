/* SPDX-License-Identifier: MIT */
/*
 * A file of the spool: a stretch of a ring after the other, each as it lay in
 * the ring, and all that Hello needs to say of them. This room's part that knows
 * the format and nothing else: it neither makes nor removes files.
 *
 *	0		struct spoolfile_header, packed, SPOOLFILE_HEADER bytes
 *	1024		struct spoolfile_stretch, packed, SPOOLFILE_STRETCH bytes
 *	1088		its bytes of the ring
 *	...		the next stretch, which begins where that one ended
 *
 * The name says the same as the header: BOOT-CAPTURE-RING-OFFSET.spool, ids and
 * the offset of the first byte in hexadecimal. Nothing that a sensor is called
 * is part of it.
 *
 * Either header has a CRC of itself, a stretch's one of its bytes, too: what a
 * crash left behind the last stretch that was synced, zeroes, other files'
 * blocks or a part of what was written, is none. The file ends before the first
 * stretch that does not hold, or does not begin where the one before ended.
 *
 * Numbers are in the machine's byte order, as the records are; a file of the
 * other one is foreign.
 */
#ifndef SPOOL_SPOOLFILE_H
#define SPOOL_SPOOLFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/metadata.h"

#define SPOOLFILE_ID		16
#define SPOOLFILE_HEADER	1024
#define SPOOLFILE_STRETCH	64
#define SPOOLFILE_RINGS_MAX	64
/* Two ids, ring, offset, what stands between them, ".spool" and the NUL. */
#define SPOOLFILE_NAME		(2 * 2 * SPOOLFILE_ID + 2 + 16 + 3 + 6 + 1)

/**
 * struct spoolfile_id - what a file holds
 * @boot, @capture, @ring: as Hello names the ring
 * @offset: of the first byte
 */
struct spoolfile_id {
	uint8_t boot[SPOOLFILE_ID];
	uint8_t capture[SPOOLFILE_ID];
	uint32_t ring;
	uint64_t offset;
};

/**
 * struct spoolfile_header - and what Hello says of it
 * @created: nanoseconds since the epoch
 * @metadata: but for tsresol, which is not kept
 */
struct spoolfile_header {
	struct spoolfile_id id;
	uint32_t ring_count;
	uint32_t resolution;
	uint64_t ring_bytes;
	uint64_t created;
	struct metadata metadata;
};

/**
 * struct spoolfile_stretch - a stretch, without its bytes
 * @offset: of the first byte
 * @length: bytes
 * @dropped: as Records has it, read after the ring's head
 * @complete_until: the same, of the last byte; read before the head
 * @crc: of the bytes
 * @known: there was a collector, with this id
 */
struct spoolfile_stretch {
	uint64_t offset;
	uint64_t length;
	uint64_t dropped;
	uint64_t complete_until;
	uint32_t crc;
	bool known;
	uint8_t collector[SPOOLFILE_ID];
};

enum spoolfile_state {
	SPOOLFILE_FINE,
	SPOOLFILE_EMPTY,	/* its maker died before there was anything in it */
	SPOOLFILE_UNREADABLE,	/* the disk does not give it: errno */
	SPOOLFILE_FOREIGN,	/* not of the spool, or of another version's */
	SPOOLFILE_DAMAGED	/* was one, or says something else than its name */
};

/* The name of a file, SPOOLFILE_NAME bytes. */
void spoolfile_name(char *name, const struct spoolfile_id *id);

/* What a file is by its name. False: not a name of this spool's. */
bool spoolfile_parse(struct spoolfile_id *id, const char *name);

/* Into SPOOLFILE_HEADER bytes. */
void spoolfile_pack_header(uint8_t *out, const struct spoolfile_header *header);

/* Of a file, @id as its name says; what it says is possible. */
enum spoolfile_state spoolfile_read_header(struct spoolfile_header *header, int fd,
					   const struct spoolfile_id *id);

/* Into SPOOLFILE_STRETCH bytes. */
void spoolfile_pack_stretch(uint8_t *out, const struct spoolfile_stretch *stretch);

/*
 * From SPOOLFILE_STRETCH bytes, behind which @left bytes are. False: it is none,
 * or does not begin at @offset, or has more bytes than are there.
 */
bool spoolfile_unpack_stretch(struct spoolfile_stretch *stretch, const uint8_t *bytes,
			      uint64_t offset, uint64_t left);

/* The CRC of a stretch's bytes, from 0 on; of several pieces one by one. */
uint32_t spoolfile_crc(uint32_t crc, const void *bytes, uint64_t length);

/**
 * struct spoolfile_walk - a file, from stretch to stretch
 * @at: the end of the last one in the file; where the next one would be
 * @end: the same as offset in the ring
 * @size: of the file
 * @error: 0, or the errno of what could not be read, which may be there yet
 */
struct spoolfile_walk {
	int fd;
	uint64_t at;
	uint64_t end;
	uint64_t size;
	int error;
};

/* The file's header is fine; its first byte's offset is @offset. */
void spoolfile_walk_begin(struct spoolfile_walk *walk, int fd, uint64_t size,
			  uint64_t offset);

/* The next one; its bytes are not looked at. False: there is none, or an error. */
bool spoolfile_walk_next(struct spoolfile_walk *walk, struct spoolfile_stretch *stretch);

/*
 * Are the bytes of the stretch that the walk came to last as they were written?
 * False: they are not, or an error.
 */
bool spoolfile_walk_check(struct spoolfile_walk *walk,
			  const struct spoolfile_stretch *stretch);

#endif
