// SPDX-License-Identifier: MIT
#include "device_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void die(const char *format, ...)
{
	int error = errno;
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, ": %s\n", strerror(error));
	exit(1);
}

uint64_t device_map_producers(const struct pcapring_info *info)
{
	return (uint64_t)info->page_bytes * (1 + info->ring_count);
}

uint64_t device_map_data(const struct pcapring_info *info)
{
	return (uint64_t)info->page_bytes * (1 + 2 * info->ring_count);
}

uint64_t device_map_end(const struct pcapring_info *info)
{
	return device_map_data(info) + 2 * info->ring_bytes * info->ring_count;
}

static void *device_map_part(int fd, int protection, uint64_t from, uint64_t to)
{
	void *memory = mmap(NULL, to - from, protection, MAP_SHARED, fd, from);

	if (memory == MAP_FAILED)
		die("mmap of bytes %llu to %llu", (unsigned long long)from,
		    (unsigned long long)to);
	return memory;
}

void device_map_open(struct device_map *map, const char *path)
{
	map->fd = open(path, O_RDWR | O_CLOEXEC);
	if (map->fd < 0)
		die("open %s", path);
	map->info = device_map_part(map->fd, PROT_READ, 0, getpagesize());
	if (map->info->magic != PCAPRING_MAGIC ||
	    map->info->version != PCAPRING_VERSION) {
		fprintf(stderr, "%s: not a capture device\n", path);
		exit(1);
	}
	map->consumers = device_map_part(map->fd, PROT_READ | PROT_WRITE,
					 map->info->page_bytes,
					 device_map_producers(map->info));
	map->producers = device_map_part(map->fd, PROT_READ,
					 device_map_producers(map->info),
					 device_map_data(map->info));
	map->data = device_map_part(map->fd, PROT_READ,
				    device_map_data(map->info),
				    device_map_end(map->info));
}

struct pcapring_consumer *device_map_consumer(const struct device_map *map,
					      unsigned int ring)
{
	return (void *)(map->consumers + (size_t)ring * map->info->page_bytes);
}

const struct pcapring_producer *
device_map_producer(const struct device_map *map, unsigned int ring)
{
	return (const void *)(map->producers +
			      (size_t)ring * map->info->page_bytes);
}

uint64_t device_map_head(const struct device_map *map, unsigned int ring)
{
	return __atomic_load_n(&device_map_producer(map, ring)->head,
			       __ATOMIC_ACQUIRE);
}

const uint8_t *device_map_at(const struct device_map *map, unsigned int ring,
			     uint64_t position)
{
	return map->data + 2 * map->info->ring_bytes * ring +
	       (position & (map->info->ring_bytes - 1));
}
