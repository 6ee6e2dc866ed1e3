/* SPDX-License-Identifier: GPL-2.0-only */
/* What a capture is made from, and whether it can be. */
#ifndef PCAPRING_CONFIG_H
#define PCAPRING_CONFIG_H

#include <linux/if.h>
#include <linux/types.h>

/**
 * struct pcapring_config - what the creator of a capture asks for
 * @ifname: of an interface that may not exist yet
 * @snaplen: most bytes kept of a packet
 * @ring_bytes: of each ring
 * @rings: 0: one for each receive queue of the interface
 * @steer: enum pcapring_steer
 * @direction: enum pcapring_direction
 * @promisc: switch the interface to promiscuous mode
 */
struct pcapring_config {
	char ifname[IFNAMSIZ];
	u32 snaplen;
	u64 ring_bytes;
	u32 rings;
	u32 steer;
	u32 direction;
	bool promisc;
};

/**
 * struct pcapring_fault - why a request was refused
 * @attribute: enum pcapring_attribute that is at fault, 0: none in particular
 * @reason: a clause that follows the attribute's name and value; static text
 */
struct pcapring_fault {
	u32 attribute;
	const char *reason;
};

void pcapring_config_defaults(struct pcapring_config *config);

/* 0, or -EINVAL and the first fault. */
int pcapring_config_check(const struct pcapring_config *config, struct pcapring_fault *fault);
bool pcapring_config_snaplen_fits(u32 snaplen, u64 ring_bytes, struct pcapring_fault *fault);
bool pcapring_config_direction_fits(u32 direction, struct pcapring_fault *fault);

#endif /* PCAPRING_CONFIG_H */
