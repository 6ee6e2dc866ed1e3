// SPDX-License-Identifier: GPL-2.0-only

#include <linux/pcapring.h>
#include <linux/stddef.h>

#include "ring.h"
#include "stats.h"

#define PCAPRING_STAT_FIELD(attr, member, text)					\
	{ .attribute = (attr), .offset = offsetof(struct pcapring_ring_state, member),	\
	  .name = (text) }

const struct pcapring_stat_field pcapring_stats[PCAPRING_STATS] = {
	PCAPRING_STAT_FIELD(PCAPRING_STAT_SEEN, count.seen, "seen"),
	PCAPRING_STAT_FIELD(PCAPRING_STAT_CAPTURED, count.captured, "captured"),
	PCAPRING_STAT_FIELD(PCAPRING_STAT_FILTERED, count.filtered, "filtered"),
	PCAPRING_STAT_FIELD(PCAPRING_STAT_DROPPED, count.dropped, "dropped"),
	PCAPRING_STAT_FIELD(PCAPRING_STAT_TRUNCATED, count.truncated, "truncated"),
	PCAPRING_STAT_FIELD(PCAPRING_STAT_BYTES, count.bytes, "bytes"),
	PCAPRING_STAT_FIELD(PCAPRING_STAT_SAMPLED, count.sampled, "sampled"),
	PCAPRING_STAT_FIELD(PCAPRING_STAT_PAUSED, count.paused, "paused"),
	PCAPRING_STAT_FIELD(PCAPRING_STAT_OVERWRITTEN, count.overwritten, "overwritten"),
	PCAPRING_STAT_FIELD(PCAPRING_STAT_WAKEUPS, wakeups, "wakeups"),
	PCAPRING_STAT_FIELD(PCAPRING_STAT_BAD_TAILS, bad_tails, "bad_tails"),
	PCAPRING_STAT_FIELD(PCAPRING_STAT_SKIPS, skips, "skips"),
	PCAPRING_STAT_FIELD(PCAPRING_STAT_UNSTAMPED, unstamped, "unstamped"),
};

u64 pcapring_stats_get(const struct pcapring_ring_state *state,
		       const struct pcapring_stat_field *field)
{
	return *(const u64 *)((const u8 *)state + field->offset);
}

void pcapring_stats_add(struct pcapring_ring_state *sum, const struct pcapring_ring_state *ring)
{
	const struct pcapring_stat_field *field = pcapring_stats;
	int i;

	for (i = 0; i < PCAPRING_STATS; i++, field++)
		*(u64 *)((u8 *)sum + field->offset) += pcapring_stats_get(ring, field);
}
