/* SPDX-License-Identifier: GPL-2.0-only */
/* The tap: the hook that the core calls for each packet of a device. */
#ifndef PCAPRING_TAP_H
#define PCAPRING_TAP_H

#include <linux/netdevice.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "filter.h"
#include "limit.h"
#include "record.h"

struct pcapring_ring;

/**
 * struct pcapring_tap - all that the packet path looks at
 * @hook: hook.dev is the device while attached to one, else NULL; changed with
 *	pcapring_captures_lock and RTNL held, as is @attached
 * @attached: the core calls @hook
 * @id: of the capture; constant while attached
 * @framing: what records begin with; constant while attached
 * @filter: the capture's
 * @reader_filter: that of the file which has the device open
 * @wait: the reader, asleep
 * @snaplen: most bytes kept of a packet; READ_ONCE, may change at any time
 * @direction: enum pcapring_direction; READ_ONCE, may change at any time
 * @pkt_types: those of @direction, bits, while attached to a device; READ_ONCE
 * @tstamp: enum pcapring_tstamp; READ_ONCE, may change at any time
 * @sample: one packet in so many; READ_ONCE, may change at any time
 * @steer: enum pcapring_steer; constant
 * @ring_count: constant
 * @rings: constant
 * @limit: how much may be captured
 */
struct pcapring_tap {
	struct packet_type hook;
	bool attached;
	u32 id;
	enum pcapring_framing framing;
	struct pcapring_filter_slot filter;
	struct pcapring_filter_slot reader_filter;
	wait_queue_head_t wait;
	u32 snaplen;
	u32 direction;
	u32 pkt_types;
	u32 tstamp;
	u32 sample;
	u32 steer;
	u32 ring_count;
	struct pcapring_ring *rings;
	struct pcapring_limit limit;
};

/* All under RTNL. After detach no packet is under way in the tap any more. */
void pcapring_tap_attach(struct pcapring_tap *tap, struct net_device *dev, u32 linktype);
void pcapring_tap_attach_any(struct pcapring_tap *tap, struct net *net);
void pcapring_tap_detach(struct pcapring_tap *tap);

/* May be called while packets run, but not while it is attached or detached. */
void pcapring_tap_set_direction(struct pcapring_tap *tap, u32 direction);

#endif /* PCAPRING_TAP_H */
