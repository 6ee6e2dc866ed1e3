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
 * @stamp: when it came, nanoseconds since the epoch; 0: nobody knows
 * @unstamped: it lacks the stamp that was asked for
 */
struct pcapring_frame {
	enum pcapring_framing framing;
	int link;
	u32 length;
	u32 readable;
	u32 added_bytes;
	s64 stamp;
	bool unstamped;
};

/*
 * How much of a frame to keep. @readable and @verdict (what a filter said) do
 * not count what is added, @snaplen does.
 */
static inline u32 pcapring_record_caplen(u32 readable, u32 added_bytes, u32 verdict, u32 snaplen)
{
	return min(min(readable, verdict) + added_bytes, snaplen);
}

void pcapring_record_frame(struct pcapring_frame *frame, const struct sk_buff *skb,
			   const struct net_device *dev, enum pcapring_framing framing);

/* Take the stamp of the network card @dev instead, if it gave one. */
void pcapring_record_stamp_hardware(struct pcapring_frame *frame, struct sk_buff *skb,
				    struct net_device *dev);

/*
 * Write the record's header and @caplen bytes to @to. 0, or -EFAULT where the
 * packet could not be read.
 */
int pcapring_record_write(void *to, const struct sk_buff *skb,
			  const struct pcapring_frame *frame, u32 caplen);

#endif /* PCAPRING_RECORD_H */
