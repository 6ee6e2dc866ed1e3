/* SPDX-License-Identifier: MIT */
/*
 * What relays leave on a ring's consumer page for those to come: to whom bytes
 * went, and how far. They are for one version of this program; a relay that
 * finds none, or others, knows nothing.
 *
 *	0	struct notes_slot, 64 bytes
 *	64	struct notes_slot
 *
 * The slots are written in turns: a relay that is killed while it writes one
 * leaves the other, which is true, for notes are written before bytes go out.
 */
#ifndef RELAY_NOTES_H
#define RELAY_NOTES_H

#include <stdbool.h>
#include <stdint.h>

#define NOTES_BYTES		128
#define NOTES_ID_BYTES		16

/**
 * struct notes - what is known
 * @sent: the end of what was ever sent of the ring, to anybody
 * @known: there was a collector
 * @collector: the id of the last one
 */
struct notes {
	uint64_t sent;
	bool known;
	uint8_t collector[NOTES_ID_BYTES];
};

/* Read what @page, NOTES_BYTES of it, says. False: nothing that holds. */
bool notes_read(struct notes *notes, const uint8_t *page);

/* Write; what was there before holds until this does. */
void notes_write(const struct notes *notes, uint8_t *page);

#endif
