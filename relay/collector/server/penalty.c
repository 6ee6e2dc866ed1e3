// SPDX-License-Identifier: MIT
#include "penalty.h"

#include <string.h>

#define PENALTY_SECOND	UINT64_C(1000000000)

/* Neighbours on a link have these addresses; each has one. */
static bool penalty_is_whole(const struct in6_addr *address)
{
	return IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_LINKLOCAL(address) ||
	       IN6_IS_ADDR_LOOPBACK(address);
}

static struct in6_addr penalty_network(const struct in6_addr *address)
{
	struct in6_addr network = *address;

	if (!penalty_is_whole(address))
		memset(network.s6_addr + 8, 0, 8);
	return network;
}

bool penalty_same(const struct in6_addr *a, const struct in6_addr *b)
{
	const struct in6_addr one = penalty_network(a), other = penalty_network(b);

	return IN6_ARE_ADDR_EQUAL(&one, &other);
}

void penalties_add(struct penalties *penalties, const struct in6_addr *address, bool all,
		   uint64_t now)
{
	struct penalty *penalty = penalties_find(penalties, address, now);

	if (!penalty) {
		penalty = penalties->list;
		for (unsigned int i = 1; i < PENALTIES_MAX; i++)
			if (penalties->list[i].until < penalty->until)
				penalty = &penalties->list[i];
		*penalty = (struct penalty){ .network = penalty_network(address) };
	}
	penalty->until = now + PENALTY_SECONDS * PENALTY_SECOND;
	penalty->all |= all;
}

struct penalty *penalties_find(struct penalties *penalties, const struct in6_addr *address,
			       uint64_t now)
{
	const struct in6_addr network = penalty_network(address);

	for (unsigned int i = 0; i < PENALTIES_MAX; i++)
		if (penalties->list[i].until > now &&
		    IN6_ARE_ADDR_EQUAL(&penalties->list[i].network, &network))
			return &penalties->list[i];
	return NULL;
}

bool penalty_spares(struct penalty *penalty, uint64_t now)
{
	if (penalty->all || now < penalty->next)
		return false;
	penalty->next = now + PENALTY_PAUSE_MS * (PENALTY_SECOND / 1000);
	return true;
}
