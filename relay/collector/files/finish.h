/* SPDX-License-Identifier: MIT */
/*
 * What is done with complete files, one after the other, by a thread of its own
 * that gives way to all others: they are compressed, and a command hears of them.
 * What a crash has interrupted is done again, as folder.h tells.
 */
#ifndef COLLECTOR_FINISH_H
#define COLLECTOR_FINISH_H

#include <stdbool.h>
#include <stdint.h>

struct folder;
struct keep;
struct finish;

/**
 * struct finish_config - what to do
 * @folder: where files are; outlives it, as @keep does
 * @keep: hears of them
 * @compress: compress them
 * @command: words, apart by blanks, to which the file's path is added; NULL: none.
 *	No shell sees them
 */
struct finish_config {
	struct folder *folder;
	struct keep *keep;
	bool compress;
	const char *command;
};

/* NULL: it was logged. */
struct finish *finish_open(const struct finish_config *config);

/*
 * Begin. @done: called by the thread once there is nothing to do any more for a
 * file. False: it was logged.
 */
bool finish_start(struct finish *finish, void (*done)(void *context, const char *name),
		  void *context);

/* A file of @size bytes is complete. From any thread. */
void finish_add(struct finish *finish, const char *name, uint64_t size);

/* One that was complete before the program began, and that @keep knows. */
void finish_again(struct finish *finish, const char *name);

/* Do what can be done in some seconds, and end; the rest is for the next start. */
void finish_stop(struct finish *finish);

void finish_close(struct finish *finish);

#endif
