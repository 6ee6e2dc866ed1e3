/* SPDX-License-Identifier: MIT */
/* A spool, for the files of this room. */
#ifndef SPOOL_INSIDE_H
#define SPOOL_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/spool.h"
#include "spool/worker.h"

/**
 * struct spool - a folder
 * @folder: open, and locked
 * @used: bytes of files, those to be written included
 * @full: what was said last
 * @retry_at: after an error, nothing is written before
 */
struct spool {
	const char *path;
	int folder;
	uint64_t max;
	uint64_t used;
	bool full;
	int64_t retry_at;
	struct spool_epoch *epochs;
	struct worker worker;
};

#endif
