// SPDX-License-Identifier: GPL-2.0-only

#include <linux/err.h>
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
	struct pcapring_config config;
	struct net_device *dev;

	pcapring_admin_lock_all();
	dev = capture->any ? NULL : __dev_get_by_name(capture->net, capture->ifname);
	/* asked for by one of its alternative names, perhaps */
	if (dev)
		strscpy(capture->ifname, dev->name, sizeof(capture->ifname));
	pcapring_capture_announce(capture);
	pcapring_admin_config(capture, &config);
	pcapring_limit_begin(&capture->tap.limit, &config, PCAPRING_LIMIT_ALL);
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
	pcapring_limit_cancel(&capture->tap.limit);
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

void pcapring_admin_undo(struct pcapring_capture *capture)
{
	mutex_lock(&pcapring_admin_lock);
	/* its number may be known already, and that of another by now */
	if (!capture->deleted)
		pcapring_admin_remove(capture);
	mutex_unlock(&pcapring_admin_lock);
}

static struct pcapring_capture *pcapring_admin_find(const struct pcapring_caller *caller, u32 id,
						    struct pcapring_fault *fault)
{
	struct pcapring_capture *capture = pcapring_capture_find(id);
	int err;

	if (!capture || !net_eq(capture->net, caller->net)) {
		fault->reason = "no capture of this network namespace has this id";
		err = -ENOENT;
	} else if (caller->userns && !capture->userns) {
		fault->reason = "the capture is the administrator's";
		err = -EPERM;
	} else {
		return capture;
	}
	fault->attribute = PCAPRING_A_ID;
	return ERR_PTR(err);
}

void pcapring_admin_config(const struct pcapring_capture *capture, struct pcapring_config *config)
{
	const struct pcapring_tap *tap = &capture->tap;

	lockdep_assert_held(&pcapring_captures_lock);
	*config = (struct pcapring_config) {
		.snaplen = tap->snaplen,
		.ring_bytes = capture->ring_bytes,
		.rings = tap->ring_count,
		.steer = tap->steer,
		.mode = capture->mode,
		.direction = tap->direction,
		.promisc = capture->promisc,
		.allmulti = capture->allmulti,
		.tstamp = tap->tstamp,
		.sample = tap->sample,
		.limit_packets = tap->limit.packets,
		.limit_bytes = tap->limit.bytes,
		.limit_seconds = tap->limit.seconds,
		.userns = capture->userns,
		.any = capture->any,
	};
	strscpy(config->ifname, capture->ifname, sizeof(config->ifname));
}

static int pcapring_admin_check(struct pcapring_capture *capture,
				const struct pcapring_config *config,
				struct pcapring_fault *fault)
{
	int err = pcapring_config_check(config, fault);

	if (err)
		return err;
	/* the header that a reader was given must hold for all that follows */
	if (config->snaplen > capture->tap.snaplen &&
	    (capture->open || !pcapring_capture_is_empty(capture))) {
		fault->attribute = PCAPRING_A_SNAPLEN;
		fault->reason = "can be raised only while no reader is there and all is read";
		return -EBUSY;
	}
	return 0;
}

static void pcapring_admin_apply(struct pcapring_capture *capture,
				 const struct pcapring_config *config,
				 const struct pcapring_change *change)
{
	struct pcapring_tap *tap = &capture->tap;
	bool frozen = change->frozen ? *change->frozen : capture->frozen;
	bool thaws = capture->frozen && !frozen;

	WRITE_ONCE(tap->snaplen, config->snaplen);
	pcapring_tap_set_direction(tap, config->direction);
	WRITE_ONCE(tap->tstamp, config->tstamp);
	WRITE_ONCE(tap->sample, config->sample);
	capture->promisc = config->promisc;
	capture->allmulti = config->allmulti;
	if (change->filter)
		pcapring_filter_swap(&tap->filter, change->filter);
	pcapring_limit_begin(&tap->limit, config, thaws ? PCAPRING_LIMIT_ALL : change->given);
	if (frozen != capture->frozen)
		pcapring_capture_set_frozen(capture, frozen);
	pcapring_capture_tell(capture, PCAPRING_CMD_CHANGED_NTF, NULL);
}

static int pcapring_admin_change_locked(const struct pcapring_caller *caller, u32 id,
					const struct pcapring_change *change,
					struct pcapring_fault *fault)
{
	struct pcapring_capture *capture;
	struct pcapring_config config;
	int err;

	mutex_lock(&pcapring_captures_lock);
	capture = pcapring_admin_find(caller, id, fault);
	err = PTR_ERR_OR_ZERO(capture);
	if (!err) {
		pcapring_admin_config(capture, &config);
		pcapring_config_merge(&config, &change->config, change->given);
		err = pcapring_admin_check(capture, &config, fault);
	}
	if (!err)
		pcapring_admin_apply(capture, &config, change);
	mutex_unlock(&pcapring_captures_lock);
	/* it stays registered: only holders of the admin lock change that */
	if (!err)
		pcapring_rxmode_update(capture);
	return err;
}

int pcapring_admin_change(const struct pcapring_caller *caller, u32 id,
			  const struct pcapring_change *change, struct pcapring_fault *fault)
{
	int err;

	mutex_lock(&pcapring_admin_lock);
	rtnl_lock();
	err = pcapring_admin_change_locked(caller, id, change, fault);
	rtnl_unlock();
	mutex_unlock(&pcapring_admin_lock);
	return err;
}

int pcapring_admin_delete(const struct pcapring_caller *caller, u32 id,
			  struct pcapring_fault *fault)
{
	struct pcapring_capture *capture;

	mutex_lock(&pcapring_admin_lock);
	mutex_lock(&pcapring_captures_lock);
	capture = pcapring_admin_find(caller, id, fault);
	mutex_unlock(&pcapring_captures_lock);
	/* it stays registered: only holders of the admin lock change that */
	if (!IS_ERR(capture))
		pcapring_admin_remove(capture);
	mutex_unlock(&pcapring_admin_lock);
	return PTR_ERR_OR_ZERO(capture);
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
