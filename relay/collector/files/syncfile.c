// SPDX-License-Identifier: MIT
#include "syncfile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"

static bool syncfile_state_new(struct sync_state *state, const struct ledger_file *file)
{
	state->length = file->length;
	state->rings = calloc(file->ring_count, sizeof(*state->rings));
	if (!state->rings)
		return false;
	memcpy(state->rings, file->rings, file->ring_count * sizeof(*state->rings));
	return true;
}

struct sync_file *syncfile_new(int fd, const struct ledger_file *declaration, bool declared)
{
	struct sync_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->file = declaration;
	file->fd = fd;
	file->declared = declared;
	file->quarter = UINT64_MAX;
	if (syncfile_state_new(&file->now, declaration) &&
	    syncfile_state_new(&file->taken, declaration) &&
	    syncfile_state_new(&file->safe, declaration))
		return file;
	syncfile_free(file);
	return NULL;
}

void syncfile_free(struct sync_file *file)
{
	while (file->turns.first)
		turns_drop(&file->turns);
	free(file->now.rings);
	free(file->taken.rings);
	free(file->safe.rings);
	free(file);
}

void syncfile_copy(const struct sync_file *file, struct sync_state *to,
		   const struct sync_state *from)
{
	to->length = from->length;
	to->before = from->before;
	memcpy(to->rings, from->rings,
	       file->file->ring_count * sizeof(*to->rings));
}

uint64_t syncfile_packets(const struct sync_file *file, const struct sync_state *state)
{
	uint64_t packets = 0;

	for (uint32_t i = 0; i < file->file->ring_count; i++)
		packets += state->rings[i].packets;
	return packets;
}

bool syncfile_sync(const struct sync_file *file, const struct folder *folder)
{
	if (!turns_sync(file->taken_turn, file->taking, folder))
		return false;
	return file->taken_fd < 0 ||
	       (file->taken.length == file->safe.length && !file->taking) ||
	       !fdatasync(file->taken_fd);
}

void syncfile_enter(const struct sync_file *file, struct journal *journal)
{
	const struct sync_state *taken = &file->taken;

	if (!file->declared)
		journal_declare(journal, file->file);
	turns_enter(file->taken_turn, file->taking, journal, file->file, file->safe.rings);
	if (taken->length || ledger_told(taken->rings, file->file->ring_count))
		journal_sync(journal, file->file->number, taken->length, taken->rings,
			     file->safe.rings, file->file->ring_count);
}

bool syncfile_return(struct sync_file *file, const struct folder *folder, int *fd, char *name)
{
	struct turn *first = file->turns.first;

	if (!first)
		return false;
	if (file->fd >= 0)
		close(file->fd);
	*fd = file->fd = first->fd;
	first->fd = -1;
	strcpy(name, first->before);
	for (; file->turns.first; turns_drop(&file->turns))
		if (*file->turns.first->name)
			folder_forget(folder, file->turns.first->name);
	return true;
}
