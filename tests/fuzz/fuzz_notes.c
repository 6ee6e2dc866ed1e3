// SPDX-License-Identifier: MIT
/*
 * Notes on a page that holds anything: they are there once written, and until
 * then those before them.
 */
#include "records/notes.c"

#include <stdlib.h>

#include "fuzz.h"

enum { SLOT = sizeof(struct notes_slot) };

static bool same(const struct notes *a, const struct notes *b)
{
	return a->sent == b->sent && a->known == b->known &&
	       !memcmp(a->collector, b->collector, NOTES_ID_BYTES);
}

/* Bytes alone would never have a sum that holds. */
static void mend(uint8_t *page, unsigned int which)
{
	struct notes_slot slot;

	memcpy(&slot, page + which * SLOT, SLOT);
	slot.magic = NOTES_MAGIC;
	slot.version = NOTES_VERSION;
	slot.sum = notes_sum(&slot);
	memcpy(page + which * SLOT, &slot, SLOT);
}

/*
 * A writer that is killed after @done of the bytes that it stores: those of the
 * slot that changed, in order.
 */
static void tear(const uint8_t *before, const uint8_t *after, uint8_t *torn, size_t done)
{
	size_t start = memcmp(before, after, SLOT) ? 0 : SLOT;

	memcpy(torn, before, NOTES_BYTES);
	memcpy(torn + start, after + start, done < SLOT ? done : SLOT);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { bytes, size };
	uint8_t flags = fuzz_number(&in, 1), before[NOTES_BYTES] = { 0 }, torn[NOTES_BYTES];
	uint8_t *page = malloc(NOTES_BYTES);
	size_t done = fuzz_number(&in, 1), have;
	struct notes old, new = { .sent = fuzz_number(&in, 8), .known = flags & 1 }, got;
	const uint8_t *content;
	bool any;

	memset(new.collector, fuzz_number(&in, 1), NOTES_ID_BYTES);
	content = fuzz_take(&in, NOTES_BYTES, &have);
	memcpy(before, content, have);
	for (unsigned int i = 0; i < 2; i++)
		if (flags & 2 << i)
			mend(before, i);
	any = notes_read(&old, before);
	FUZZ_TRUE(any || !(flags & 6));

	memcpy(page, before, NOTES_BYTES);
	notes_write(&new, page);
	FUZZ_TRUE(notes_read(&got, page) && same(&got, &new));

	/* what nobody wrote could become notes when a part is stored over it */
	if (have && (flags & 6) != 6)
		goto out_free;
	tear(before, page, torn, done);
	if (notes_read(&got, torn))
		FUZZ_TRUE(same(&got, &new) || (any && same(&got, &old)));
	else
		FUZZ_TRUE(!any);
out_free:
	free(page);
	return 0;
}
