/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic netlink family. The manual is the uapi header. */
#ifndef PCAPRING_NETLINK_H
#define PCAPRING_NETLINK_H

int pcapring_netlink_init(void);
void pcapring_netlink_exit(void);

#endif /* PCAPRING_NETLINK_H */
