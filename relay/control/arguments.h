/* SPDX-License-Identifier: MIT */
/* Words of the command line, after the command, to what they ask for. */
#ifndef CONTROL_ARGUMENTS_H
#define CONTROL_ARGUMENTS_H

#include "control/capture.h"

#define ARGUMENTS_ALL	UINT32_MAX	/* no N given: all captures */

/* @interval: seconds between two lines, 0: once */
struct arguments_view {
	uint32_t id;
	uint32_t interval;
	bool json;
};

/*
 * @interval: nanoseconds
 * @count: looks, 0: without end
 */
struct arguments_top {
	uint64_t interval;
	uint32_t count;
};

/* False, all: standard error has said what is wrong and what would not be. */

/* "IFACE [KEY VALUE]... [filter EXPR | filter bpf PATH]" */
bool arguments_add(struct capture_request *request, char **words);

/* "N KEY VALUE... [filter EXPR | filter bpf PATH | filter none]" */
bool arguments_set(struct capture_request *request, char **words);

/*
 * One KEY, "limit packets" as well, and its VALUE; @command: what to begin with
 * if one of them is wrong.
 */
bool arguments_pair(struct capture_request *request, const char *command,
		    const char *name, const char *value);

/* "N", of del, freeze and thaw */
bool arguments_one(uint32_t *id, const char *command, char **words);

/* "N FILE" */
bool arguments_snapshot(uint32_t *id, const char **path, char **words);

/* "[FILE]"; without it, @path is left as it is */
bool arguments_file(const char **path, const char *command, char **words);

/* "[N] [--json] [--interval SECONDS]", as far as @command takes them */
bool arguments_view(struct arguments_view *view, const char *command, char **words);

/* "[-d|--interval SECONDS] [-n|--count N]" */
bool arguments_top(struct arguments_top *top, char **words);

#endif
