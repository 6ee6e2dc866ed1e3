/* SPDX-License-Identifier: MIT */
/*
 * The producer's side of a capture device, in a memfd that is laid out as
 * linux/pcapring.h says: what the kernel does, for tests without one.
 */
#ifndef UNIT_MEMRING_H
#define UNIT_MEMRING_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/pcapring.h>

/**
 * struct memring - rings in a memfd
 * @fd: the memfd; give a reader a dup(2) of it
 * @info: its info page, writable
 * @memory: all of it, @size bytes
 */
struct memring {
	int fd;
	struct pcapring_info *info;
	uint8_t *memory;
	uint64_t size;
};

/* An Ethernet capture of "mem0", all positions at @start. Aborts on failure. */
void memring_create(struct memring *memring, unsigned int rings,
		    uint64_t ring_bytes, uint64_t start);
void memring_destroy(struct memring *memring);

struct pcapring_producer *memring_producer(const struct memring *memring,
					   unsigned int ring);
struct pcapring_consumer *memring_consumer(const struct memring *memring,
					   unsigned int ring);

/* Write at a position, around the ring's end if need be; head stays. */
void memring_write(struct memring *memring, unsigned int ring, uint64_t position,
		   const void *bytes, uint64_t length);

/* Append a record as the kernel does. False: no room. */
bool memring_append(struct memring *memring, unsigned int ring,
		    const struct pcapring_record *header, const void *data);

#endif
