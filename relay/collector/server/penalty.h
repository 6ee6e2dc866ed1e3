/* SPDX-License-Identifier: MIT */
/*
 * Networks that are not let in for a while: addresses of IPv4, and of IPv6 the 64 bits
 * that somebody has all the addresses below of.
 */
#ifndef COLLECTOR_SERVER_PENALTY_H
#define COLLECTOR_SERVER_PENALTY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define PENALTIES_MAX	256
#define PENALTY_SECONDS	10

/* Of a network that sensors are at home in, one connection may come so often. */
#define PENALTY_PAUSE_MS	250

/**
 * struct penalty - times are nanoseconds of one monotonic clock
 * @until: it ends
 * @next: when one may come, of a network that sensors are at home in
 * @all: not even then
 */
struct penalty {
	struct in6_addr network;
	uint64_t until;
	uint64_t next;
	bool all;
};

/* Zero to begin with. */
struct penalties {
	struct penalty list[PENALTIES_MAX];
};

/*
 * @all: sensors may be at home there, and are still not let in. Where there is no room,
 * it takes that of the one that ends first.
 */
void penalties_add(struct penalties *penalties, const struct in6_addr *address, bool all,
		   uint64_t now);

/* NULL: there is none. */
struct penalty *penalties_find(struct penalties *penalties, const struct in6_addr *address,
			       uint64_t now);

/* May one come, though there is @penalty? Sensors are at home there. */
bool penalty_spares(struct penalty *penalty, uint64_t now);

/* Are both of one network? */
bool penalty_same(const struct in6_addr *a, const struct in6_addr *b);

#endif
