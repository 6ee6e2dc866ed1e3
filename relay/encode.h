/* SPDX-License-Identifier: MIT */
/*
 * packet_streaming.Packet, encoded by hand: everything that comes before the
 * packet's bytes, which end the message. Byte for byte what protobuf packs.
 */
#ifndef RELAY_ENCODE_H
#define RELAY_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/pcapring.h>

/*
 * Tag and length of the header, its five fields (ts_nsec's tag has two bytes),
 * tag and length of PacketData, tag and length of its data.
 */
#define ENCODE_PREFIX_MAX	(2 + 4 * 6 + 7 + 6 + 6)

/*
 * Write a packet's prefix and return its length. header->caplen bytes have to
 * follow. @nanoseconds: with ts_nsec, as the stream's metadata has to say.
 */
size_t encode_prefix(uint8_t *out, const struct pcapring_record *header,
		     bool nanoseconds);

#endif
