// SPDX-License-Identifier: MIT
#include "tidings.h"

#include <stdlib.h>
#include <string.h>

/**
 * struct tidings_one - of one file
 * @number: it is gone
 * @missing: bytes of it
 * @name: otherwise, of one that all is done with; ""
 */
struct tidings_one {
	struct tidings_one *next;
	unsigned int number;
	uint64_t missing;
	char name[];
};

static struct tidings_one *tidings_add(struct tidings *tidings, const char *name)
{
	struct tidings_one *one = calloc(1, sizeof(*one) + strlen(name) + 1);

	if (!one)
		return NULL;
	strcpy(one->name, name);
	one->next = tidings->first;
	tidings->first = one;
	return one;
}

bool tidings_gone(struct tidings *tidings, unsigned int number, uint64_t missing)
{
	struct tidings_one *one = tidings_add(tidings, "");

	if (!one)
		return false;
	one->number = number;
	one->missing = missing;
	return true;
}

bool tidings_done(struct tidings *tidings, const char *name)
{
	return tidings_add(tidings, name);
}

void tidings_enter(const struct tidings *tidings, struct journal *journal)
{
	for (const struct tidings_one *one = tidings->first; one; one = one->next)
		if (*one->name)
			journal_done(journal, one->name);
		else
			journal_gone(journal, one->number, one->missing);
}

void tidings_return(struct tidings *tidings, struct tidings *from)
{
	struct tidings_one **at = &from->first;

	while (*at)
		at = &(*at)->next;
	*at = tidings->first;
	*tidings = *from;
	from->first = NULL;
}

void tidings_free(struct tidings *tidings)
{
	while (tidings->first) {
		struct tidings_one *next = tidings->first->next;

		free(tidings->first);
		tidings->first = next;
	}
}
