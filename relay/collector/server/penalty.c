// SPDX-License-Identifier: MIT
#include "penalty.h"

#include <string.h>

#define PENALTY_SECOND	UINT64_C(1000000000)

void penalties_add(struct penalties *penalties, const struct in6_addr *address,
		   uint64_t now)
{
	unsigned int slot = 0;

	for (unsigned int i = 1; i < PENALTIES_MAX; i++)
		if (penalties->list[i].until < penalties->list[slot].until)
			slot = i;
	penalties->list[slot].address = *address;
	penalties->list[slot].until = now + PENALTY_SECONDS * PENALTY_SECOND;
}

bool penalties_has(const struct penalties *penalties, const struct in6_addr *address,
		   uint64_t now)
{
	for (unsigned int i = 0; i < PENALTIES_MAX; i++)
		if (penalties->list[i].until > now &&
		    !memcmp(&penalties->list[i].address, address, sizeof(*address)))
			return true;
	return false;
}
