// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core calls under RTNL. It replays REGISTER for all devices when we
 * register and UNREGISTER when we unregister, and a move to another namespace
 * is an UNREGISTER here and a REGISTER there: what we do can be done twice.
 */

#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/net_namespace.h>

#include "capture.h"
#include "chardev.h"
#include "linktype.h"
#include "netdev.h"

static void pcapring_netdev_rename(struct pcapring_capture *capture, struct net_device *dev)
{
	if (pcapring_capture_is_on(capture, dev)) {
		pcapring_capture_rename(capture, dev->name);
		pcapring_chardev_changed(capture);
	} else {
		pcapring_capture_attach(capture, dev);
	}
}

/* Some drivers change a device's type and tell nobody; it is down meanwhile. */
static void pcapring_netdev_retype(struct pcapring_capture *capture, struct net_device *dev)
{
	if (pcapring_capture_is_on(capture, dev) &&
	    pcapring_linktype_of(dev) != capture->linktype)
		pcapring_capture_detach(capture, "the interface changed its link type");
	pcapring_capture_attach(capture, dev);
}

static void pcapring_netdev_follow(struct pcapring_capture *capture, struct net_device *dev,
				   unsigned long event)
{
	switch (event) {
	case NETDEV_REGISTER:
		pcapring_capture_attach(capture, dev);
		break;
	case NETDEV_CHANGENAME:
		pcapring_netdev_rename(capture, dev);
		break;
	case NETDEV_UNREGISTER:
		if (pcapring_capture_is_on(capture, dev))
			pcapring_capture_detach(capture, "the interface left the namespace");
		break;
	case NETDEV_UP:
	case NETDEV_POST_TYPE_CHANGE:
		pcapring_netdev_retype(capture, dev);
		break;
	}
}

static void pcapring_netdev_handle(struct pcapring_capture *capture, struct net_device *dev,
				   unsigned long event)
{
	bool was_on, is_on;

	mutex_lock(&pcapring_captures_lock);
	was_on = pcapring_capture_is_on(capture, dev);
	if (!capture->deleted)
		pcapring_netdev_follow(capture, dev, event);
	is_on = pcapring_capture_is_on(capture, dev);
	mutex_unlock(&pcapring_captures_lock);

	/*
	 * The device may live on, in another namespace: give the count of
	 * promiscuity back while it is at hand. With other events newer kernels
	 * hold the device's lock, which that takes.
	 */
	if (event == NETDEV_UNREGISTER)
		pcapring_rxmode_update(capture);
	else if (was_on != is_on)
		pcapring_rxmode_update_soon(capture);
}

/* With a reference, so that no lock is held while it is worked on. */
static struct pcapring_capture *pcapring_netdev_next(u32 id)
{
	struct pcapring_capture *capture;

	mutex_lock(&pcapring_captures_lock);
	capture = pcapring_capture_next(id);
	if (capture)
		pcapring_capture_get(capture);
	mutex_unlock(&pcapring_captures_lock);
	return capture;
}

static bool pcapring_netdev_concerns(unsigned long event)
{
	return event == NETDEV_REGISTER || event == NETDEV_CHANGENAME ||
	       event == NETDEV_UNREGISTER || event == NETDEV_UP ||
	       event == NETDEV_POST_TYPE_CHANGE;
}

static int pcapring_netdev_event(struct notifier_block *block, unsigned long event, void *data)
{
	struct net_device *dev = netdev_notifier_info_to_dev(data);
	struct pcapring_capture *capture;
	u32 id = 0;

	if (!pcapring_netdev_concerns(event))
		return NOTIFY_DONE;
	while ((capture = pcapring_netdev_next(id))) {
		id = capture->id + 1;
		pcapring_netdev_handle(capture, dev, event);
		pcapring_capture_put(capture);
	}
	return NOTIFY_DONE;
}

static struct notifier_block pcapring_netdev_notifier = {
	.notifier_call = pcapring_netdev_event,
};

static bool pcapring_netdev_net_has_captures(const struct net *net)
{
	struct pcapring_capture *capture;
	bool found = false;

	mutex_lock(&pcapring_captures_lock);
	pcapring_for_each_capture(capture)
		found |= net_eq(capture->net, net);
	mutex_unlock(&pcapring_captures_lock);
	return found;
}

/* By now its devices are gone, and with them all attachments but those to any. */
static void __net_exit pcapring_netdev_net_exit(struct net *net)
{
	struct pcapring_capture *capture;

	/* nobody is left in there who could make one */
	if (!pcapring_netdev_net_has_captures(net))
		return;
	rtnl_lock();
	mutex_lock(&pcapring_captures_lock);
	pcapring_for_each_capture(capture) {
		if (!net_eq(capture->net, net))
			continue;
		pcapring_capture_detach(capture, "the network namespace ended");
		pcapring_capture_orphan(capture);
	}
	mutex_unlock(&pcapring_captures_lock);
	rtnl_unlock();
}

static struct pernet_operations pcapring_netdev_net_ops = {
	.exit = pcapring_netdev_net_exit,
};

int pcapring_netdev_init(void)
{
	int err;

	err = register_pernet_subsys(&pcapring_netdev_net_ops);
	if (err)
		return err;
	err = register_netdevice_notifier(&pcapring_netdev_notifier);
	if (err)
		unregister_pernet_subsys(&pcapring_netdev_net_ops);
	return err;
}

void pcapring_netdev_exit(void)
{
	unregister_netdevice_notifier(&pcapring_netdev_notifier);
	unregister_pernet_subsys(&pcapring_netdev_net_ops);
}
