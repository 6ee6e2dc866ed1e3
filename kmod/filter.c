// SPDX-License-Identifier: GPL-2.0-only

#include <linux/bpf.h>
#include <linux/err.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "filter.h"

int pcapring_filter_prepare(struct pcapring_filter_new *filter,
			    const struct sock_filter *instructions, u32 length)
{
	struct sock_fprog_kern program;
	int err;

	memset(filter, 0, sizeof(*filter));
	if (!length)
		return 0;
	if (length > BPF_MAXINSNS)
		return -EINVAL;
	filter->instructions = kmemdup(instructions, length * sizeof(*instructions),
				       GFP_KERNEL_ACCOUNT);
	if (!filter->instructions)
		return -ENOMEM;
	filter->length = length;
	program.len = length;
	program.filter = filter->instructions;
	err = bpf_prog_create(&filter->program, &program);
	/* there is no room for its machine code; user space has no such errno */
	if (err == -ENOTSUPP)
		err = -ENOMEM;
	if (err) {
		kfree(filter->instructions);
		memset(filter, 0, sizeof(*filter));
	}
	return err;
}

int pcapring_filter_prepare_fd(struct pcapring_filter_new *filter, u32 fd)
{
	struct bpf_prog *program = bpf_prog_get_type(fd, BPF_PROG_TYPE_SOCKET_FILTER);

	memset(filter, 0, sizeof(*filter));
	if (IS_ERR(program))
		return PTR_ERR(program);
	filter->program = program;
	filter->id = program->aux->id;
	return 0;
}

void pcapring_filter_swap(struct pcapring_filter_slot *slot, struct pcapring_filter_new *filter)
{
	/* callers take turns, see struct pcapring_filter_slot */
	filter->program = rcu_replace_pointer(slot->program, filter->program, true);
	swap(slot->instructions, filter->instructions);
	swap(slot->length, filter->length);
	swap(slot->id, filter->id);
}

void pcapring_filter_discard(struct pcapring_filter_new *filter)
{
	if (filter->program) {
		/* the packet path runs programs in RCU's read side */
		synchronize_net();
		if (filter->instructions)
			bpf_prog_destroy(filter->program);
		else
			bpf_prog_put(filter->program);
	}
	kfree(filter->instructions);
	memset(filter, 0, sizeof(*filter));
}

u32 pcapring_filter_ask(const struct bpf_prog *program, struct sk_buff *skb, int link)
{
	unsigned int len = skb->len;
	u8 *data = skb->data;
	u32 verdict;

	/*
	 * Programs count from @link. The skb may be shared with other taps,
	 * which run after us on this CPU: they find it unchanged.
	 */
	skb->data += link;
	skb->len -= link;
	verdict = bpf_prog_run_clear_cb(program, skb);
	skb->data = data;
	skb->len = len;
	return verdict;
}
