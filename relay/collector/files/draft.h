/* SPDX-License-Identifier: MIT */
/*
 * Where a stream's records gather until they are worth a write. There may be
 * thousands of streams, of which most have little: each has room for some, and borrows
 * more. All drafts are of one thread.
 */
#ifndef COLLECTOR_DRAFT_H
#define COLLECTOR_DRAFT_H

#include <stdbool.h>
#include <stddef.h>

#include "collector/packets/packet.h"

/* Bytes at which a draft is handed on, and of which it borrows none. */
#define DRAFT_FULL	(256u << 10)
#define DRAFT_OWN	(16u << 10)

/**
 * struct draft - whole records
 * @used: bytes of them
 * @borrowed: memory for more than @own; NULL: none
 */
struct draft {
	size_t used;
	unsigned char *borrowed;
	unsigned char own[DRAFT_OWN];
};

/* Empty, with nothing borrowed. */
void draft_init(struct draft *draft);

unsigned char *draft_bytes(struct draft *draft);

/* The packet as a record, behind the others, while it is not full. False: no memory. */
bool draft_add(struct draft *draft, const struct packet *packet, bool nanoseconds);

/* What is in it is not needed any more. */
void draft_empty(struct draft *draft);

/* So many drafts have borrowed that all of them are better handed on. */
bool drafts_are_many(void);

#endif
