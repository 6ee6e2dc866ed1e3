/* SPDX-License-Identifier: MIT */
/* What a folder holds when the relay starts. */
#ifndef SPOOL_SCAN_H
#define SPOOL_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/spoolfile.h"

/**
 * struct scan_file - a file in which something holds
 * @header: what it says of itself
 * @end: the offset behind its last byte
 * @bytes: of the file, as far as it holds
 * @newest: its last stretch
 * @error: 0, or the errno of what could not be read: more may be behind @bytes
 */
struct scan_file {
	struct spoolfile_header header;
	uint64_t end;
	uint64_t bytes;
	struct spoolfile_stretch newest;
	int error;
};

/*
 * Tell @found of each file, those of a ring in order; cut what a crash left at
 * the end of a ring's last one; remove those that never held anything. What is
 * not of the spool, damaged, or cannot be read, is named in the log and left alone.
 * False: the folder cannot be read, which was logged.
 */
bool scan_folder(int folder, const char *path,
		 void (*found)(void *context, const struct scan_file *file), void *context);

#endif
