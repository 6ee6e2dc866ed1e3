// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets come in softirq or process context with bottom halves off, inside of
 * RCU's read side. We own one reference to the skb and must change nothing in
 * it that lasts: other taps and the stack see the same one.
 */

#include <linux/eventpoll.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/kernel.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/smp.h>
#include <net/net_namespace.h>

#include "linktype.h"
#include "record.h"
#include "ring.h"
#include "tap.h"
#include "trace.h"

/* Bits of skb->pkt_type. Copies that a sender makes for itself are none of them. */
#define PCAPRING_TAP_OUT	BIT(PACKET_OUTGOING)
#define PCAPRING_TAP_IN		((u32)~(BIT(PACKET_OUTGOING) | BIT(PACKET_LOOPBACK)))

static u32 pcapring_tap_pkt_types(u32 direction, const struct net_device *dev)
{
	if (direction == PCAPRING_DIRECTION_IN)
		return PCAPRING_TAP_IN;
	/* these show each packet twice; as libpcap does, keep the second */
	if (dev->flags & IFF_LOOPBACK)
		return direction == PCAPRING_DIRECTION_OUT ? 0 : PCAPRING_TAP_IN;
	if (direction == PCAPRING_DIRECTION_OUT)
		return PCAPRING_TAP_OUT;
	return dev->type == ARPHRD_CAN ? PCAPRING_TAP_IN : PCAPRING_TAP_IN | PCAPRING_TAP_OUT;
}

static bool pcapring_tap_wants(const struct pcapring_tap *tap, const struct sk_buff *skb,
			       const struct net_device *dev)
{
	u32 pkt_types = READ_ONCE(tap->pkt_types);

	if (unlikely(tap->hook.af_packet_net)) {
		/* older kernels show a tap of all devices those of all namespaces */
		if (!net_eq(dev_net(dev), tap->hook.af_packet_net))
			return false;
		pkt_types = pcapring_tap_pkt_types(READ_ONCE(tap->direction), dev);
	}
	return pkt_types & BIT(skb->pkt_type);
}

/*
 * Where a device does not insert tags by itself, the core puts them into the
 * data of a packet that goes out, but leaves the network header behind the tag
 * while the protocol is the tag's. The flow dissector begins with the tag.
 */
static u32 pcapring_tap_flow_hash(struct sk_buff *skb, const struct net_device *dev)
{
	int network = skb_network_offset(skb);
	u32 hash;

	if (skb->pkt_type != PACKET_OUTGOING || !eth_type_vlan(skb->protocol) ||
	    dev->type != ARPHRD_ETHER)
		return __skb_get_hash_symmetric(skb);
	skb_set_network_header(skb, ETH_HLEN);
	hash = __skb_get_hash_symmetric(skb);
	skb_set_network_header(skb, network);
	return hash;
}

static struct pcapring_ring *pcapring_tap_steer(const struct pcapring_tap *tap, struct sk_buff *skb,
						const struct net_device *dev)
{
	u32 index = 0;

	if (unlikely(tap->ring_count > 1)) {
		if (tap->steer == PCAPRING_STEER_FLOW)
			index = reciprocal_scale(pcapring_tap_flow_hash(skb, dev), tap->ring_count);
		else
			index = raw_smp_processor_id() % tap->ring_count;
	}
	return &tap->rings[index];
}

static u32 pcapring_tap_judge(const struct pcapring_tap *tap, struct sk_buff *skb, int link)
{
	u32 verdict = pcapring_filter_run(&tap->filter, skb, link);

	if (verdict)
		verdict = min(verdict, pcapring_filter_run(&tap->reader_filter, skb, link));
	return verdict;
}

/* One packet in so many, the first of them. False: this one is passed over. */
static bool pcapring_tap_sample(const struct pcapring_tap *tap, struct pcapring_ring *ring)
{
	u32 sample = READ_ONCE(tap->sample);

	lockdep_assert_held(&ring->lock);
	if (likely(sample <= 1))
		return true;
	/* it may have been more when it began to count */
	if (!ring->sample_left || ring->sample_left >= sample) {
		ring->sample_left = sample - 1;
		return true;
	}
	ring->sample_left--;
	return false;
}

/* What AF_PACKET reports, so that both name the same nanosecond. */
static u64 pcapring_tap_stamp(const struct sk_buff *skb)
{
	u64 stamp = skb_tstamp(skb);

	return likely(stamp) ? stamp : ktime_get_real();
}

/* That of the network card @dev, if it is wanted and there; else @unstamped. */
static u64 pcapring_tap_hardware_stamp(struct sk_buff *skb, struct net_device *dev,
				       bool *unstamped)
{
	u64 stamp = pcapring_compat_hwtstamp(skb, dev);

	*unstamped = !stamp;
	return stamp ?: pcapring_tap_stamp(skb);
}

/* False: it is dropped. Sets @wake where a reader sleeps. */
static bool pcapring_tap_capture(struct pcapring_tap *tap, struct pcapring_ring *ring,
				 struct sk_buff *skb, struct net_device *orig_dev,
				 const struct pcapring_frame *frame, u32 verdict, bool *wake)
{
	u32 caplen = pcapring_caplen(frame->readable, frame->added_bytes, verdict,
				     READ_ONCE(tap->snaplen));
	u64 bytes = pcapring_ring_record_bytes(caplen);
	void *to = pcapring_ring_reserve(ring, bytes);
	bool unstamped = false;
	u64 stamp;

	if (!to)
		return false;
	/* one that goes out may pass while direction and stamps change */
	if (unlikely(READ_ONCE(tap->tstamp) == PCAPRING_TSTAMP_HARDWARE) &&
	    skb->pkt_type != PACKET_OUTGOING)
		stamp = pcapring_tap_hardware_stamp(skb, orig_dev, &unstamped);
	else
		stamp = pcapring_tap_stamp(skb);
	if (pcapring_record_write(to, skb, frame, caplen, stamp))
		return false;
	/* last, so that what is dropped uses nothing up */
	if (!pcapring_limit_take(&tap->limit, caplen)) {
		pcapring_ring_count_paused(ring);
		return true;
	}
	pcapring_ring_count_captured(ring, caplen, caplen < frame->length + frame->added_bytes);
	ring->unstamped += unstamped;
	/* commit passes the full barrier that waitqueue_active() needs */
	*wake = pcapring_ring_commit(ring, bytes) && waitqueue_active(&tap->wait);
	if (*wake) {
		ring->wakeups++;
		trace_pcapring_wakeup(tap->id, ring - tap->rings,
				      ring->head - READ_ONCE(ring->consumer->seen));
	}
	return true;
}

/* Count the packet as what it is to be. False: it is dropped. */
static bool pcapring_tap_dispose(struct pcapring_tap *tap, struct pcapring_ring *ring,
				 struct sk_buff *skb, struct net_device *orig_dev,
				 const struct pcapring_frame *frame, u32 verdict, bool *wake)
{
	lockdep_assert_held(&ring->lock);

	if (unlikely(ring->frozen || pcapring_limit_reached(&tap->limit))) {
		pcapring_ring_count_paused(ring);
		return true;
	}
	if (unlikely(!verdict)) {
		pcapring_ring_count_filtered(ring);
		return true;
	}
	if (unlikely(!pcapring_tap_sample(tap, ring))) {
		pcapring_ring_count_sampled(ring);
		return true;
	}
	if (pcapring_tap_capture(tap, ring, skb, orig_dev, frame, verdict, wake))
		return true;
	pcapring_ring_count_dropped(ring, pcapring_tap_stamp(skb));
	trace_pcapring_drop(tap->id, ring - tap->rings, frame->length + frame->added_bytes);
	return false;
}

static int pcapring_tap_receive(struct sk_buff *skb, struct net_device *dev,
				struct packet_type *hook, struct net_device *orig_dev)
{
	struct pcapring_tap *tap = container_of(hook, struct pcapring_tap, hook);
	struct pcapring_frame frame;
	struct pcapring_ring *ring;
	bool wake = false;
	u32 verdict;
	bool kept;

	if (unlikely(!pcapring_tap_wants(tap, skb, dev))) {
		consume_skb(skb);
		return 0;
	}
	frame = pcapring_record_frame(skb, dev, tap->framing);
	ring = pcapring_tap_steer(tap, skb, dev);
	verdict = pcapring_tap_judge(tap, skb, frame.link);

	spin_lock(&ring->lock);
	kept = pcapring_tap_dispose(tap, ring, skb, orig_dev, &frame, verdict, &wake);
	spin_unlock(&ring->lock);

	if (wake)
		wake_up_interruptible_poll(&tap->wait, EPOLLIN | EPOLLRDNORM);
	if (kept)
		consume_skb(skb);
	else
		kfree_skb(skb);
	return 0;
}

static void pcapring_tap_link(struct pcapring_tap *tap)
{
	ASSERT_RTNL();
	tap->hook.type = htons(ETH_P_ALL);
	tap->hook.func = pcapring_tap_receive;
	tap->attached = true;
	/* the core stamps packets as early as they come in */
	net_enable_timestamp();
	dev_add_pack(&tap->hook);
}

void pcapring_tap_attach(struct pcapring_tap *tap, struct net_device *dev, u32 linktype)
{
	tap->framing = pcapring_linktype_framing(linktype);
	tap->hook.dev = dev;
	pcapring_tap_set_direction(tap, tap->direction);
	pcapring_tap_link(tap);
}

void pcapring_tap_attach_any(struct pcapring_tap *tap, struct net *net)
{
	tap->framing = PCAPRING_FRAMING_SLL2;
	tap->hook.af_packet_net = net;
	pcapring_tap_link(tap);
}

void pcapring_tap_detach(struct pcapring_tap *tap)
{
	ASSERT_RTNL();
	/* unlinks the hook and waits for all CPUs that may be in it */
	dev_remove_pack(&tap->hook);
	net_disable_timestamp();
	tap->attached = false;
	tap->hook.dev = NULL;
	tap->hook.af_packet_net = NULL;
}

void pcapring_tap_set_direction(struct pcapring_tap *tap, u32 direction)
{
	WRITE_ONCE(tap->direction, direction);
	if (tap->hook.dev)
		WRITE_ONCE(tap->pkt_types, pcapring_tap_pkt_types(direction, tap->hook.dev));
	/* spares the core the clone; it looks anew for each packet */
	WRITE_ONCE(tap->hook.ignore_outgoing, direction == PCAPRING_DIRECTION_IN);
}
