/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The pcap record of a packet: what of it is kept, and how it was on the wire. */
#ifndef PCAPRING_RECORD_H
#define PCAPRING_RECORD_H

#include <linux/if_vlan.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/netdevice.h>
#include <linux/pcapring.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/types.h>

#include "caplen.h"

/* Where a VLAN tag stands in an Ethernet frame, and its size. */
#define PCAPRING_TAG_OFFSET	12
#define PCAPRING_TAG_BYTES	4

/* What a record has that a packet's data does not. */
enum pcapring_framing {
	PCAPRING_FRAMING_PLAIN,		/* nothing */
	PCAPRING_FRAMING_ETHERNET,	/* a VLAN tag, where the skb holds one beside its data */
	PCAPRING_FRAMING_CAN,		/* another byte order */
	PCAPRING_FRAMING_SLL,		/* LINKTYPE_LINUX_SLL's header for the link header */
	PCAPRING_FRAMING_SLL2		/* LINKTYPE_LINUX_SLL2's */
};

/**
 * struct pcapring_frame - a packet as it is to be recorded, in terms of its skb
 * @framing: enum pcapring_framing; ETHERNET only if there is a tag to be put in
 * @link: offset from skb->data of the first byte kept of it
 * @length: bytes of the skb from there on
 * @readable: how many of them can be read
 * @added_bytes: of a VLAN tag or a header that are not in the skb's data
 */
struct pcapring_frame {
	enum pcapring_framing framing;
	int link;
	u32 length;
	u32 readable;
	u32 added_bytes;
};

/*
 * What the packet path does with each packet is inline, where it is the usual;
 * the rest is in record.c, and is given frames as values, so that those of the
 * packet path stay in registers.
 */

/* Where what follows the link header begins, as an offset from skb->data. */
int pcapring_record_network(const struct sk_buff *skb, const struct net_device *dev);
/* Of the header that takes the link header's place. */
u32 pcapring_record_cooked_bytes(const struct sk_buff *skb, enum pcapring_framing framing,
				 u32 readable);
int pcapring_record_copy(u8 *to, const struct sk_buff *skb, struct pcapring_frame frame,
			 u32 caplen);

/*
 * Taps see a packet that comes in at its network header, one that goes out at
 * its link header. Devices without a link header show none, whatever the skb
 * says.
 */
static inline int pcapring_record_link(const struct sk_buff *skb, const struct net_device *dev)
{
	int link;

	if (unlikely(!dev_has_header(dev) || !skb_mac_header_was_set(skb)))
		return 0;
	link = skb_mac_offset(skb);
	return min(link, 0);
}

/* Beside the data, to be put in at @offset, if the frame has that. */
static inline bool pcapring_record_has_tag(const struct sk_buff *skb, u32 readable, u32 offset)
{
	return skb_vlan_tag_present(skb) && readable >= offset;
}

static inline struct pcapring_frame pcapring_record_frame(const struct sk_buff *skb,
							  const struct net_device *dev,
							  enum pcapring_framing framing)
{
	bool cooked = framing > PCAPRING_FRAMING_CAN;
	struct pcapring_frame frame = { .framing = framing };

	frame.link = unlikely(cooked) ? pcapring_record_network(skb, dev) :
					pcapring_record_link(skb, dev);
	frame.length = skb->len - frame.link;
	frame.readable = frame.length;
	if (unlikely(!skb_frags_readable(skb)))
		frame.readable = skb_headlen(skb) - frame.link;
	if (unlikely(cooked)) {
		frame.added_bytes = pcapring_record_cooked_bytes(skb, framing,
								 frame.readable);
	} else if (framing == PCAPRING_FRAMING_ETHERNET) {
		if (unlikely(pcapring_record_has_tag(skb, frame.readable,
						     PCAPRING_TAG_OFFSET)))
			frame.added_bytes = PCAPRING_TAG_BYTES;
		else
			frame.framing = PCAPRING_FRAMING_PLAIN;
	}
	return frame;
}

/* Records are not aligned. */
struct pcapring_record_anywhere {
	struct pcapring_record record;
} __packed;

/*
 * Write the record's header and @caplen bytes to @to. @stamp: nanoseconds since
 * the epoch. 0, or -EFAULT where the packet could not be read.
 */
static inline int pcapring_record_write(void *to, const struct sk_buff *skb,
					const struct pcapring_frame *frame, u32 caplen, u64 stamp)
{
	struct pcapring_record record = {
		.caplen = caplen,
		.len = frame->length + frame->added_bytes,
	};

	record.ts_sec = div_u64_rem(stamp, NSEC_PER_SEC, &record.ts_nsec);
	((struct pcapring_record_anywhere *)to)->record = record;
	to += sizeof(record);
	if (unlikely(frame->framing != PCAPRING_FRAMING_PLAIN ||
		     frame->link + (int)caplen > (int)skb_headlen(skb)))
		return pcapring_record_copy(to, skb, *frame, caplen);
	memcpy(to, skb->data + frame->link, caplen);
	return 0;
}

#endif /* PCAPRING_RECORD_H */
