// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/pcapring.h>
#include <linux/skbuff.h>
#include <linux/string.h>

#include "record.h"

/* Headers and flags as https://www.tcpdump.org/linktypes.html has them. */

#define PCAPRING_COOKED_ADDRESS_BYTES	8

struct pcapring_sll {
	__be16 packet_type;
	__be16 arphrd;
	__be16 address_bytes;
	u8 address[PCAPRING_COOKED_ADDRESS_BYTES];
	__be16 protocol;
};

struct pcapring_sll2 {
	__be16 protocol;
	__be16 reserved;
	__be32 ifindex;
	__be16 arphrd;
	u8 packet_type;
	u8 address_bytes;
	u8 address[PCAPRING_COOKED_ADDRESS_BYTES];
};

/* As it is in an skb, in host byte order; in each of the three sorts of frames. */
struct pcapring_can {
	u32 id;
	u8 xl_flags; /* otherwise, the length */
	u8 fd_flags;
	u16 xl_length;
	u32 xl_acceptance;
};

#define PCAPRING_CAN_XLF	0x80
#define PCAPRING_CAN_FDF	0x04

int pcapring_record_network(const struct sk_buff *skb, const struct net_device *dev)
{
	if (skb->pkt_type != PACKET_OUTGOING || !dev_has_header(dev))
		return 0;
	return clamp_t(int, skb_network_offset(skb), 0, skb_headlen(skb));
}

u32 pcapring_record_cooked_bytes(const struct sk_buff *skb, enum pcapring_framing framing,
				 u32 readable)
{
	if (framing == PCAPRING_FRAMING_SLL2)
		return sizeof(struct pcapring_sll2);
	/* where a tag would be in Ethernet's header, without the type */
	if (pcapring_record_has_tag(skb, readable, offsetof(struct pcapring_sll, protocol)))
		return sizeof(struct pcapring_sll) + PCAPRING_TAG_BYTES;
	return sizeof(struct pcapring_sll);
}

static void pcapring_record_tag(const struct sk_buff *skb, u8 *tag)
{
	__be16 words[] = { skb->vlan_proto, htons(skb_vlan_tag_get(skb)) };

	memcpy(tag, words, PCAPRING_TAG_BYTES);
}

static int pcapring_record_copy_tagged(u8 *to, const struct sk_buff *skb, int link, u32 caplen)
{
	u32 addresses = min_t(u32, caplen, PCAPRING_TAG_OFFSET);
	u32 rest = caplen - addresses;
	u32 tag_bytes = min_t(u32, rest, PCAPRING_TAG_BYTES);
	u8 tag[PCAPRING_TAG_BYTES];

	if (skb_copy_bits(skb, link, to, addresses))
		return -EFAULT;
	pcapring_record_tag(skb, tag);
	memcpy(to + addresses, tag, tag_bytes);
	return skb_copy_bits(skb, link + PCAPRING_TAG_OFFSET, to + addresses + tag_bytes,
			     rest - tag_bytes);
}

static void pcapring_record_fix_can(struct pcapring_can *can, __be16 protocol)
{
	switch (protocol) {
	case htons(ETH_P_CAN):
		can->xl_flags &= ~PCAPRING_CAN_XLF;
		can->fd_flags &= ~PCAPRING_CAN_FDF;
		break;
	case htons(ETH_P_CANFD):
		can->xl_flags &= ~PCAPRING_CAN_XLF;
		can->fd_flags |= PCAPRING_CAN_FDF;
		break;
	case htons(ETH_P_CANXL):
		can->xl_flags |= PCAPRING_CAN_XLF;
		break;
	}
	cpu_to_be32s(&can->id);
	if (can->xl_flags & PCAPRING_CAN_XLF) {
		cpu_to_le16s(&can->xl_length);
		cpu_to_le32s(&can->xl_acceptance);
	}
}

static int pcapring_record_copy_can(u8 *to, const struct sk_buff *skb,
				    const struct pcapring_frame *frame, u32 caplen)
{
	u32 readable = min_t(u32, frame->readable, sizeof(struct pcapring_can));
	struct pcapring_can can = {};

	if (skb_copy_bits(skb, frame->link, &can, readable) ||
	    skb_copy_bits(skb, frame->link, to, caplen))
		return -EFAULT;
	pcapring_record_fix_can(&can, skb->protocol);
	memcpy(to, &can, min(readable, caplen));
	return 0;
}

/* As packet sockets without a link header name it: not a tag, but what follows. */
static __be16 pcapring_record_protocol(const struct sk_buff *skb)
{
	if (!eth_type_vlan(skb->protocol))
		return skb->protocol;
	return vlan_get_protocol_offset_inline(skb, skb->protocol, skb_mac_offset(skb), NULL);
}

/* The sender's, of which longer ones are cut. Returns its length. */
static u8 pcapring_record_address(const struct sk_buff *skb, u8 *address)
{
	u8 whole[MAX_ADDR_LEN];
	int bytes = 0;

	if (skb_mac_header_was_set(skb))
		bytes = dev_parse_header(skb, whole);
	memcpy(address, whole, clamp(bytes, 0, PCAPRING_COOKED_ADDRESS_BYTES));
	return bytes;
}

static void pcapring_record_cook_sll(u8 *header, const struct sk_buff *skb,
				     const struct pcapring_frame *frame)
{
	struct pcapring_sll sll = {
		.packet_type = htons(skb->pkt_type),
		.arphrd = htons(skb->dev->type),
		.protocol = pcapring_record_protocol(skb),
	};

	sll.address_bytes = htons(pcapring_record_address(skb, sll.address));
	memcpy(header, &sll, offsetof(struct pcapring_sll, protocol));
	header += offsetof(struct pcapring_sll, protocol);
	if (frame->added_bytes > sizeof(sll)) {
		pcapring_record_tag(skb, header);
		header += PCAPRING_TAG_BYTES;
	}
	memcpy(header, &sll.protocol, sizeof(sll.protocol));
}

static void pcapring_record_cook_sll2(u8 *header, const struct sk_buff *skb)
{
	struct pcapring_sll2 sll2 = {
		.protocol = pcapring_record_protocol(skb),
		.ifindex = htonl(skb->dev->ifindex),
		.arphrd = htons(skb->dev->type),
		.packet_type = skb->pkt_type,
	};

	sll2.address_bytes = pcapring_record_address(skb, sll2.address);
	memcpy(header, &sll2, sizeof(sll2));
}

static int pcapring_record_copy_cooked(u8 *to, const struct sk_buff *skb,
				       const struct pcapring_frame *frame, u32 caplen)
{
	u8 header[sizeof(struct pcapring_sll) + PCAPRING_TAG_BYTES];
	u32 bytes = min(caplen, frame->added_bytes);

	BUILD_BUG_ON(sizeof(header) < sizeof(struct pcapring_sll2));
	if (frame->framing == PCAPRING_FRAMING_SLL)
		pcapring_record_cook_sll(header, skb, frame);
	else
		pcapring_record_cook_sll2(header, skb);
	memcpy(to, header, bytes);
	return skb_copy_bits(skb, frame->link, to + bytes, caplen - bytes);
}

int pcapring_record_copy(u8 *to, const struct sk_buff *skb, struct pcapring_frame frame,
			 u32 caplen)
{
	switch (frame.framing) {
	case PCAPRING_FRAMING_PLAIN:
		return skb_copy_bits(skb, frame.link, to, caplen);
	case PCAPRING_FRAMING_ETHERNET:
		return pcapring_record_copy_tagged(to, skb, frame.link, caplen);
	case PCAPRING_FRAMING_CAN:
		return pcapring_record_copy_can(to, skb, &frame, caplen);
	default:
		return pcapring_record_copy_cooked(to, skb, &frame, caplen);
	}
}
