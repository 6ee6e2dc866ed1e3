// SPDX-License-Identifier: MIT
#include "draft.h"

#include <stdlib.h>
#include <string.h>

#include <linux/pcapring.h>

/* One record comes behind all that is less than full. */
#define DRAFT_BORROWED	(DRAFT_FULL + sizeof(struct pcapring_record) + PACKET_CAPLEN_MAX)

/* Of 512 KiB each. */
#define DRAFTS_MANY	64

static unsigned int drafts_borrowed;

void draft_init(struct draft *draft)
{
	draft->used = 0;
	draft->borrowed = NULL;
}

unsigned char *draft_bytes(struct draft *draft)
{
	return draft->borrowed ? draft->borrowed : draft->own;
}

static bool draft_borrow(struct draft *draft)
{
	draft->borrowed = malloc(DRAFT_BORROWED);
	if (!draft->borrowed)
		return false;
	memcpy(draft->borrowed, draft->own, draft->used);
	drafts_borrowed++;
	return true;
}

bool draft_add(struct draft *draft, const struct packet *packet, bool nanoseconds)
{
	size_t size = sizeof(struct pcapring_record) + packet->caplen;

	if (!draft->borrowed && draft->used + size > DRAFT_OWN && !draft_borrow(draft))
		return false;
	draft->used = packet_lay(draft_bytes(draft) + draft->used, packet, nanoseconds) -
		      draft_bytes(draft);
	return true;
}

void draft_empty(struct draft *draft)
{
	if (draft->borrowed)
		drafts_borrowed--;
	free(draft->borrowed);
	draft_init(draft);
}

bool drafts_are_many(void)
{
	return drafts_borrowed >= DRAFTS_MANY;
}
