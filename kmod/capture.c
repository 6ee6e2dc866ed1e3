// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a capture ends. These may still hold on to it after it was deleted:
 *
 *	1. the packet path: pcapring_capture_detach() unlinks the hook and waits
 *	   for every CPU that may be in it; the hook is not linked again, because
 *	   what could do that looks at the register under pcapring_captures_lock,
 *	   and the capture is no longer in it;
 *	2. the receive mode's work (rxmode.c): holds a reference, and finds that
 *	   the counts were given back: whoever detaches sees to that before it
 *	   lets go of RTNL, by itself or, where the device stays and may be
 *	   locked, by this work;
 *	3. the open file, and its mappings, which hold the file: a reference; the
 *	   rings stay until the last mapping is gone;
 *	4. sysfs and the device node: removed, and waited for, by the one who
 *	   deletes, who holds a reference until then;
 *	5. the limits' work (limit.c): holds a reference while it is queued or
 *	   runs. The packet path is gone, so that nothing but itself can queue
 *	   it: whoever deletes takes it out of the queue, under
 *	   pcapring_captures_lock, and where it runs by then it finds, under the
 *	   same lock, that the capture was deleted, and ends.
 *
 * Whoever drops the last reference frees it, in process context. The module
 * cannot go while 3 exists (fops.owner); it waits for 2 and 5 before it goes.
 */

#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/overflow.h>
#include <linux/pcapring.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include "capture.h"
#include "linktype.h"
#include "pages.h"
#include "trace.h"

/* guards the register, and in captures what capture.h says */
DEFINE_MUTEX(pcapring_captures_lock);
u64 pcapring_capture_max_bytes;
u64 pcapring_capture_userns_bytes;

static DEFINE_IDR(pcapring_captures); /* pcapring_captures_lock */
static atomic64_t pcapring_capture_bytes = ATOMIC64_INIT(0); /* of all rings */
static atomic64_t pcapring_capture_bytes_userns = ATOMIC64_INIT(0);
static pcapring_capture_listener pcapring_capture_listener_fn; /* pcapring_captures_lock */
struct workqueue_struct *pcapring_capture_wq;

int pcapring_capture_init(void)
{
	pcapring_capture_wq = alloc_workqueue("pcapring", WQ_UNBOUND, 0);
	return pcapring_capture_wq ? 0 : -ENOMEM;
}

void pcapring_capture_exit(void)
{
	destroy_workqueue(pcapring_capture_wq);
	idr_destroy(&pcapring_captures);
}

void pcapring_capture_listen(pcapring_capture_listener listener)
{
	mutex_lock(&pcapring_captures_lock);
	pcapring_capture_listener_fn = listener;
	mutex_unlock(&pcapring_captures_lock);
}

void pcapring_capture_tell(const struct pcapring_capture *capture, u8 event, const char *reason)
{
	lockdep_assert_held(&pcapring_captures_lock);
	if (pcapring_capture_listener_fn && capture->announced)
		pcapring_capture_listener_fn(capture, event, reason);
}

/* Memory of captures that were deleted counts until their reader lets go. */
static bool pcapring_capture_take(atomic64_t *taken, u64 bytes, u64 max)
{
	if ((u64)atomic64_add_return(bytes, taken) <= max)
		return true;
	atomic64_sub(bytes, taken);
	return false;
}

static void pcapring_capture_uncharge(u64 bytes, bool userns)
{
	atomic64_sub(bytes, &pcapring_capture_bytes);
	if (userns)
		atomic64_sub(bytes, &pcapring_capture_bytes_userns);
}

static bool pcapring_capture_charge(u64 bytes, bool userns, struct pcapring_fault *fault)
{
	if (!pcapring_capture_take(&pcapring_capture_bytes, bytes, pcapring_capture_max_bytes)) {
		fault->reason = "times rings is more than is left of the module's max_bytes";
	} else if (userns && !pcapring_capture_take(&pcapring_capture_bytes_userns, bytes,
						    pcapring_capture_userns_bytes)) {
		pcapring_capture_uncharge(bytes, false);
		fault->reason = "times rings is more than is left of the module's userns_bytes";
	} else {
		return true;
	}
	fault->attribute = PCAPRING_A_RING_BYTES;
	return false;
}

static void pcapring_capture_fill(struct pcapring_capture *capture, struct net *net,
				  const struct pcapring_config *config, u32 rings)
{
	struct pcapring_tap *tap = &capture->tap;
	u32 i;

	kref_init(&capture->ref);
	uuid_gen(&capture->uuid);
	pcapring_rxmode_init(capture);
	capture->net = net;
	strscpy(capture->ifname, config->ifname, sizeof(capture->ifname));
	capture->ring_bytes = config->ring_bytes;
	capture->mode = config->mode;
	capture->any = config->any;
	capture->userns = config->userns;
	capture->linktype = PCAPRING_LINKTYPE_NONE;
	capture->promisc = config->promisc;
	capture->allmulti = config->allmulti;

	init_waitqueue_head(&tap->wait);
	tap->snaplen = config->snaplen;
	tap->tstamp = config->tstamp;
	tap->sample = config->sample;
	pcapring_limit_init(&tap->limit, config);
	tap->steer = config->steer;
	tap->ring_count = rings;
	tap->rings = capture->rings;
	pcapring_tap_set_direction(tap, config->direction);
	for (i = 0; i < rings; i++) {
		spin_lock_init(&capture->rings[i].lock);
		capture->rings[i].overwrite = config->mode == PCAPRING_MODE_OVERWRITE;
	}
}

static void pcapring_capture_fill_info(struct pcapring_capture *capture)
{
	struct pcapring_info *info = capture->pages->info;

	info->magic = PCAPRING_MAGIC;
	info->version = PCAPRING_VERSION;
	info->ring_count = capture->tap.ring_count;
	info->ring_bytes = capture->ring_bytes;
	info->page_bytes = PAGE_SIZE;
	info->linktype = PCAPRING_LINKTYPE_NONE;
	info->snaplen = capture->tap.snaplen;
	info->mode = capture->mode;
	export_uuid(info->uuid, &capture->uuid);
	strscpy(info->ifname, capture->ifname, sizeof(info->ifname));
}

/* One ring for each receive queue, but no more than there are CPUs. */
static u32 pcapring_capture_ring_count(struct net *net, const struct pcapring_config *config)
{
	struct net_device *dev;
	u32 rings = 1;

	if (config->rings)
		return config->rings;
	dev = dev_get_by_name(net, config->ifname);
	if (dev) {
		rings = min3(dev->real_num_rx_queues, num_online_cpus(),
			     (unsigned int)PCAPRING_RINGS_MAX);
		dev_put(dev);
	}
	return max(rings, 1u);
}

struct pcapring_capture *pcapring_capture_create(struct net *net,
						 const struct pcapring_config *config,
						 struct pcapring_fault *fault)
{
	u32 rings = pcapring_capture_ring_count(net, config);
	u64 bytes = rings * config->ring_bytes;
	struct pcapring_capture *capture;

	if (!pcapring_capture_charge(bytes, config->userns, fault))
		return ERR_PTR(-ENOSPC);
	capture = kvzalloc(struct_size(capture, rings, rings), GFP_KERNEL_ACCOUNT);
	if (!capture)
		goto uncharge;
	pcapring_capture_fill(capture, net, config, rings);
	capture->pages = pcapring_pages_create(capture->rings, rings, config->ring_bytes,
					       config->steer);
	if (!capture->pages)
		goto free;
	pcapring_capture_fill_info(capture);
	return capture;

free:
	kvfree(capture);
uncharge:
	pcapring_capture_uncharge(bytes, config->userns);
	fault->attribute = PCAPRING_A_RING_BYTES;
	fault->reason = "times rings is more memory than the system has to give";
	return ERR_PTR(-ENOMEM);
}

static void pcapring_capture_free(struct kref *ref)
{
	struct pcapring_capture *capture = container_of(ref, struct pcapring_capture, ref);
	struct pcapring_filter_new none = {};

	mutex_lock(&pcapring_captures_lock);
	pcapring_filter_swap(&capture->tap.filter, &none);
	mutex_unlock(&pcapring_captures_lock);
	pcapring_filter_discard(&none);

	pcapring_pages_free(capture->pages, capture->rings);
	pcapring_capture_uncharge(capture->tap.ring_count * capture->ring_bytes, capture->userns);
	kvfree(capture);
}

void pcapring_capture_get(struct pcapring_capture *capture)
{
	kref_get(&capture->ref);
}

void pcapring_capture_put(struct pcapring_capture *capture)
{
	kref_put(&capture->ref, pcapring_capture_free);
}

int pcapring_capture_register(struct pcapring_capture *capture)
{
	/* user namespaces leave one half of the numbers to the administrator */
	int end = capture->userns ? PCAPRING_CAPTURES_MAX / 2 : PCAPRING_CAPTURES_MAX;
	int id;

	lockdep_assert_held(&pcapring_captures_lock);
	id = idr_alloc(&pcapring_captures, capture, 0, end, GFP_KERNEL);
	if (id < 0)
		return id;
	capture->id = id;
	capture->tap.id = id;
	capture->pages->info->id = id;
	pcapring_capture_get(capture);
	return 0;
}

void pcapring_capture_announce(struct pcapring_capture *capture)
{
	lockdep_assert_held(&pcapring_captures_lock);
	capture->announced = true;
	pcapring_capture_tell(capture, PCAPRING_CMD_CREATED_NTF, NULL);
}

void pcapring_capture_unregister(struct pcapring_capture *capture)
{
	lockdep_assert_held(&pcapring_captures_lock);
	idr_remove(&pcapring_captures, capture->id);
	WRITE_ONCE(capture->deleted, true);
	/* the reader finds out that there will be no more */
	wake_up_interruptible_all(&capture->tap.wait);
}

struct pcapring_capture *pcapring_capture_find(u32 id)
{
	lockdep_assert_held(&pcapring_captures_lock);
	return idr_find(&pcapring_captures, id);
}

struct pcapring_capture *pcapring_capture_next(u32 id)
{
	int next = id;

	lockdep_assert_held(&pcapring_captures_lock);
	return idr_get_next(&pcapring_captures, &next);
}

bool pcapring_capture_is_on(const struct pcapring_capture *capture, const struct net_device *dev)
{
	lockdep_assert_held(&pcapring_captures_lock);
	return capture->tap.hook.dev == dev;
}

/* The first attachment fixes the link type: the file header is due. */
static void pcapring_capture_fix_linktype(struct pcapring_capture *capture, u32 linktype)
{
	capture->linktype = linktype;
	/* readers load it without a lock */
	WRITE_ONCE(capture->pages->info->linktype, linktype);
	wake_up_interruptible_all(&capture->tap.wait);
}

void pcapring_capture_attach(struct pcapring_capture *capture, struct net_device *dev)
{
	u32 linktype = pcapring_linktype_of(dev);

	ASSERT_RTNL();
	lockdep_assert_held(&pcapring_captures_lock);

	if (capture->any || capture->tap.attached || !capture->announced || capture->orphan ||
	    !net_eq(dev_net(dev), capture->net) || strcmp(dev->name, capture->ifname))
		return;
	if (capture->linktype == PCAPRING_LINKTYPE_NONE)
		pcapring_capture_fix_linktype(capture, linktype);
	if (capture->linktype != linktype) {
		pcapring_capture_tell(capture, PCAPRING_CMD_DETACHED_NTF,
				      "the interface came back with another link type");
		return;
	}
	pcapring_tap_attach(&capture->tap, dev, linktype);
	trace_pcapring_attach(capture->id, capture->ifname);
	pcapring_capture_tell(capture, PCAPRING_CMD_ATTACHED_NTF, NULL);
}

void pcapring_capture_attach_any(struct pcapring_capture *capture)
{
	ASSERT_RTNL();
	lockdep_assert_held(&pcapring_captures_lock);

	pcapring_capture_fix_linktype(capture, PCAPRING_LINKTYPE_LINUX_SLL2);
	pcapring_tap_attach_any(&capture->tap, capture->net);
	trace_pcapring_attach(capture->id, capture->ifname);
	pcapring_capture_tell(capture, PCAPRING_CMD_ATTACHED_NTF, NULL);
}

void pcapring_capture_detach(struct pcapring_capture *capture, const char *reason)
{
	ASSERT_RTNL();
	lockdep_assert_held(&pcapring_captures_lock);

	if (!capture->tap.attached)
		return;
	pcapring_tap_detach(&capture->tap);
	trace_pcapring_detach(capture->id, capture->ifname, reason);
	pcapring_capture_tell(capture, PCAPRING_CMD_DETACHED_NTF, reason);
}

void pcapring_capture_rename(struct pcapring_capture *capture, const char *ifname)
{
	lockdep_assert_held(&pcapring_captures_lock);
	strscpy(capture->ifname, ifname, sizeof(capture->ifname));
	pcapring_capture_tell(capture, PCAPRING_CMD_CHANGED_NTF, NULL);
}

void pcapring_capture_orphan(struct pcapring_capture *capture)
{
	lockdep_assert_held(&pcapring_captures_lock);
	capture->orphan = true;
	capture->net = &init_net;
}

bool pcapring_capture_is_empty(struct pcapring_capture *capture)
{
	u32 i;

	for (i = 0; i < capture->tap.ring_count; i++)
		if (!pcapring_ring_is_empty(&capture->rings[i]))
			return false;
	return true;
}

void pcapring_capture_set_frozen(struct pcapring_capture *capture, bool frozen)
{
	u32 i;

	lockdep_assert_held(&pcapring_captures_lock);
	for (i = 0; i < capture->tap.ring_count; i++)
		pcapring_ring_set_frozen(&capture->rings[i], frozen);
	WRITE_ONCE(capture->frozen, frozen);
	/* a snapshot is there to be read, or is no more */
	wake_up_interruptible_all(&capture->tap.wait);
}
