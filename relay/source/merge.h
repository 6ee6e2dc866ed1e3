/* SPDX-License-Identifier: MIT */
/*
 * The records of all rings of a capture in the order of their stamps, as a
 * source. Best effort: a record that enters a ring after younger ones were
 * taken from others comes late.
 */
#ifndef RELAY_MERGE_H
#define RELAY_MERGE_H

#include "source.h"

struct reader;

/**
 * struct merge - a reader's rings as one source
 * @source: what the relay sees of it
 * @reader: whose rings
 * @stale: a ring ran out: heads have to be loaded before the next choice
 * @broken: a ring is corrupted; nothing more is taken
 * @next: for each ring, its next record, where stamp is not MERGE_NONE
 */
struct merge {
	struct source source;
	struct reader *reader;
	bool stale;
	bool broken;
	struct merge_next {
		uint64_t stamp;
		struct pcapring_record header;
	} next[PCAPRING_RINGS_MAX];
};

/* @reader outlives @merge. */
void merge_open(struct merge *merge, struct reader *reader);

#endif
