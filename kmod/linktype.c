// SPDX-License-Identifier: GPL-2.0-only

#include <linux/if_arp.h>
#include <linux/netdevice.h>
#include <linux/pcapring.h>

#include "linktype.h"

u32 pcapring_linktype_of(const struct net_device *dev)
{
	switch (dev->type) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return PCAPRING_LINKTYPE_ETHERNET;
	case ARPHRD_NONE:
		return PCAPRING_LINKTYPE_RAW;
	default:
		return PCAPRING_LINKTYPE_NONE;
	}
}
