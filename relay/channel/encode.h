/* SPDX-License-Identifier: MIT */
/*
 * packet_streaming.Packet and the Records of pcapring.v1.FromSensor, encoded by
 * hand: everything that comes before the data, which ends the message. Byte for
 * byte what protobuf packs.
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

/* Tag and length of records, three fields, tag and length of data. */
#define ENCODE_RECORDS_MAX	(6 + 3 * 11 + 6)

/**
 * struct encode_records - Records without its data
 * @offset: of the first byte
 * @dropped: packets so far
 * @complete_until: nanoseconds since the epoch; 0: nothing is said
 * @size: bytes of data that follow
 */
struct encode_records {
	uint64_t offset;
	uint64_t dropped;
	uint64_t complete_until;
	uint32_t size;
};

/* Write what comes before the data and return its length. */
size_t encode_records(uint8_t *out, const struct encode_records *records);

#endif
