/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The receive mode: what an interface takes in beyond its own traffic, counted
 * in the device. Each count of ours is given back once, to the device that has
 * it.
 */
#ifndef PCAPRING_RXMODE_H
#define PCAPRING_RXMODE_H

#include <linux/workqueue.h>

struct net_device;
struct pcapring_capture;

/**
 * struct pcapring_rxmode - the counts that a capture has
 * @work: brings them up to date
 * @promisc_dev: the device whose promiscuity counts us, or NULL
 * @allmulti_dev: the device whose all-multicast mode counts us, or NULL
 *
 * Both guarded by RTNL.
 */
struct pcapring_rxmode {
	struct work_struct work;
	struct net_device *promisc_dev;
	struct net_device *allmulti_dev;
};

void pcapring_rxmode_init(struct pcapring_capture *capture);

/*
 * Give counts back that are not wanted any more, and take those of the attached
 * device that are. With RTNL held, without pcapring_captures_lock: the device
 * takes its own lock.
 */
void pcapring_rxmode_update(struct pcapring_capture *capture);
/* The same a little later, where the device may be locked already. */
void pcapring_rxmode_update_soon(struct pcapring_capture *capture);

#endif /* PCAPRING_RXMODE_H */
