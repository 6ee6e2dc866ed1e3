// SPDX-License-Identifier: GPL-2.0-only

#include <linux/if_arp.h>
#include <linux/kernel.h>
#include <linux/netdevice.h>
#include <linux/string.h>

#include "linktype.h"

#define PCAPRING_LINKTYPE_RAW		101
#define PCAPRING_LINKTYPE_LINUX_IRDA	144
#define PCAPRING_LINKTYPE_LINUX_LAPD	177
#define PCAPRING_LINKTYPE_CAN_SOCKETCAN	227
#define PCAPRING_LINKTYPE_NETLINK	253

/* Values that libpcap knows and the kernel does not name. */
#define PCAPRING_ARPHRD_IP_OVER_FC	18
#define PCAPRING_ARPHRD_LAPD		8445

static const struct {
	u16 arphrd;
	u16 linktype;
} pcapring_linktypes[] = {
	{ ARPHRD_LOOPBACK, PCAPRING_LINKTYPE_ETHERNET },
	{ ARPHRD_METRICOM, PCAPRING_LINKTYPE_ETHERNET },
	{ ARPHRD_NONE, PCAPRING_LINKTYPE_RAW },
	{ ARPHRD_TUNNEL, PCAPRING_LINKTYPE_RAW },
	{ ARPHRD_SIT, PCAPRING_LINKTYPE_RAW },
	{ ARPHRD_SLIP, PCAPRING_LINKTYPE_RAW },
	{ ARPHRD_CSLIP, PCAPRING_LINKTYPE_RAW },
	{ ARPHRD_SLIP6, PCAPRING_LINKTYPE_RAW },
	{ ARPHRD_CSLIP6, PCAPRING_LINKTYPE_RAW },
	{ ARPHRD_ADAPT, PCAPRING_LINKTYPE_RAW },
	{ ARPHRD_RAWHDLC, PCAPRING_LINKTYPE_RAW },
	{ ARPHRD_DLCI, PCAPRING_LINKTYPE_RAW },
	{ ARPHRD_CAN, PCAPRING_LINKTYPE_CAN_SOCKETCAN },
	{ ARPHRD_NETLINK, PCAPRING_LINKTYPE_NETLINK },
	{ ARPHRD_IRDA, PCAPRING_LINKTYPE_LINUX_IRDA },
	{ PCAPRING_ARPHRD_LAPD, PCAPRING_LINKTYPE_LINUX_LAPD },
	{ ARPHRD_EETHER, 2 },			/* EXP_ETHERNET */
	{ ARPHRD_PRONET, 4 },			/* PRONET */
	{ ARPHRD_CHAOS, 5 },			/* CHAOS */
	{ ARPHRD_IEEE802, 6 },			/* IEEE802_5 */
	{ ARPHRD_IEEE802_TR, 6 },		/* IEEE802_5 */
	{ ARPHRD_FDDI, 10 },			/* FDDI */
	{ ARPHRD_CISCO, 104 },			/* C_HDLC */
	{ ARPHRD_IEEE80211, 105 },		/* IEEE802_11 */
	{ ARPHRD_FRAD, 107 },			/* FRELAY */
	{ ARPHRD_LOCALTLK, 114 },		/* LTALK */
	{ ARPHRD_IEEE80211_PRISM, 119 },	/* IEEE802_11_PRISM */
	{ PCAPRING_ARPHRD_IP_OVER_FC, 122 },	/* IP_OVER_FC */
	{ ARPHRD_IEEE80211_RADIOTAP, 127 },	/* IEEE802_11_RADIOTAP */
	{ ARPHRD_ARCNET, 129 },			/* ARCNET_LINUX */
	{ ARPHRD_AX25, 202 },			/* AX25_KISS */
	{ ARPHRD_FCPP, 224 },			/* FC_2 */
	{ ARPHRD_FCAL, 224 },			/* FC_2 */
	{ ARPHRD_FCPL, 224 },			/* FC_2 */
	{ ARPHRD_FCFABRIC, 224 },		/* FC_2 */
	{ ARPHRD_IEEE802154, 230 },		/* IEEE802_15_4_NOFCS */
	{ ARPHRD_VSOCKMON, 271 },		/* VSOCK */
};

static bool pcapring_linktype_is_named(const struct net_device *dev, const char *prefix)
{
	return !strncmp(dev->name, prefix, strlen(prefix));
}

/* What says that it is Ethernet, but is not. */
static u32 pcapring_linktype_of_ethernet(const struct net_device *dev)
{
	if (pcapring_linktype_is_named(dev, "cdma_rmnet"))
		return PCAPRING_LINKTYPE_RAW;
	if (pcapring_linktype_is_named(dev, "isdn") || pcapring_linktype_is_named(dev, "isdY"))
		return PCAPRING_LINKTYPE_LINUX_SLL;
	return PCAPRING_LINKTYPE_ETHERNET;
}

u32 pcapring_linktype_of(const struct net_device *dev)
{
	size_t i;

	if (dev->type == ARPHRD_ETHER)
		return pcapring_linktype_of_ethernet(dev);
	for (i = 0; i < ARRAY_SIZE(pcapring_linktypes); i++) {
		if (pcapring_linktypes[i].arphrd == dev->type)
			return pcapring_linktypes[i].linktype;
	}
	return PCAPRING_LINKTYPE_LINUX_SLL;
}

enum pcapring_framing pcapring_linktype_framing(u32 linktype)
{
	switch (linktype) {
	case PCAPRING_LINKTYPE_ETHERNET:
		return PCAPRING_FRAMING_ETHERNET;
	case PCAPRING_LINKTYPE_CAN_SOCKETCAN:
		return PCAPRING_FRAMING_CAN;
	case PCAPRING_LINKTYPE_LINUX_SLL:
	case PCAPRING_LINKTYPE_LINUX_IRDA:
	case PCAPRING_LINKTYPE_LINUX_LAPD:
	case PCAPRING_LINKTYPE_NETLINK:
		return PCAPRING_FRAMING_SLL;
	case PCAPRING_LINKTYPE_LINUX_SLL2:
		return PCAPRING_FRAMING_SLL2;
	default:
		return PCAPRING_FRAMING_PLAIN;
	}
}
