/* SPDX-License-Identifier: MIT */
/*
 * A capture device's memory, mapped by the tests. Written from the uapi header
 * alone, not shared with the relay: so that both cannot err in the same way.
 */
#ifndef SYSTEM_DEVICE_MAP_H
#define SYSTEM_DEVICE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include <linux/pcapring.h>

struct device_map {
	int fd;
	const struct pcapring_info *info;
	uint8_t *consumers;		/* all consumer pages, writable */
	const uint8_t *producers;	/* all producer pages */
	const uint8_t *data;		/* all rings, each twice */
};

/* Print the message with errno's text and exit with status 1. */
void die(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* Open @path read-write and map all of it; die() when that fails. */
void device_map_open(struct device_map *map, const char *path);

/* Offsets in the device, in bytes. */
uint64_t device_map_producers(const struct pcapring_info *info);
uint64_t device_map_data(const struct pcapring_info *info);
uint64_t device_map_end(const struct pcapring_info *info);

struct pcapring_consumer *device_map_consumer(const struct device_map *map,
					      unsigned int ring);
const struct pcapring_producer *
device_map_producer(const struct device_map *map, unsigned int ring);
uint64_t device_map_head(const struct device_map *map, unsigned int ring);
const uint8_t *device_map_at(const struct device_map *map, unsigned int ring,
			     uint64_t position);

#endif
