// SPDX-License-Identifier: MIT
#include "common/near.h"

#include <string.h>

static unsigned int near_least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

unsigned int near_distance(const char *a, const char *b)
{
	unsigned int row[NEAR_WORD_MAX + 1], last, here;

	if (strlen(a) > NEAR_WORD_MAX || strlen(b) > NEAR_WORD_MAX)
		return NEAR_WORD_MAX;
	for (unsigned int j = 0; j <= strlen(b); j++)
		row[j] = j;
	for (unsigned int i = 1; i <= strlen(a); i++) {
		last = row[0];
		row[0] = i;
		for (unsigned int j = 1; j <= strlen(b); j++) {
			here = near_least(row[j], row[j - 1]) + 1;
			here = near_least(here, last + (a[i - 1] != b[j - 1]));
			last = row[j];
			row[j] = here;
		}
	}
	return row[strlen(b)];
}
