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

bool ledger_name_fine(const char *name)
{
	const char *part = name;

	while (part) {
		size_t length = strcspn(part, "/");

		if (!length || (length <= 2 && strspn(part, ".") >= length))
			return false;
		part = part[length] ? part + length + 1 : NULL;
	}
	return true;
}

static void ledger_append(struct ledger_closed **at, const char *name, uint64_t length)
{
	struct ledger_closed *closed = malloc(sizeof(*closed) + strlen(name) + 1);

	if (!closed)
		abort();	/* rather than take it for an error of the line */
	closed->next = NULL;
	closed->length = length;
	strcpy(closed->name, name);
	while (*at)
		at = &(*at)->next;
	*at = closed;
}

/* Where the one of that name hangs. */
static struct ledger_closed **ledger_where(struct ledger_closed **at, const char *name)
{
	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	return at;
}

static bool ledger_drop(struct ledger_closed **list, const char *name)
{
	struct ledger_closed **at = ledger_where(list, name), *closed = *at;

	if (!closed)
		return false;
	*at = closed->next;
	free(closed);
	return true;
}

void ledger_close(struct ledger *ledger, const char *name, uint64_t length)
{
	ledger_append(&ledger->closed, name, length);
}

static unsigned int ledger_count(const struct ledger_closed *closed, const char *name)
{
	unsigned int count = 0;

	for (; closed; closed = closed->next)
		count += !strcmp(closed->name, name);
	return count;
}

/* A name may be given again before the one that had it is done: the oldest comes first. */
bool ledger_done(struct ledger *ledger, const char *name)
{
	if (!ledger->base || ledger_count(ledger->base->closed, name) <=
			     ledger_count(ledger->done, name))
		return ledger_drop(&ledger->closed, name);
	ledger_append(&ledger->done, name, 0);
	return true;
}

static void ledger_free_closed(struct ledger_closed *closed)
{
	while (closed) {
		struct ledger_closed *next = closed->next;

		free(closed);
		closed = next;
	}
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

static struct ledger_closed **ledger_end(struct ledger *ledger)
{
	struct ledger_closed **at = &ledger->closed;

	while (*at)
		at = &(*at)->next;
	return at;
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
	for (struct ledger_closed *done = over->done; done; done = done->next)
		ledger_drop(&ledger->closed, done->name);
	ledger_free_closed(over->done);
	*ledger_end(ledger) = over->closed;
	ledger_init(over, ledger);
}

static uint64_t ledger_time(const struct ledger_file *file)
{
	return file->synced > file->since ? file->synced : file->since;
}

static int ledger_compare(const void *a, const void *b)
{
	const uint64_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

/* Drop @count files of times up to @time. */
static void ledger_drop_until(struct ledger *ledger, uint64_t time, size_t count)
{
	struct ledger_file **at = &ledger->first;

	while (*at) {
		struct ledger_file *file = *at;

		if (!count || ledger_time(file) > time) {
			at = &file->next;
			continue;
		}
		*at = file->next;
		ledger_free_file(file);
		count--;
	}
	ledger->last = at;
}

bool ledger_trim(struct ledger *ledger, size_t most)
{
	size_t count = 0;
	uint64_t *times;

	for (const struct ledger_file *file = ledger->first; file; file = file->next)
		count++;
	if (count <= most)
		return true;
	times = calloc(count, sizeof(*times));
	if (!times)
		return false;
	count = 0;
	for (const struct ledger_file *file = ledger->first; file; file = file->next)
		times[count++] = ledger_time(file);
	qsort(times, count, sizeof(*times), ledger_compare);
	ledger_drop_until(ledger, times[count - most - 1], count - most);
	free(times);
	return true;
}

void ledger_free(struct ledger *ledger)
{
	struct ledger_file *file, *next;

	for (file = ledger->first; file; file = next) {
		next = file->next;
		ledger_free_file(file);
	}
	ledger_free_closed(ledger->closed);
	ledger_free_closed(ledger->done);
}
