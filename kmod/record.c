// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include <linux/if_vlan.h>
#include <linux/ktime.h>
#include <linux/netdevice.h>
#include <linux/pcapring.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "record.h"

/*
 * Taps see a packet that comes in at its network header, one that goes out at
 * its link header. Devices without a link header show none, whatever the skb
 * says.
 */
static int pcapring_record_link(const struct sk_buff *skb, const struct net_device *dev)
{
	int link;

	if (!dev_has_header(dev) || !skb_mac_header_was_set(skb))
		return 0;
	link = skb_mac_offset(skb);
	return min(link, 0);
}

void pcapring_record_frame(struct pcapring_frame *frame, const struct sk_buff *skb,
			   const struct net_device *dev, bool ethernet)
{
	frame->link = pcapring_record_link(skb, dev);
	frame->length = skb->len - frame->link;
	frame->readable = frame->length;
	if (!skb_frags_readable(skb))
		frame->readable = skb_headlen(skb) - frame->link;
	frame->tag_bytes = 0;
	if (ethernet && skb_vlan_tag_present(skb) && frame->readable >= PCAPRING_TAG_OFFSET)
		frame->tag_bytes = PCAPRING_TAG_BYTES;
}

/* The stamp that AF_PACKET reports, so that both name the same nanosecond. */
static void pcapring_record_stamp(struct pcapring_record *record, const struct sk_buff *skb)
{
	ktime_t stamp = skb_tstamp(skb);
	struct timespec64 time;

	if (!stamp)
		stamp = ktime_get_real();
	time = ktime_to_timespec64(stamp);
	record->ts_sec = time.tv_sec;
	record->ts_nsec = time.tv_nsec;
}

static int pcapring_record_copy_tagged(u8 *to, const struct sk_buff *skb, int link, u32 caplen)
{
	__be16 tag[] = { skb->vlan_proto, htons(skb_vlan_tag_get(skb)) };
	u32 addresses = min_t(u32, caplen, PCAPRING_TAG_OFFSET);
	u32 rest = caplen - addresses;
	u32 tag_bytes = min_t(u32, rest, sizeof(tag));

	if (skb_copy_bits(skb, link, to, addresses))
		return -EFAULT;
	memcpy(to + addresses, tag, tag_bytes);
	return skb_copy_bits(skb, link + PCAPRING_TAG_OFFSET, to + addresses + tag_bytes,
			     rest - tag_bytes);
}

int pcapring_record_write(void *to, const struct sk_buff *skb,
			  const struct pcapring_frame *frame, u32 caplen)
{
	struct pcapring_record record = {
		.caplen = caplen,
		.len = frame->length + frame->tag_bytes,
	};

	pcapring_record_stamp(&record, skb);
	/* records are not aligned */
	memcpy(to, &record, sizeof(record));
	to += sizeof(record);
	if (frame->tag_bytes)
		return pcapring_record_copy_tagged(to, skb, frame->link, caplen);
	return skb_copy_bits(skb, frame->link, to, caplen);
}
