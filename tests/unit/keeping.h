/* SPDX-License-Identifier: MIT */
/* A spool in a folder of its own, and what a test keeps there. */
#ifndef UNIT_KEEPING_H
#define UNIT_KEEPING_H

#include <stdbool.h>
#include <stdint.h>

#include "channel/extent.h"
#include "spool/spool.h"

#define START		4000000000
#define KEEPING_BYTES	(1 << 20)

struct keeping {
	char path[64];
	struct spool *spool;
	struct spool_epoch *epoch;
	struct extents ring;
};

/* Every position has its byte, whatever the ring; positions begin at START. */
extern uint8_t keeping_data[KEEPING_BYTES];

/* What is captured: two rings. */
extern const struct spoolfile_header keeping_live;

/* A new folder, and its spool; another spool in the same one; both go. */
void keeping_begin(struct keeping *f, uint64_t max);
void keeping_open(struct keeping *f, uint64_t max);
void keeping_end(struct keeping *f);

/* The relay ends, and comes again. */
void keeping_restart(struct keeping *f);

/* How many files there are. @last: the path of the last one; NULL: it is not wanted. */
unsigned int keeping_files(const struct keeping *f, char *last);

/* Have a stretch of a ring written, and wait for it. False: not now. */
bool keeping_try(struct keeping *f, unsigned int ring, uint64_t from, uint64_t to);
void keeping_keep(struct keeping *f, unsigned int ring, uint64_t from, uint64_t to);

/* Everything from @from to @to is there, and all that is known of it. */
void keeping_check(struct keeping *f, struct spool_ring *ring, uint64_t from, uint64_t to);

void keeping_acknowledge(struct keeping *f, unsigned int ring, uint64_t offset);

#endif
