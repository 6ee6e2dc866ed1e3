/* SPDX-License-Identifier: MIT */
/*
 * What of complete files is kept: the oldest go first, until all limits hold.
 * Files that were there before the program began count, if the template could
 * have named them; others are nobody's business. From any thread.
 */
#ifndef COLLECTOR_KEEP_H
#define COLLECTOR_KEEP_H

#include <stdbool.h>
#include <stdint.h>

struct folder;
struct template;
struct keep;

/**
 * struct keep_config - the limits; 0: none
 * @folder: where they are; outlives it, as the other does
 * @template: what names them
 * @files: of each series: those whose names differ by their times only
 * @bytes: of all complete files
 * @free: bytes that stay free in the file system
 */
struct keep_config {
	const struct folder *folder;
	const struct template *template;
	uint64_t files;
	uint64_t bytes;
	uint64_t free;
};

/*
 * Find out what is there, and let go of what is too much; of a series once it has another
 * file. NULL: it was logged.
 */
struct keep *keep_open(const struct keep_config *config);
void keep_close(struct keep *keep);

/* A file is complete. */
void keep_add(struct keep *keep, const char *name, uint64_t size);

/*
 * Its place is taken by another one of @size bytes, which @to names. False: it is not
 * there any more, for it was let go of meanwhile, or somebody took it away; the other
 * one goes, too.
 */
bool keep_replace(struct keep *keep, const char *name, const char *to, uint64_t size);

/*
 * Let go of files until as much is free as has to be. False: there are none left
 * to let go of.
 */
bool keep_room(struct keep *keep);

#endif
