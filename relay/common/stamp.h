/* SPDX-License-Identifier: MIT */
/* A file as it was when it was looked at: whether it has changed since. */
#ifndef COMMON_STAMP_H
#define COMMON_STAMP_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct stamp - zero to begin with
 * @changed: the file's content, owner or mode, nanoseconds since the epoch: what could
 *	not be read may be readable now
 */
struct stamp {
	uint64_t device;
	uint64_t inode;
	uint64_t bytes;
	int64_t changed;
};

/*
 * How the file is now. True: it is another than before. One that is gone is about to
 * come again, under its name.
 */
bool stamp_take(struct stamp *stamp, const char *path);

#endif
