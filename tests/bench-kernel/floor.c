// SPDX-License-Identifier: GPL-2.0-only
/*
 * What no tap can be faster than: a hook that only counts, or only copies; and
 * what ours is to come near: a plain one, which has a lock, the packet's stamp,
 * a check for room and a record, but no features.
 *
 *	insmod floor.ko iface=dummy0 what=count|copy|plain ring_bytes=N snaplen=N
 *
 * Writing to the parameter `drain` makes all of the ring free again.
 */

#include <linux/if_ether.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <net/net_namespace.h>

static char *iface = "dummy0";
module_param(iface, charp, 0444);
static char *what = "plain";
module_param(what, charp, 0444);
static unsigned long ring_bytes = 32ul << 20;
module_param(ring_bytes, ulong, 0444);
static uint snaplen = 262144;
module_param(snaplen, uint, 0444);
static ulong captured;
module_param(captured, ulong, 0444);
static ulong dropped;
module_param(dropped, ulong, 0444);

struct floor_record {
	u32 sec;
	u32 nsec;
	u32 caplen;
	u32 len;
};

static struct net_device *floor_dev;
static u8 *floor_ring;
static DEFINE_SPINLOCK(floor_lock); /* plain: guards all below */
static u64 floor_head;
static u64 floor_tail;

static int floor_drain(const char *value, const struct kernel_param *param)
{
	/* nobody reads; the barriers here cost what a reader's would */
	smp_store_release(&floor_tail, floor_head);
	return 0;
}

static const struct kernel_param_ops floor_drain_ops = { .set = floor_drain };
module_param_cb(drain, &floor_drain_ops, NULL, 0200);

static int floor_count(struct sk_buff *skb, struct net_device *dev, struct packet_type *hook,
		       struct net_device *orig_dev)
{
	captured++;
	consume_skb(skb);
	return 0;
}

/* Where @bytes go, never over the end; NULL: no room. */
static void *floor_reserve(u32 bytes)
{
	u64 offset = floor_head & (ring_bytes - 1);
	u64 head = floor_head;

	if (offset + bytes > ring_bytes) {
		head += ring_bytes - offset;
		offset = 0;
	}
	/* see floor_drain() */
	if (head + bytes - smp_load_acquire(&floor_tail) > ring_bytes)
		return NULL;
	/* see floor_drain() */
	smp_store_release(&floor_head, head + bytes);
	return floor_ring + offset;
}

static int floor_copy(struct sk_buff *skb, struct net_device *dev, struct packet_type *hook,
		      struct net_device *orig_dev)
{
	int link = skb_mac_offset(skb);
	u32 caplen = min(skb->len - link, snaplen);
	void *to = floor_reserve(caplen);

	if (to && !skb_copy_bits(skb, link, to, caplen))
		captured++;
	else
		dropped++;
	consume_skb(skb);
	return 0;
}

static int floor_plain(struct sk_buff *skb, struct net_device *dev, struct packet_type *hook,
		       struct net_device *orig_dev)
{
	int link = skb_mac_offset(skb);
	u32 len = skb->len - link;
	u32 caplen = min(len, snaplen);
	struct floor_record *record;
	struct timespec64 time;

	spin_lock(&floor_lock);
	record = floor_reserve(sizeof(*record) + caplen);
	if (record && !skb_copy_bits(skb, link, record + 1, caplen)) {
		time = ktime_to_timespec64(skb_tstamp(skb) ?: ktime_get_real());
		*record = (struct floor_record){ time.tv_sec, time.tv_nsec, caplen, len };
		captured++;
	} else {
		dropped++;
	}
	spin_unlock(&floor_lock);
	consume_skb(skb);
	return 0;
}

static struct packet_type floor_hook = { .type = htons(ETH_P_ALL) };

static int __init floor_init(void)
{
	floor_hook.func = !strcmp(what, "count") ? floor_count :
			  !strcmp(what, "copy") ? floor_copy : floor_plain;
	floor_ring = vzalloc(ring_bytes);
	if (!floor_ring)
		return -ENOMEM;
	floor_dev = dev_get_by_name(&init_net, iface);
	if (!floor_dev) {
		vfree(floor_ring);
		return -ENODEV;
	}
	floor_hook.dev = floor_dev;
	dev_add_pack(&floor_hook);
	return 0;
}

static void __exit floor_exit(void)
{
	dev_remove_pack(&floor_hook);
	dev_put(floor_dev);
	vfree(floor_ring);
}

module_init(floor_init);
module_exit(floor_exit);

MODULE_DESCRIPTION("Bare hooks, for comparison");
MODULE_AUTHOR("The pcapring developers");
MODULE_LICENSE("GPL");
