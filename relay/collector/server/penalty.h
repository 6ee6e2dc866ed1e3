/* SPDX-License-Identifier: MIT */
/* Addresses that are not let in for a while. */
#ifndef COLLECTOR_SERVER_PENALTY_H
#define COLLECTOR_SERVER_PENALTY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define PENALTIES_MAX	256
#define PENALTY_SECONDS	10

/* Zero to begin with; times are nanoseconds of one monotonic clock. */
struct penalties {
	struct {
		struct in6_addr address;
		uint64_t until;
	} list[PENALTIES_MAX];
};

/* Where there is no room, it takes that of the one that ends first. */
void penalties_add(struct penalties *penalties, const struct in6_addr *address,
		   uint64_t now);
bool penalties_has(const struct penalties *penalties, const struct in6_addr *address,
		   uint64_t now);

#endif
