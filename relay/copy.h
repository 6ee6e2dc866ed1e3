/* SPDX-License-Identifier: MIT */
/*
 * What is streamed, in a savefile here, too: records as they lie in rings, those of
 * several rings in the order of their stamps. A thread of its own writes, so a slow
 * disk stalls no stream; but what it has not written keeps its place in the ring.
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

/*
 * Of each ring, everything before its end, between two records, is wanted. @last:
 * nothing will come later that is older than that; what was wanted before, behind
 * these ends, goes on waiting. Otherwise it is written once this is called again, with
 * ends that were looked for after these were known: what none of them has is younger.
 * NULL for @copy is none.
 */
void copy_want(struct copy *copy, const uint64_t *ends, bool last);

/* Something of what is wanted waits for that. */
bool copy_waits(const struct copy *copy);

/*
 * Nothing more will be wanted: wait until all is written and closed, as long as that
 * goes on; nobody is woken any more. False: it is not; the error was logged.
 */
bool copy_finish(struct copy *copy);

/* It was finished, and the reader closed. */
void copy_close(struct copy *copy);

#endif
