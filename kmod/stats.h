/* SPDX-License-Identifier: GPL-2.0-only */
/* The counters that are told, in one table for all who tell them. */
#ifndef PCAPRING_STATS_H
#define PCAPRING_STATS_H

#include <linux/types.h>

struct pcapring_capture;
struct pcapring_ring_state;

/**
 * struct pcapring_stat_field - one counter
 * @attribute: enum pcapring_stat
 * @offset: of a u64 in struct pcapring_ring_state
 * @name: as user space shows it
 */
struct pcapring_stat_field {
	u16 attribute;
	u16 offset;
	const char *name;
};

#define PCAPRING_STATS	13
extern const struct pcapring_stat_field pcapring_stats[PCAPRING_STATS];

u64 pcapring_stats_get(const struct pcapring_ring_state *state,
		       const struct pcapring_stat_field *field);

/* One consistent look at each ring; what is summed up is what is shown. */
void pcapring_stats_add(struct pcapring_ring_state *sum, const struct pcapring_ring_state *ring);

#endif /* PCAPRING_STATS_H */
