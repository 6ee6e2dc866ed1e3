/* SPDX-License-Identifier: GPL-2.0-only */
/* A filter slot: a BPF program that can be swapped while packets run. */
#ifndef PCAPRING_FILTER_H
#define PCAPRING_FILTER_H

#include <linux/filter.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct sk_buff;

/* Every byte passes. */
#define PCAPRING_FILTER_PASS	U32_MAX

/**
 * struct pcapring_filter_slot - a filter, or none
 * @program: read by the packet path under RCU; changed by the owner, one at a
 *	time (pcapring_captures_lock)
 * @instructions: a classic program as it came, for those who ask; same lock
 * @length: number of @instructions
 * @id: the number of an eBPF program, else 0; same lock
 */
struct pcapring_filter_slot {
	struct bpf_prog __rcu *program;
	struct sock_filter *instructions;
	u32 length;
	u32 id;
};

/**
 * struct pcapring_filter_new - a program made ready, not yet in a slot
 *
 * All zero: no filter. pcapring_filter_swap() takes what it holds and leaves
 * what was in the slot before.
 */
struct pcapring_filter_new {
	struct bpf_prog *program;
	struct sock_filter *instructions;
	u32 length;
	u32 id;
};

/*
 * Check and translate @length instructions, of which a copy is kept. -EINVAL:
 * not a valid program. May sleep.
 */
int pcapring_filter_prepare(struct pcapring_filter_new *filter,
			    const struct sock_filter *instructions, u32 length);

/*
 * The eBPF program of type socket filter that the caller has open as @fd. A
 * reference is kept. -EBADF, -EINVAL: it is none.
 */
int pcapring_filter_prepare_fd(struct pcapring_filter_new *filter, u32 fd);

/* Put @filter into the slot; each packet meets the old or the new one. */
void pcapring_filter_swap(struct pcapring_filter_slot *slot, struct pcapring_filter_new *filter);

/* Free what @filter holds, after packets that still run it are through. */
void pcapring_filter_discard(struct pcapring_filter_new *filter);

u32 pcapring_filter_ask(const struct bpf_prog *program, struct sk_buff *skb, int link);

/*
 * How many bytes of the packet to keep, 0: refuse it. @link: offset from
 * skb->data of what programs count from. In the packet path.
 */
static inline u32 pcapring_filter_run(const struct pcapring_filter_slot *slot,
				      struct sk_buff *skb, int link)
{
	const struct bpf_prog *program = rcu_dereference(slot->program);

	if (likely(!program))
		return PCAPRING_FILTER_PASS;
	return pcapring_filter_ask(program, skb, link);
}

#endif /* PCAPRING_FILTER_H */
