/* SPDX-License-Identifier: MIT */
/*
 * Where packets of packet_streaming go: to FILE, to files beside it (path.h), or to
 * standard output. The first key owns FILE, others have files beside it; a key that
 * comes back appends to its file. Over restarts, the files' extended attributes tell
 * the owners; where there are none, the first stream that fits takes FILE over.
 */
#ifndef COLLECTOR_OUTLET_H
#define COLLECTOR_OUTLET_H

#include <limits.h>

#include "collector/call.h"
#include "collector/files/path.h"
#include "collector/files/savefile.h"
#include "collector/output.h"

/**
 * struct outlet - see above
 * @path: FILE; NULL: standard output
 * @output: standard output
 * @whose: the key of the capture whose file a path is; NULL: of none. Files of captures
 *	are not for others, not even of the same sensor
 * @context: @whose's
 * @owner: the key that FILE belongs to; "": not known yet
 * @pipe: of standard output, once begun
 * @pipe_format: its header
 */
struct outlet {
	const char *path;
	struct output *output;
	const char *(*whose)(void *context, const char *path);
	void *context;
	char owner[2 * PATH_NAME_MAX];
	struct savefile *pipe;
	struct savefile_format pipe_format;
};

/**
 * struct outlet_key - whose packets they are; names are encoded
 * @place: where its last stream left its file
 */
struct outlet_key {
	char name[PATH_NAME_MAX];
	char interface[PATH_NAME_MAX];
	char text[2 * PATH_NAME_MAX];	/* "name/interface" */
	struct savefile_place place;
};

/* May @path come into being, or be appended to? False: it was logged why not. */
bool outlet_check(const char *path);

/* Once no stream is left. */
void outlet_close(struct outlet *outlet);

/*
 * For a stream of @key, which is the only one of standard output. @path is for people.
 * NULL: @status says why.
 */
struct savefile *outlet_get(struct outlet *outlet, const struct outlet_key *key,
			    const struct savefile_format *format, char path[PATH_MAX],
			    struct call_status *status);

/* The stream is over; what it wrote was flushed. */
void outlet_put(struct outlet *outlet, struct savefile *file, struct outlet_key *key);

#endif
