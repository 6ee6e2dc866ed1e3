/* SPDX-License-Identifier: MIT */
/*
 * Where packets come from: the rings of a capture (merge.h) or a savefile
 * (savefile.h). What the rest of the relay knows of either is this.
 */
#ifndef RELAY_SOURCE_H
#define RELAY_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/pcapring.h>

#include "common/metadata.h"

#define SOURCE_NO_RING	UINT32_MAX

/**
 * struct packet - one packet, as it lies in the source's memory
 * @header: its record header; ts_nsec is below 1,000,000,000
 * @data: header.caplen bytes. Of a ring: they stay until their ring is
 *	released past them. Otherwise: until the next packet is asked for
 * @ring: which ring; SOURCE_NO_RING of a savefile
 * @position: of the first byte of @data in that ring
 */
struct packet {
	struct pcapring_record header;
	const uint8_t *data;
	uint32_t ring;
	uint64_t position;
};

enum source_result {
	SOURCE_PACKET,	/* here it is */
	SOURCE_EMPTY,	/* none now: sleep, then wait for fd */
	SOURCE_END,	/* none any more */
	SOURCE_ERROR	/* the source is broken, and said so; none any more */
};

/**
 * struct source - what a source can do
 * @capture: rings of a capture: what is not released is there for the next
 *	run, and a hang-up on @fd means that the capture was deleted
 * @fd: readable when there are packets again; -1: never empty
 * @rings: number of rings whose memory may be referred to; 0 of a savefile
 * @ring_bytes: size of each
 * @describe: set link type, snaplen and interface. False: the link type is
 *	not known before the first packet
 * @next: the next packet
 * @more: is another one there already?
 * @sleep: tell the producer that all was seen. False: there is more meanwhile
 * @position: up to where a ring was read
 * @release: everything in a ring before @tail is free
 * @level: of a capture: bytes that ever came into all rings, and that are free
 *	in the fullest one
 * @resume: rings were released by others meanwhile, past what was read here;
 *	NULL: nobody else does
 * @stop: what is there now is all that next shall give
 */
struct source {
	bool capture;
	int fd;
	unsigned int rings;
	uint64_t ring_bytes;
	bool (*describe)(struct source *source, struct metadata *metadata);
	enum source_result (*next)(struct source *source, struct packet *packet);
	bool (*more)(struct source *source);
	bool (*sleep)(struct source *source);
	uint64_t (*position)(struct source *source, unsigned int ring);
	void (*release)(struct source *source, unsigned int ring, uint64_t tail);
	void (*level)(struct source *source, uint64_t *captured, uint64_t *room);
	void (*resume)(struct source *source);
	void (*stop)(struct source *source);
};

#endif
