/* SPDX-License-Identifier: MIT */
/*
 * Packets that prove themselves: each says which it is, and all of it follows
 * from that.
 */
#ifndef RECORDS_PACKET_H
#define RECORDS_PACKET_H

#include <stdint.h>

#include <linux/pcapring.h>

#define PACKET_BYTES_MIN	24
#define PACKET_BYTES_MAX	200000

/**
 * struct packet_name - what a packet begins with
 * @ring: where it was written
 * @caplen: as in its record's header
 * @number: of all packets that came for this ring, dropped ones included
 * @stamp: as in its record's header, nanoseconds since the epoch
 */
struct packet_name {
	uint32_t ring;
	uint32_t caplen;
	uint64_t number;
	uint64_t stamp;
};

/* Set all of @record but its stamp, and @name. */
void packet_make(uint32_t ring, uint64_t number, struct pcapring_record *record,
		 struct packet_name *name);

/* @name with @stamp, which goes into @record, too. */
void packet_stamp(struct pcapring_record *record, struct packet_name *name,
		  uint64_t stamp);

/* The name->caplen bytes. @data need not be aligned. */
void packet_fill(const struct packet_name *name, uint8_t *data);

/*
 * Is the record all that it should be? NULL: yes, and @name says which packet
 * it is; else what is wrong. @data: record->caplen bytes.
 */
const char *packet_fault(const struct pcapring_record *record, const uint8_t *data,
			 struct packet_name *name);

#endif
