// SPDX-License-Identifier: MIT
#include "turns.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "finish.h"
#include "folder.h"

struct turn *turns_new(const char *before, const char *name, uint32_t ring_count)
{
	struct turn *turn = calloc(1, sizeof(*turn));

	if (turn)
		turn->rings = calloc(ring_count, sizeof(*turn->rings));
	if (!turn || !turn->rings) {
		free(turn);
		return NULL;
	}
	strcpy(turn->before, before);
	strcpy(turn->name, name);
	return turn;
}

void turns_add(struct turns *turns, struct turn *turn)
{
	struct turn **at = &turns->first;

	while (*at)
		at = &(*at)->next;
	*at = turn;
	turns->count++;
}

void turns_drop(struct turns *turns)
{
	struct turn *turn = turns->first;

	turns->first = turn->next;
	turns->count--;
	if (turn->fd >= 0)
		close(turn->fd);
	free(turn->rings);
	free(turn);
}

bool turns_sync(const struct turn *turn, unsigned int count, const struct folder *folder)
{
	for (unsigned int i = 0; i < count; i++) {
		turn = i ? turn->next : turn;	/* the last one's may be written just now */
		if (turn->fd >= 0 && fdatasync(turn->fd))
			return false;
		if (*turn->name && !folder_sync(folder, turn->name))
			return false;
	}
	return true;
}

void turns_enter(const struct turn *turn, unsigned int count, struct journal *journal,
		 const struct ledger_file *file, const struct ledger_ring *rings)
{
	for (unsigned int i = 0; i < count; i++) {
		turn = i ? turn->next : turn;
		if (*turn->before)
			journal_sync(journal, file->number, turn->length, turn->rings, rings,
				     file->ring_count);
		journal_next(journal, file->number, turn->name);
		rings = turn->rings;
	}
}

static void turns_complete(const struct turn *turn, const struct folder *folder,
			   struct finish *finish)
{
	if (turn->length <= RINGFILE_HEADER)
		folder_forget(folder, turn->before);
	else if (folder_complete(folder, turn->before))
		finish_add(finish, turn->before, turn->length);
}

void turns_rename(const struct turn *turn, unsigned int count,
		  const struct folder *folder, struct finish *finish)
{
	for (unsigned int i = 0; i < count; i++) {
		turn = i ? turn->next : turn;
		if (*turn->name)
			folder_adopt(folder, turn->name);
		if (*turn->before)
			turns_complete(turn, folder, finish);
	}
}
