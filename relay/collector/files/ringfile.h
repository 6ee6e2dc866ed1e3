/* SPDX-License-Identifier: MIT */
/*
 * A savefile that takes a ring's bytes as they are: in the byte order and
 * resolution of who wrote them. It knows nothing of records.
 */
#ifndef COLLECTOR_RINGFILE_H
#define COLLECTOR_RINGFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/pieces.h"

#define RINGFILE_HEADER	24	/* bytes before the first record */

/* What the savefile's header states, and in which byte order. */
struct ringfile_format {
	uint32_t linktype;
	uint32_t snaplen;	/* bytes */
	bool microseconds;	/* otherwise nanoseconds */
	bool big_endian;
};

enum ringfile_state {
	RINGFILE_FINE,
	RINGFILE_SHORT,		/* or not there */
	RINGFILE_OTHER,		/* not the file that was left there */
	RINGFILE_LOCKED,	/* another program, or stream, writes it */
	RINGFILE_ERROR,		/* errno says why */
};

/**
 * struct ringfile - an open file
 * @fd: its descriptor; -1: not open
 * @stop_fd: of a pipe: readable once the program has to stop; -1: a file
 * @end: bytes in it
 */
struct ringfile {
	int fd;
	int stop_fd;
	uint64_t end;
};

bool ringfile_swapped(const struct ringfile_format *format);

/* May records of @b be in a file of @a? A file's snaplen may grow. */
bool ringfile_same(const struct ringfile_format *a,
		   const struct ringfile_format *b);

/*
 * Create @path, or take it when it is empty; lock it; note @owner in it, as
 * savefile.h does. False: errno says why; EEXIST: there is something.
 */
bool ringfile_create(struct ringfile *file, const char *path, const char *owner);

/*
 * Open and lock @path, in which @length bytes are known. What is beyond is left
 * for ringfile_cut(). A file of which nothing is known may be absent.
 */
enum ringfile_state ringfile_open(struct ringfile *file, const char *path,
				  const struct ringfile_format *format,
				  uint64_t length);

/* Standard output. False: errno says why. */
bool ringfile_pipe(struct ringfile *file, int stop_fd);

/* Write the header, into an empty file. */
bool ringfile_start(struct ringfile *file, const struct ringfile_format *format);

/* State a larger snaplen in the header. */
bool ringfile_snaplen(struct ringfile *file, const struct ringfile_format *format);

/*
 * Write all of the pieces, which change. False: errno says why, and the file
 * ends where it did; a pipe does not.
 */
bool ringfile_append(struct ringfile *file, struct pieces *pieces);

/* False: errno says why; what follows is overwritten by what comes next. */
bool ringfile_cut(struct ringfile *file, uint64_t length);

void ringfile_close(struct ringfile *file);

#endif
