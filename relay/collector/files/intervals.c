// SPDX-License-Identifier: MIT
#include "intervals.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool interval_alike(const struct interval *a, const struct interval *b)
{
	return a->ring == b->ring && a->kind == b->kind;
}

/* @later becomes part of @one. */
static void interval_join(struct interval *one, const struct interval *later)
{
	one->to = later->to;
	one->noticed = later->noticed;
	one->amount += later->amount;
}

/* Of those of its ring and kind the @nth newest, 1 the newest, or NULL. */
static struct interval *intervals_find(const struct intervals *intervals,
				       const struct interval *like, unsigned int nth)
{
	for (size_t i = intervals->count; i--;)
		if (interval_alike(&intervals->list[i], like) && !--nth)
			return &intervals->list[i];
	return NULL;
}

/* Make room for another one of that kind. */
static void intervals_bound(struct intervals *intervals, const struct interval *like)
{
	struct interval *oldest = intervals_find(intervals, like, INTERVALS_MAX);
	struct interval *next = intervals_find(intervals, like, INTERVALS_MAX - 1);

	if (!oldest)
		return;
	interval_join(oldest, next);
	oldest->times += next->times;
	intervals->count--;
	memmove(next, next + 1,
		(intervals->list + intervals->count - next) * sizeof(*next));
}

void intervals_add(struct intervals *intervals, const struct interval *one)
{
	struct interval *list;

	intervals_bound(intervals, one);
	list = realloc(intervals->list, (intervals->count + 1) * sizeof(*list));
	if (!list)
		abort();	/* rather than cut the journal as if it were damaged */
	list[intervals->count++] = *one;
	intervals->list = list;
}

void intervals_note(struct intervals *intervals, const struct interval *one)
{
	struct interval *before = intervals_find(intervals, one, 1);

	if (before && one->kind != INTERVAL_ELSEWHERE &&
	    one->from == (before->to ? before->to : before->from))
		interval_join(before, one);
	else
		intervals_add(intervals, one);
}

void intervals_end(struct intervals *intervals, uint32_t ring, uint64_t to)
{
	for (size_t i = 0; i < intervals->count; i++)
		if (intervals->list[i].ring == ring && !intervals->list[i].to)
			intervals->list[i].to = to;
}

void intervals_copy(struct intervals *to, const struct intervals *from)
{
	*to = (struct intervals){ 0 };
	if (!from->count)
		return;
	to->list = malloc(from->count * sizeof(*to->list));
	if (!to->list)
		abort();
	memcpy(to->list, from->list, from->count * sizeof(*to->list));
	to->count = from->count;
}

void intervals_free(struct intervals *intervals)
{
	free(intervals->list);
	*intervals = (struct intervals){ 0 };
}
