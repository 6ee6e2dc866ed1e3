// SPDX-License-Identifier: MIT
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

bool ledger_told(const struct ledger_ring *rings, uint32_t ring_count)
{
	for (uint32_t i = 0; i < ring_count; i++)
		if (rings[i].known || rings[i].twice)
			return true;
	return false;
}

void ledger_free_file(struct ledger_file *file)
{
	intervals_free(&file->intervals);
	free(file);
}

struct ledger_file *ledger_among(struct ledger_file *file, uint32_t number)
{
	while (file && file->number != number)
		file = file->next;
	return file;
}

void ledger_add(struct ledger *ledger, struct ledger_file *file)
{
	*ledger->last = file;
	ledger->last = &file->next;
}

struct ledger_file *ledger_new_file(uint32_t ring_count)
{
	struct ledger_file *file = calloc(1, sizeof(*file) + ring_count *
					   sizeof(file->rings[0]));

	if (file)
		file->ring_count = ring_count;
	return file;
}

struct ledger_file *ledger_copy_file(const struct ledger_file *file)
{
	struct ledger_file *copy = ledger_new_file(file->ring_count);

	if (!copy)
		return NULL;
	memcpy(copy, file, sizeof(*file) + file->ring_count * sizeof(file->rings[0]));
	copy->next = NULL;
	intervals_copy(&copy->intervals, &file->intervals);
	return copy;
}

void ledger_init(struct ledger *ledger, const struct ledger *base)
{
	*ledger = (struct ledger){ .base = base };
	ledger->last = &ledger->first;
	if (!base)
		return;
	ledger->titled = base->titled;
	memcpy(ledger->id, base->id, sizeof(ledger->id));
}

void ledger_merge(struct ledger *ledger, struct ledger *over)
{
	struct ledger_file *file = over->first, *next;

	for (; file; file = next) {
		struct ledger_file **at = &ledger->first;

		next = file->next;
		file->next = NULL;
		while (*at && (*at)->number != file->number)
			at = &(*at)->next;
		if (!*at) {
			ledger_add(ledger, file);
			continue;
		}
		file->next = (*at)->next;
		if (ledger->last == &(*at)->next)
			ledger->last = &file->next;
		ledger_free_file(*at);
		*at = file;
	}
	ledger_init(over, ledger);
}

void ledger_free(struct ledger *ledger)
{
	struct ledger_file *file, *next;

	for (file = ledger->first; file; file = next) {
		next = file->next;
		ledger_free_file(file);
	}
}
