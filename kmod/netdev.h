/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces come, go, change their names and namespaces: captures follow. */
#ifndef PCAPRING_NETDEV_H
#define PCAPRING_NETDEV_H

int pcapring_netdev_init(void);
void pcapring_netdev_exit(void);

#endif /* PCAPRING_NETDEV_H */
