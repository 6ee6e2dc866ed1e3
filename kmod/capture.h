/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A capture: one interface, its rings, its life. And the register of all.
 *
 * Locks, outermost first:
 *	pcapring_admin_lock	one birth, change or death at a time (admin.c)
 *	RTNL			devices stay what they are
 *	the device's own lock	newer kernels hold it in some notifications
 *	pcapring_captures_lock	the register, and what changes in a capture
 *	ring->lock		packet path (ring.h)
 */
#ifndef PCAPRING_CAPTURE_H
#define PCAPRING_CAPTURE_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>

#include "config.h"
#include "ring.h"
#include "rxmode.h"
#include "tap.h"

struct device;
struct net;
struct pcapring_pages;

/**
 * struct pcapring_capture - one capture
 * @ref: the register holds one, the open file one, pending work one
 * @id: N of /dev/pcapringN; constant
 * @uuid: constant
 * @ring_bytes: constant
 * @mode: enum pcapring_mode; constant
 * @any: it captures all interfaces of @net; constant
 * @userns: made, and charged, for one who is privileged only in the user
 *	namespace that owns @net; constant
 * @pages: constant
 * @device: the node's; changed with pcapring_admin_lock and
 *	pcapring_captures_lock held
 * @rxmode: what the interface receives for us; guarded by RTNL
 * @net: namespace in which the interface is looked for; no reference is held,
 *	see pcapring_capture_orphan()
 * @orphan: that namespace has ended
 * @ifname: name of the interface, or "any"; follows it when it is renamed
 * @linktype: PCAPRING_LINKTYPE_NONE until first attached, constant then
 * @promisc: wanted; changed with RTNL held, too
 * @allmulti: wanted; changed with RTNL held, too
 * @frozen: nothing is written; READ_ONCE by readers
 * @announced: listeners know it; before that it does not attach
 * @open: a file has the device open
 * @deleted: out of the register; READ_ONCE by readers
 * @tap: the packet path's view; tap.hook.dev is the device while attached to one
 * @rings: tap.ring_count rings
 *
 * From @net to @deleted: guarded by pcapring_captures_lock.
 */
struct pcapring_capture {
	struct kref ref;
	u32 id;
	uuid_t uuid;
	u64 ring_bytes;
	u32 mode;
	bool any;
	bool userns;
	struct pcapring_pages *pages;
	struct device *device;
	struct pcapring_rxmode rxmode;

	struct net *net;
	bool orphan;
	char ifname[IFNAMSIZ];
	u32 linktype;
	bool promisc;
	bool allmulti;
	bool frozen;
	bool announced;
	bool open;
	bool deleted;

	struct pcapring_tap tap;
	struct pcapring_ring rings[];
};

/* enum pcapring_command's *_NTF; @reason: static text or NULL. */
typedef void (*pcapring_capture_listener)(const struct pcapring_capture *capture, u8 event,
					  const char *reason);

extern struct mutex pcapring_captures_lock;
extern u64 pcapring_capture_max_bytes; /* of all rings together */
extern u64 pcapring_capture_userns_bytes; /* of those made in user namespaces */
/* for work that holds a reference; drained before the module goes */
extern struct workqueue_struct *pcapring_capture_wq;

#define PCAPRING_CAPTURES_MAX	1024

int pcapring_capture_init(void);
void pcapring_capture_exit(void);

/* Who is told what happens; called with pcapring_captures_lock held. */
void pcapring_capture_listen(pcapring_capture_listener listener);
void pcapring_capture_tell(const struct pcapring_capture *capture, u8 event, const char *reason);

/*
 * A capture that nobody sees yet, with one reference for the caller. @config
 * was checked. ERR_PTR: -ENOMEM, -ENOSPC (and @fault).
 */
struct pcapring_capture *pcapring_capture_create(struct net *net,
						 const struct pcapring_config *config,
						 struct pcapring_fault *fault);
void pcapring_capture_get(struct pcapring_capture *capture);
void pcapring_capture_put(struct pcapring_capture *capture);

/* All below with pcapring_captures_lock held. */

/* Give it an id and enter it; the register takes a reference. */
int pcapring_capture_register(struct pcapring_capture *capture);
/* From now on listeners hear of it; the first is that it was created. */
void pcapring_capture_announce(struct pcapring_capture *capture);
void pcapring_capture_unregister(struct pcapring_capture *capture);
struct pcapring_capture *pcapring_capture_find(u32 id);
/* The first with an id of at least @id. */
struct pcapring_capture *pcapring_capture_next(u32 id);

#define pcapring_for_each_capture(capture)					\
	for ((capture) = pcapring_capture_next(0); (capture);			\
	     (capture) = pcapring_capture_next((capture)->id + 1))

/* With RTNL, too. */
bool pcapring_capture_is_on(const struct pcapring_capture *capture, const struct net_device *dev);
/* Attach to @dev, if it is the one and can be captured; else say why not. */
void pcapring_capture_attach(struct pcapring_capture *capture, struct net_device *dev);
/* Attach to all interfaces of the capture's namespace. */
void pcapring_capture_attach_any(struct pcapring_capture *capture);
void pcapring_capture_detach(struct pcapring_capture *capture, const char *reason);

void pcapring_capture_rename(struct pcapring_capture *capture, const char *ifname);
/* Its namespace ends: it never attaches again; the host may drain and delete it. */
void pcapring_capture_orphan(struct pcapring_capture *capture);

/* Stop or go on writing, in all rings; after a stop none is written any more. */
void pcapring_capture_set_frozen(struct pcapring_capture *capture, bool frozen);

bool pcapring_capture_is_empty(struct pcapring_capture *capture);

#endif /* PCAPRING_CAPTURE_H */
