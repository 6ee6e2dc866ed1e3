/* SPDX-License-Identifier: MIT */
/*
 * Rings of an epoch that is past, of which the spool has all that is left: calls
 * of their own beside those of the capture, one epoch at a time.
 */
#ifndef RELAY_PAST_H
#define RELAY_PAST_H

struct past;
struct records;

/* For a run with a spool. */
struct past *past_new(struct records *records);
void past_free(struct past *past);

/*
 * Where the calls of one epoch have all ended for good, make those of the next,
 * behind the capture's, with records->count.
 */
void past_begin(struct past *past);

#endif
