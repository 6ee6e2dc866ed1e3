# SPDX-License-Identifier: GPL-2.0-only
# Asks the kernel's headers what they have: distributions backport, so that
# version numbers do not tell.

pcapring_has = $(shell grep -qsw '$(2)' $(srctree)/include/$(1) && echo -D$(3))

ccflags-y += $(call pcapring_has,linux/mm.h,vm_flags_set,PCAPRING_HAS_VM_FLAGS_SET)
ccflags-y += $(call pcapring_has,linux/skbuff.h,skb_tstamp,PCAPRING_HAS_SKB_TSTAMP)
ccflags-y += $(call pcapring_has,linux/skbuff.h,skb_frags_readable,PCAPRING_HAS_SKB_FRAGS_READABLE)
ccflags-y += $(call pcapring_has,net/netlink.h,nla_strscpy,PCAPRING_HAS_NLA_STRSCPY)
ccflags-y += $(call pcapring_has,linux/netdevice.h,ndo_get_tstamp,PCAPRING_HAS_NDO_GET_TSTAMP)
ccflags-y += $(call pcapring_has,linux/if_vlan.h,vlan_get_protocol_offset_inline,PCAPRING_HAS_VLAN_GET_PROTOCOL_OFFSET_INLINE)
ccflags-y += $(call pcapring_has,linux/if_vlan.h,__vlan_get_protocol_offset,PCAPRING_HAS_VLAN_GET_PROTOCOL_OFFSET)
ccflags-y += -include $(src)/kmod/compat/compat.h
