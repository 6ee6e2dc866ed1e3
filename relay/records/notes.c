// SPDX-License-Identifier: MIT
#include "notes.h"

#include <stddef.h>
#include <string.h>

#define NOTES_MAGIC	0x70634e74	/* "pcNt" */
#define NOTES_VERSION	1

/**
 * struct notes_slot - notes as they lie on the page
 * @sequence: the greater one of two is the newer
 * @sum: of all before it; stored last
 */
struct notes_slot {
	uint32_t magic;
	uint16_t version;
	uint16_t known;
	uint64_t sequence;
	uint64_t sent;
	uint8_t collector[NOTES_ID_BYTES];
	uint64_t sum;
	uint8_t pad[16];
};

_Static_assert(2 * sizeof(struct notes_slot) == NOTES_BYTES, "two slots fill the page");

/* FNV-1a: against torn notes, not against malice. */
static uint64_t notes_sum(const struct notes_slot *slot)
{
	const uint8_t *bytes = (const uint8_t *)slot;
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = 0; i < offsetof(struct notes_slot, sum); i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3;
	return sum;
}

/* Copy the newer slot that holds, and say which it was; -1: none. */
static int notes_find(struct notes_slot *newest, const uint8_t *page)
{
	int found = -1;

	for (int i = 0; i < 2; i++) {
		struct notes_slot slot;

		memcpy(&slot, page + i * sizeof(slot), sizeof(slot));
		if (slot.magic != NOTES_MAGIC || slot.version != NOTES_VERSION ||
		    slot.sum != notes_sum(&slot))
			continue;
		if (found < 0 || (int64_t)(slot.sequence - newest->sequence) > 0) {
			*newest = slot;
			found = i;
		}
	}
	return found;
}

bool notes_read(struct notes *notes, const uint8_t *page)
{
	struct notes_slot slot;

	*notes = (struct notes) {};
	if (notes_find(&slot, page) < 0)
		return false;
	notes->sent = slot.sent;
	notes->known = slot.known;
	memcpy(notes->collector, slot.collector, NOTES_ID_BYTES);
	return true;
}

void notes_write(const struct notes *notes, uint8_t *page)
{
	struct notes_slot newest, slot = {
		.magic = NOTES_MAGIC,
		.version = NOTES_VERSION,
		.known = notes->known,
		.sent = notes->sent,
	};
	int found = notes_find(&newest, page);
	uint8_t *place = page + (found ? 0 : sizeof(slot));

	slot.sequence = found < 0 ? 1 : newest.sequence + 1;
	memcpy(slot.collector, notes->collector, NOTES_ID_BYTES);
	slot.sum = notes_sum(&slot);
	memcpy(place, &slot, offsetof(struct notes_slot, sum));
	/* A process that is killed had its stores made in this order. */
	__atomic_signal_fence(__ATOMIC_RELEASE);
	memcpy(place + offsetof(struct notes_slot, sum), &slot.sum, sizeof(slot.sum));
	__atomic_signal_fence(__ATOMIC_RELEASE);
}
