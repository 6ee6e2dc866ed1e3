/* SPDX-License-Identifier: GPL-2.0-only */
/* Link types as libpcap chooses them (https://www.tcpdump.org/linktypes.html). */
#ifndef PCAPRING_LINKTYPE_H
#define PCAPRING_LINKTYPE_H

#include <linux/types.h>

#include "record.h"

struct net_device;

#define PCAPRING_LINKTYPE_ETHERNET	1
#define PCAPRING_LINKTYPE_LINUX_SLL	113
#define PCAPRING_LINKTYPE_LINUX_SLL2	276

/* The device's LINKTYPE_* value. What has no better is LINUX_SLL. */
u32 pcapring_linktype_of(const struct net_device *dev);

/* What records of this link type begin with. */
enum pcapring_framing pcapring_linktype_framing(u32 linktype);

#endif /* PCAPRING_LINKTYPE_H */
