/* SPDX-License-Identifier: GPL-2.0-only */
/* What a capture is made from, and whether it can be. */
#ifndef PCAPRING_CONFIG_H
#define PCAPRING_CONFIG_H

#include <linux/if.h>
#include <linux/types.h>

/**
 * struct pcapring_config - what the creator of a capture asks for
 * @ifname: of an interface that may not exist yet
 * @any: it was "any" when the capture was made: all interfaces there are; one
 *	that was renamed so later is one like others
 * @snaplen: most bytes kept of a packet
 * @ring_bytes: of each ring
 * @rings: 0: one for each receive queue of the interface
 * @steer: enum pcapring_steer
 * @mode: enum pcapring_mode
 * @direction: enum pcapring_direction
 * @promisc: switch the interface to promiscuous mode
 * @allmulti: have the interface receive all multicast packets
 * @tstamp: enum pcapring_tstamp
 * @sample: one packet in so many
 * @limit_packets: freeze after so many; 0: no limit, as with those below
 * @limit_bytes: freeze after so many bytes of packets
 * @limit_seconds: freeze after so long
 * @userns: its creator is privileged only in a user namespace
 */
struct pcapring_config {
	char ifname[IFNAMSIZ];
	bool any;
	u32 snaplen;
	u64 ring_bytes;
	u32 rings;
	u32 steer;
	u32 mode;
	u32 direction;
	bool promisc;
	bool allmulti;
	u32 tstamp;
	u32 sample;
	u64 limit_packets;
	u64 limit_bytes;
	u32 limit_seconds;
	bool userns;
};

/**
 * struct pcapring_config_field - a number in it that has an attribute
 * @attribute: enum pcapring_attribute, of @bytes bytes, in native byte order
 * @offset: in struct pcapring_config
 * @bytes: 1, 4 or 8
 * @constant: cannot be changed later
 * @optional: told only if not zero
 */
struct pcapring_config_field {
	u8 attribute;
	u8 offset;
	u8 bytes;
	bool constant;
	bool optional;
};

#define PCAPRING_CONFIG_FIELDS	13
extern const struct pcapring_config_field pcapring_config_fields[PCAPRING_CONFIG_FIELDS];

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
/* Set @any for a capture that is to be made. */
void pcapring_config_know_any(struct pcapring_config *config);

/* Take the fields from @from whose attributes are in @given, a set of bits. */
void pcapring_config_merge(struct pcapring_config *config, const struct pcapring_config *from,
			   u64 given);

/* 0, or -EINVAL and the first fault. */
int pcapring_config_check(const struct pcapring_config *config, struct pcapring_fault *fault);

#endif /* PCAPRING_CONFIG_H */
