// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network card that stamps what it receives, for the tests: no emulated one
 * does. What stamped0 is given to send it receives; of three packets,
 *
 *	one carries the stamp: number N of all came N seconds and N
 *	nanoseconds after the epoch;
 *	one carries none;
 *	one carries a note from which the card can tell, when it is asked.
 */

#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>

static struct net_device *stamped_dev;
static unsigned long stamped_count = 3; /* 0 would be no stamp */

static ktime_t stamped_time(unsigned long number)
{
	return ktime_set(number, number);
}

static void stamped_stamp(struct sk_buff *skb, unsigned long number)
{
	skb_shinfo(skb)->tx_flags = 0;
	skb_hwtstamps(skb)->hwtstamp = 0;
	if (number % 3 == 0) {
		skb_hwtstamps(skb)->hwtstamp = stamped_time(number);
	} else if (number % 3 == 2) {
		skb_shinfo(skb)->tx_flags = SKBTX_HW_TSTAMP_NETDEV;
		skb_hwtstamps(skb)->netdev_data = (void *)number;
	}
}

static netdev_tx_t stamped_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct sk_buff *copy = skb_copy(skb, GFP_ATOMIC);

	consume_skb(skb);
	if (!copy)
		return NETDEV_TX_OK;
	copy->tstamp = 0;
	copy->protocol = eth_type_trans(copy, dev);
	stamped_stamp(copy, stamped_count++);
	netif_rx(copy);
	return NETDEV_TX_OK;
}

static ktime_t stamped_get_tstamp(struct net_device *dev,
				  const struct skb_shared_hwtstamps *hwtstamps, bool cycles)
{
	return stamped_time((unsigned long)hwtstamps->netdev_data);
}

static const struct net_device_ops stamped_ops = {
	.ndo_start_xmit = stamped_xmit,
	.ndo_get_tstamp = stamped_get_tstamp,
};

static void stamped_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &stamped_ops;
	eth_hw_addr_random(dev);
}

static int __init stamped_init(void)
{
	int err;

	stamped_dev = alloc_netdev(0, "stamped0", NET_NAME_USER, stamped_setup);
	if (!stamped_dev)
		return -ENOMEM;
	err = register_netdev(stamped_dev);
	if (err)
		free_netdev(stamped_dev);
	return err;
}

static void __exit stamped_exit(void)
{
	unregister_netdev(stamped_dev);
	free_netdev(stamped_dev);
}

module_init(stamped_init);
module_exit(stamped_exit);

MODULE_DESCRIPTION("A network card that stamps what it receives, for tests");
MODULE_LICENSE("GPL");
