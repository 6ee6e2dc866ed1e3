/* SPDX-License-Identifier: MIT */
/* Frames that tell whether they are whole, and who looks at them. */
#ifndef STRESS_SENDER_H
#define STRESS_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SENDER_ETHERTYPE	0x88b5 /* IEEE 802, for experiments */
#define SENDER_FRAME_MAX	1400

/*
 * Make a frame: addresses, with @seed's help a VLAN tag or none,
 * SENDER_ETHERTYPE, and then one and the same byte. Returns its length.
 */
size_t sender_make(uint8_t *frame, uint32_t seed);

/*
 * A frame of ours, cut at @length or not, is what sender_make() makes; those
 * of others always are. @cooked: a header of LINKTYPE_LINUX_SLL2 stands before
 * the bytes behind SENDER_ETHERTYPE.
 */
bool sender_is_whole(const uint8_t *frame, size_t length, bool cooked);

/* Send @count frames to @ifname at once; how many went. */
unsigned int sender_burst(int fd, const char *ifname, uint32_t seed,
			  unsigned int count);

#endif
