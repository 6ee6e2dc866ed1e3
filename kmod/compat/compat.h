/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What older kernels lack, under today's names; the rest of the module is
 * written for the newest kernel. Seen by every file (see Kbuild). Each shim
 * names the kernel that first had the real thing.
 */
#ifndef PCAPRING_COMPAT_H
#define PCAPRING_COMPAT_H

#include <linux/gfp.h>
#include <linux/if_ether.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

#ifndef CONFIG_64BIT
#error "pcapring needs a 64-bit kernel: it stores 64-bit positions at once."
#endif

#if defined(CONFIG_MIPS) || defined(CONFIG_PARISC) || defined(CONFIG_SPARC)
#error "pcapring needs caches without aliases: it shares pages at different addresses."
#endif

/* 6.3 */
#ifndef PCAPRING_HAS_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* 5.11; nla_strlcpy() has the same arguments */
#ifndef PCAPRING_HAS_NLA_STRSCPY
#define nla_strscpy nla_strlcpy
#endif

/* 5.19 */
#ifndef PCAPRING_HAS_SKB_TSTAMP
static inline ktime_t skb_tstamp(const struct sk_buff *skb)
{
	return skb->tstamp;
}
#endif

/* 6.12; before, all pages of a packet could be read */
#ifndef PCAPRING_HAS_SKB_FRAGS_READABLE
static inline bool skb_frags_readable(const struct sk_buff *skb)
{
	return true;
}
#endif

/*
 * 6.0: a card may keep its stamp in a form of its own, which only the card can
 * read; @dev may not be that card.
 */
static inline ktime_t pcapring_compat_hwtstamp(struct sk_buff *skb, struct net_device *dev)
{
#ifdef PCAPRING_HAS_NDO_GET_TSTAMP
	if (skb_shinfo(skb)->tx_flags & SKBTX_HW_TSTAMP_NETDEV)
		return dev->netdev_ops->ndo_get_tstamp ?
		       netdev_get_tstamp(dev, skb_hwtstamps(skb), false) : 0;
#endif
	return skb_hwtstamps(skb)->hwtstamp;
}

/*
 * 7.0; 6.13 with the same arguments under another name; before, packet sockets
 * without a link header named the tag
 */
#ifndef PCAPRING_HAS_VLAN_GET_PROTOCOL_OFFSET_INLINE
#ifdef PCAPRING_HAS_VLAN_GET_PROTOCOL_OFFSET
#define vlan_get_protocol_offset_inline __vlan_get_protocol_offset
#else
static inline __be16 vlan_get_protocol_offset_inline(const struct sk_buff *skb, __be16 type,
						     int mac_offset, int *depth)
{
	return type;
}
#endif
#endif

/* 6.1 */
#ifndef ETH_P_CANXL
#define ETH_P_CANXL	0x000E
#endif

/*
 * 5.11; before, a page that is charged to a memory control group is of a type
 * that user space cannot map.
 */
#ifdef PG_kmemcg
#define PCAPRING_GFP_CHARGED	GFP_KERNEL
#else
#define PCAPRING_GFP_CHARGED	GFP_KERNEL_ACCOUNT
#endif

#endif /* PCAPRING_COMPAT_H */
