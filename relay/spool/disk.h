/* SPDX-License-Identifier: MIT */
/*
 * What the spool's thread does with files: the only part that writes, maps and
 * removes them. Nothing here knows what they are for.
 */
#ifndef SPOOL_DISK_H
#define SPOOL_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/spoolfile.h"

/**
 * struct disk_write - a stretch to be written
 * @folder: the spool's
 * @fd: the file that it goes into, closed where that failed; -1: a new one
 * @at: where it begins; where the next one does
 * @header: of a new file; its id names it
 * @stretch: all but the CRC
 * @data: its bytes
 * @error: 0, or errno: then nothing of it counts
 */
struct disk_write {
	int folder;
	int fd;
	uint64_t at;
	struct spoolfile_header header;
	struct spoolfile_stretch stretch;
	const void *data;
	int error;
};

/**
 * struct disk_load - a file to be read, checked and mapped
 * @bytes: of it, that there should be
 * @map, @map_bytes: all that holds; NULL: nothing, or not possible
 * @end: the offset behind that
 * @error: 0, or errno; EBADMSG: a part of it, or all, does not hold
 */
struct disk_load {
	int folder;
	struct spoolfile_id id;
	uint64_t bytes;
	const uint8_t *map;
	uint64_t map_bytes;
	uint64_t end;
	int error;
};

/* All of it is on the disk when it returns without an error. */
void disk_write(struct disk_write *write);
void disk_load(struct disk_load *load);
void disk_unmap(const uint8_t *map, uint64_t bytes);
void disk_remove(int folder, const struct spoolfile_id *id);

#endif
