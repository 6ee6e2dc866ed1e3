/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The pcap record of a packet: what of it is kept, and how it was on the wire. */
#ifndef PCAPRING_RECORD_H
#define PCAPRING_RECORD_H

#include <linux/minmax.h>
#include <linux/types.h>

struct net_device;
struct sk_buff;

/* Where a VLAN tag stands in an Ethernet frame, and its size. */
#define PCAPRING_TAG_OFFSET	12
#define PCAPRING_TAG_BYTES	4

/**
 * struct pcapring_frame - a packet as it was on the wire, in terms of its skb
 * @link: offset of the link header from skb->data, zero or negative
 * @length: bytes of the skb from the link header on
 * @readable: how many of them can be read
 * @tag_bytes: bytes of a VLAN tag that the skb holds beside its data, or 0
 */
struct pcapring_frame {
	int link;
	u32 length;
	u32 readable;
	u32 tag_bytes;
};

/*
 * How much of a frame to keep. @readable and @verdict (what a filter said) do
 * not count a tag that stands beside the data, @snaplen does.
 */
static inline u32 pcapring_record_caplen(u32 readable, u32 tag_bytes, u32 verdict, u32 snaplen)
{
	return min(min(readable, verdict) + tag_bytes, snaplen);
}

/* @ethernet: the link type has a place for a tag. */
void pcapring_record_frame(struct pcapring_frame *frame, const struct sk_buff *skb,
			   const struct net_device *dev, bool ethernet);

/*
 * Write the record's header and @caplen bytes to @to. 0, or -EFAULT where the
 * packet could not be read.
 */
int pcapring_record_write(void *to, const struct sk_buff *skb,
			  const struct pcapring_frame *frame, u32 caplen);

#endif /* PCAPRING_RECORD_H */
