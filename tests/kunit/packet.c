// SPDX-License-Identifier: GPL-2.0-only

#include <kunit/test.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include "packet.h"

#define PACKET_HEADROOM	64
#define PACKET_PIECES	5

const char *const packet_shape_name[PACKET_SHAPES] = {
	[PACKET_LINEAR] = "linear",
	[PACKET_PAGED] = "paged",
	[PACKET_ALL_PAGED] = "all paged",
	[PACKET_FRAG_LIST] = "frag list",
	[PACKET_FRAG_LIST_PAGED] = "frag list, paged",
	[PACKET_CLONED] = "cloned",
	[PACKET_SHARED] = "shared",
};

/* Byte @i of an untagged frame: no two stretches of it look alike. */
static u8 packet_byte(u32 i)
{
	static const u8 header[ETH_HLEN] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00,
	};

	return i < ETH_HLEN ? header[i] : i * 7 + (i >> 8);
}

/* Byte @i of tag @tag, both from 0. */
static u8 packet_tag_byte(const struct packet *packet, u32 tag, u32 i)
{
	u16 tpid = ETH_P_8021Q;
	u16 tci = 0x100 + tag;

	if (packet->outer_tag && !tag) {
		tpid = packet->outer_tag;
		tci = PACKET_OUTER_TCI;
	}
	return ((tpid << 16 | tci) >> (24 - 8 * i)) & 0xff;
}

static u32 packet_tags(const struct packet *packet)
{
	return packet->tags + !!packet->outer_tag;
}

u32 packet_length(const struct packet *packet)
{
	return packet->bytes + VLAN_HLEN * packet_tags(packet);
}

void packet_wire(const struct packet *packet, u32 offset, u8 *to, u32 count)
{
	u32 tag_bytes = VLAN_HLEN * packet_tags(packet);
	u32 i, tagged;

	for (i = offset; i < offset + count; i++) {
		tagged = i - 2 * ETH_ALEN;
		if (i < 2 * ETH_ALEN)
			*to++ = packet_byte(i);
		else if (tagged < tag_bytes)
			*to++ = packet_tag_byte(packet, tagged / VLAN_HLEN, tagged % VLAN_HLEN);
		else
			*to++ = packet_byte(i - tag_bytes);
	}
}

/* As packet_wire(), of what is in the skb's data: without the outer tag. */
static void packet_data(const struct packet *packet, u32 offset, u8 *to, u32 count)
{
	u32 before = offset < 2 * ETH_ALEN ? min_t(u32, count, 2 * ETH_ALEN - offset) : 0;

	if (!packet->outer_tag) {
		packet_wire(packet, offset, to, count);
		return;
	}
	packet_wire(packet, offset, to, before);
	packet_wire(packet, offset + before + VLAN_HLEN, to + before, count - before);
}

static struct sk_buff *packet_alloc(struct kunit *test, u32 room)
{
	struct sk_buff *skb = alloc_skb(PACKET_HEADROOM + room, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_reserve(skb, PACKET_HEADROOM);
	return skb;
}

static void packet_put(struct sk_buff *skb, const struct packet *packet, u32 offset, u32 count)
{
	packet_data(packet, offset, skb_put(skb, count), count);
}

static void packet_put_page(struct kunit *test, struct sk_buff *skb, const struct packet *packet,
			    u32 offset, u32 count)
{
	unsigned int order = get_order(count + 100);
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, order);

	KUNIT_ASSERT_NOT_NULL(test, page);
	packet_data(packet, offset, page_address(page) + 100, count);
	skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, 100, count, PAGE_SIZE << order);
}

/* What comes after the first @done bytes, in up to PACKET_PIECES pieces. */
static void packet_put_pages(struct kunit *test, struct sk_buff *skb, const struct packet *packet,
			     u32 done, u32 end)
{
	u32 piece = DIV_ROUND_UP(end - done, PACKET_PIECES);
	u32 count;

	for (; done < end; done += count) {
		count = min(piece, end - done);
		packet_put_page(test, skb, packet, done, count);
	}
}

static void packet_put_list(struct kunit *test, struct sk_buff *skb, const struct packet *packet,
			    u32 done, u32 end)
{
	struct sk_buff **next = &skb_shinfo(skb)->frag_list;
	u32 piece = DIV_ROUND_UP(end - done, PACKET_PIECES);
	u32 count;

	for (; done < end; done += count) {
		count = min(piece, end - done);
		*next = packet_alloc(test, count);
		if (packet->shape == PACKET_FRAG_LIST_PAGED)
			packet_put_pages(test, *next, packet, done, done + count);
		else
			packet_put(*next, packet, done, count);
		skb->len += count;
		skb->data_len += count;
		skb->truesize += (*next)->truesize;
		next = &(*next)->next;
	}
}

static struct sk_buff *packet_fill(struct kunit *test, const struct packet *packet)
{
	u32 end = packet->bytes + VLAN_HLEN * packet->tags;
	u32 link = min_t(u32, end, ETH_HLEN);
	struct sk_buff *skb;

	switch (packet->shape) {
	case PACKET_PAGED:
		skb = packet_alloc(test, link);
		packet_put(skb, packet, 0, link);
		packet_put_pages(test, skb, packet, link, end);
		return skb;
	case PACKET_ALL_PAGED:
		skb = packet_alloc(test, 0);
		packet_put_pages(test, skb, packet, 0, end);
		return skb;
	case PACKET_FRAG_LIST:
	case PACKET_FRAG_LIST_PAGED:
		skb = packet_alloc(test, link);
		packet_put(skb, packet, 0, link);
		packet_put_list(test, skb, packet, link, end);
		return skb;
	default:
		skb = packet_alloc(test, end);
		packet_put(skb, packet, 0, end);
		return skb;
	}
}

struct sk_buff *packet_skb(struct kunit *test, const struct packet *packet, struct net_device *dev)
{
	struct sk_buff *skb = packet_fill(test, packet);

	skb->dev = dev;
	skb->protocol = htons(ETH_P_IP);
	skb->pkt_type = packet->out ? PACKET_OUTGOING : PACKET_HOST;
	skb->tstamp = ns_to_ktime(packet->stamp);
	if (packet->outer_tag)
		__vlan_hwaccel_put_tag(skb, htons(packet->outer_tag), PACKET_OUTER_TCI);
	if (packet->gso_bytes) {
		skb_shinfo(skb)->gso_size = packet->gso_bytes;
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(packet->bytes, packet->gso_bytes);
		skb_shinfo(skb)->gso_type = SKB_GSO_TCPV4;
	}
	if (!packet->unset_mac)
		skb_reset_mac_header(skb);
	if (!packet->out && !packet->bare && !packet->unset_mac)
		__skb_pull(skb, min_t(u32, skb_headlen(skb), ETH_HLEN));
	skb_reset_network_header(skb);
	return skb;
}
