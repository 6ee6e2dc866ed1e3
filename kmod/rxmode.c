// SPDX-License-Identifier: GPL-2.0-only

#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

#include "capture.h"
#include "rxmode.h"

/* Move one count from the device that has it to @wanted; NULL: none. */
static void pcapring_rxmode_move(struct net_device **has, struct net_device *wanted,
				 int (*count)(struct net_device *dev, int by))
{
	ASSERT_RTNL();
	if (*has == wanted)
		return;
	if (*has)
		count(*has, -1);
	*has = NULL;
	if (wanted && !count(wanted, 1))
		*has = wanted;
}

void pcapring_rxmode_update(struct pcapring_capture *capture)
{
	struct pcapring_rxmode *rxmode = &capture->rxmode;
	struct net_device *dev;

	ASSERT_RTNL();
	/* these three change only under RTNL */
	dev = capture->tap.hook.dev;
	pcapring_rxmode_move(&rxmode->promisc_dev, capture->promisc ? dev : NULL,
			     dev_set_promiscuity);
	pcapring_rxmode_move(&rxmode->allmulti_dev, capture->allmulti ? dev : NULL,
			     dev_set_allmulti);
}

static void pcapring_rxmode_work(struct work_struct *work)
{
	struct pcapring_capture *capture =
		container_of(work, struct pcapring_capture, rxmode.work);

	rtnl_lock();
	pcapring_rxmode_update(capture);
	rtnl_unlock();
	pcapring_capture_put(capture);
}

void pcapring_rxmode_update_soon(struct pcapring_capture *capture)
{
	pcapring_capture_get(capture);
	if (!queue_work(pcapring_capture_wq, &capture->rxmode.work))
		pcapring_capture_put(capture); /* is queued already; not the last */
}

void pcapring_rxmode_init(struct pcapring_capture *capture)
{
	INIT_WORK(&capture->rxmode.work, pcapring_rxmode_work);
}
