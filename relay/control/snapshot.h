/* SPDX-License-Identifier: MIT */
/* All that a frozen capture holds, as a savefile. */
#ifndef CONTROL_SNAPSHOT_H
#define CONTROL_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct snapshot - one that is being taken
 * @path: of the savefile; NULL: it goes to standard output
 * @part: the file until it is whole
 * @chunk: bytes that can be written at once without being stuck in it
 */
struct snapshot {
	uint32_t id;
	int device;
	int signals;
	int out;
	const char *path;
	char *part;
	uint32_t chunk;
};

/* False, all: standard error has said why. */

/*
 * Open the device, and a new file beside @path ("-": standard output). From
 * here to the end of the program, signals that would end it end snapshot_copy().
 */
bool snapshot_open(struct snapshot *snapshot, uint32_t id, const char *path);

/* Read the device, whose capture is frozen, to its end. */
bool snapshot_copy(struct snapshot *snapshot);

/* Name the file, if all is @done, or remove it. True: there is a savefile. */
bool snapshot_close(struct snapshot *snapshot, bool done);

#endif
