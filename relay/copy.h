/* SPDX-License-Identifier: MIT */
/*
 * What is streamed, in a savefile here, too. Stretches of rings are written as
 * they lie, up to where a head was when the relay looked; those of several rings
 * one after the other as they come. A thread of its own writes, so a slow disk
 * stalls no stream; but what it has not written keeps its place in the ring.
 *
 * What cannot be written ends the copy, after the last whole stretch where it is a
 * file: that is said, and the stream goes on.
 */
#ifndef RELAY_COPY_H
#define RELAY_COPY_H

#include <stdbool.h>
#include <stdint.h>

struct copy;
struct reader;

/*
 * Make, or empty, the file @name, "-" for standard output, for the rings of
 * @reader. NULL: the error was logged.
 */
struct copy *copy_open(const char *name, struct reader *reader);

/*
 * The reader knows its link type: write the header, and begin at the rings' tails,
 * which move no further from now on than to what was written. Once is enough.
 * @wake is called by the copy's thread when they may move, until copy_finish().
 */
void copy_start(struct copy *copy, void (*wake)(void *context), void *context);

/* Of a ring, everything before @position, between two records, is wanted. */
void copy_want(struct copy *copy, unsigned int ring, uint64_t position);

/*
 * Wait until all that is wanted is written, as long as that goes on; nobody is
 * woken any more. False: it is not; the error was logged.
 */
bool copy_finish(struct copy *copy);

/* It was finished, and the reader closed. */
void copy_close(struct copy *copy);

#endif
