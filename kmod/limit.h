/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits of a capture: it is frozen after so many packets, bytes or seconds. */
#ifndef PCAPRING_LIMIT_H
#define PCAPRING_LIMIT_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/pcapring.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct pcapring_config;

#define PCAPRING_LIMIT_ALL	(BIT_ULL(PCAPRING_A_LIMIT_PACKETS) |	\
				 BIT_ULL(PCAPRING_A_LIMIT_BYTES) |	\
				 BIT_ULL(PCAPRING_A_LIMIT_SECONDS))

/**
 * struct pcapring_limit - what was asked for, and what is left of it
 * @on: packets or bytes are limited; READ_ONCE by the packet path
 * @packets_left: S64_MAX and so never used up, if not limited
 * @bytes_left: the same
 * @packets: 0: no limit, as with those below
 * @bytes: of packets
 * @seconds: since they began to count
 * @deadline: when those are over, in jiffies
 * @stop: freezes the capture if a limit was reached; holds a reference to it
 *	while pending or running
 *
 * From @packets to @deadline: guarded by pcapring_captures_lock.
 */
struct pcapring_limit {
	bool on;
	atomic64_t packets_left;
	atomic64_t bytes_left;
	u64 packets;
	u64 bytes;
	u32 seconds;
	u64 deadline;
	struct delayed_work stop;
};

void pcapring_limit_init(struct pcapring_limit *limit, const struct pcapring_config *config);

/* With pcapring_captures_lock held. */

/*
 * The limits are from now on those of @config. Those whose attributes are in
 * @given, a set of bits, begin to count.
 */
void pcapring_limit_begin(struct pcapring_limit *limit, const struct pcapring_config *config,
			  u64 given);
/* The capture is deleted, and no packet comes any more. The caller has a reference. */
void pcapring_limit_cancel(struct pcapring_limit *limit);

/* The packet path. */

bool pcapring_limit_take_one(struct pcapring_limit *limit, u32 caplen);
bool pcapring_limit_is_used_up(const struct pcapring_limit *limit);

/* May no more be captured? */
static inline bool pcapring_limit_reached(const struct pcapring_limit *limit)
{
	return READ_ONCE(limit->on) && pcapring_limit_is_used_up(limit);
}

/*
 * May a packet be captured, of which @caplen bytes are kept? The last one that
 * may has the capture frozen, a little later.
 */
static inline bool pcapring_limit_take(struct pcapring_limit *limit, u32 caplen)
{
	return !READ_ONCE(limit->on) || pcapring_limit_take_one(limit, caplen);
}

#endif /* PCAPRING_LIMIT_H */
