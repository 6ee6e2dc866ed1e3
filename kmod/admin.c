// SPDX-License-Identifier: GPL-2.0-only

#include <linux/netdevice.h>
#include <linux/pcapring.h>
#include <linux/rtnetlink.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include "admin.h"
#include "capture.h"
#include "chardev.h"

/* Outermost: one birth, change or death at a time, device nodes included. */
static DEFINE_MUTEX(pcapring_admin_lock);
static bool pcapring_admin_closed; /* pcapring_admin_lock */

/* Released one by one: between the two, the device's own lock can be taken. */
static void pcapring_admin_lock_all(void)
{
	rtnl_lock();
	mutex_lock(&pcapring_captures_lock);
}

static int pcapring_admin_register(struct pcapring_capture *capture,
				   struct pcapring_filter_new *filter, struct pcapring_fault *fault)
{
	int err;

	mutex_lock(&pcapring_captures_lock);
	err = pcapring_capture_register(capture);
	if (!err)
		pcapring_filter_swap(&capture->tap.filter, filter);
	mutex_unlock(&pcapring_captures_lock);
	if (err == -ENOSPC)
		fault->reason = "there are as many captures as there can be";
	return err;
}

/* Its interface may be there, or come right now: only one of the two attaches. */
static void pcapring_admin_announce(struct pcapring_capture *capture)
{
	struct net_device *dev;

	pcapring_admin_lock_all();
	dev = capture->any ? NULL : __dev_get_by_name(capture->net, capture->ifname);
	/* asked for by one of its alternative names, perhaps */
	if (dev)
		strscpy(capture->ifname, dev->name, sizeof(capture->ifname));
	pcapring_capture_announce(capture);
	if (capture->any)
		pcapring_capture_attach_any(capture);
	else if (dev)
		pcapring_capture_attach(capture, dev);
	mutex_unlock(&pcapring_captures_lock);
	pcapring_rxmode_update(capture);
	rtnl_unlock();
}

static void pcapring_admin_remove(struct pcapring_capture *capture)
{
	lockdep_assert_held(&pcapring_admin_lock);

	pcapring_admin_lock_all();
	pcapring_capture_detach(capture, "the capture was deleted");
	pcapring_capture_unregister(capture);
	pcapring_capture_tell(capture, PCAPRING_CMD_DELETED_NTF, NULL);
	mutex_unlock(&pcapring_captures_lock);
	pcapring_rxmode_update(capture);
	rtnl_unlock();

	pcapring_chardev_remove(capture);
	pcapring_capture_put(capture);
}

static int pcapring_admin_start_locked(struct pcapring_capture *capture,
				       struct pcapring_filter_new *filter,
				       struct pcapring_fault *fault)
{
	int err;

	lockdep_assert_held(&pcapring_admin_lock);
	if (pcapring_admin_closed)
		return -ESHUTDOWN;
	err = pcapring_admin_register(capture, filter, fault);
	if (err)
		return err;
	err = pcapring_chardev_add(capture);
	if (err) {
		pcapring_admin_remove(capture);
		return err;
	}
	pcapring_admin_announce(capture);
	return 0;
}

int pcapring_admin_start(struct pcapring_capture *capture, struct pcapring_filter_new *filter,
			 struct pcapring_fault *fault)
{
	int err;

	mutex_lock(&pcapring_admin_lock);
	err = pcapring_admin_start_locked(capture, filter, fault);
	mutex_unlock(&pcapring_admin_lock);
	return err;
}

static struct pcapring_capture *pcapring_admin_find(struct net *net, u32 id,
						    struct pcapring_fault *fault)
{
	struct pcapring_capture *capture = pcapring_capture_find(id);

	if (capture && net_eq(capture->net, net))
		return capture;
	fault->attribute = PCAPRING_A_ID;
	fault->reason = "no capture of this network namespace has this id";
	return NULL;
}

static int pcapring_admin_check(struct pcapring_capture *capture,
				const struct pcapring_change *change, struct pcapring_fault *fault)
{
	if (change->direction && !pcapring_config_direction_fits(*change->direction, fault))
		return -EINVAL;
	if (!change->snaplen)
		return 0;
	if (!pcapring_config_snaplen_fits(*change->snaplen, capture->ring_bytes, fault))
		return -EINVAL;
	/* the header that a reader was given must hold for all that follows */
	if (*change->snaplen > capture->tap.snaplen &&
	    (capture->open || !pcapring_capture_is_empty(capture))) {
		fault->attribute = PCAPRING_A_SNAPLEN;
		fault->reason = "can be raised only while no reader is there and all is read";
		return -EBUSY;
	}
	return 0;
}

static void pcapring_admin_apply(struct pcapring_capture *capture,
				 const struct pcapring_change *change)
{
	if (change->snaplen)
		WRITE_ONCE(capture->tap.snaplen, *change->snaplen);
	if (change->direction)
		pcapring_tap_set_direction(&capture->tap, *change->direction);
	if (change->filter)
		pcapring_filter_swap(&capture->tap.filter, change->filter);
	if (change->promisc)
		capture->promisc = *change->promisc;
	pcapring_capture_tell(capture, PCAPRING_CMD_CHANGED_NTF, NULL);
}

int pcapring_admin_change(struct net *net, u32 id, const struct pcapring_change *change,
			  struct pcapring_fault *fault)
{
	struct pcapring_capture *capture;
	int err = -ENOENT;

	mutex_lock(&pcapring_admin_lock);
	pcapring_admin_lock_all();
	capture = pcapring_admin_find(net, id, fault);
	if (capture)
		err = pcapring_admin_check(capture, change, fault);
	if (!err)
		pcapring_admin_apply(capture, change);
	mutex_unlock(&pcapring_captures_lock);
	if (!err)
		pcapring_rxmode_update(capture);
	rtnl_unlock();
	mutex_unlock(&pcapring_admin_lock);
	return err;
}

int pcapring_admin_delete(struct net *net, u32 id, struct pcapring_fault *fault)
{
	struct pcapring_capture *capture;

	mutex_lock(&pcapring_admin_lock);
	mutex_lock(&pcapring_captures_lock);
	capture = pcapring_admin_find(net, id, fault);
	mutex_unlock(&pcapring_captures_lock);
	/* it stays registered: only holders of the admin lock change that */
	if (capture)
		pcapring_admin_remove(capture);
	mutex_unlock(&pcapring_admin_lock);
	return capture ? 0 : -ENOENT;
}

void pcapring_admin_close(void)
{
	struct pcapring_capture *capture;

	mutex_lock(&pcapring_admin_lock);
	pcapring_admin_closed = true;
	for (;;) {
		mutex_lock(&pcapring_captures_lock);
		capture = pcapring_capture_next(0);
		mutex_unlock(&pcapring_captures_lock);
		if (!capture)
			break;
		pcapring_admin_remove(capture);
	}
	mutex_unlock(&pcapring_admin_lock);
}
