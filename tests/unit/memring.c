// SPDX-License-Identifier: MIT
#include "memring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void memring_check(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

void memring_create(struct memring *memring, unsigned int rings,
		    uint64_t ring_bytes, uint64_t start)
{
	uint64_t page = sysconf(_SC_PAGESIZE);

	memring->size = page * (1 + 2 * rings) + 2 * ring_bytes * rings;
	memring->fd = memfd_create("memring", MFD_CLOEXEC);
	memring_check(memring->fd >= 0, "memfd_create");
	memring_check(!ftruncate(memring->fd, memring->size), "ftruncate");
	memring->memory = mmap(NULL, memring->size, PROT_READ | PROT_WRITE,
			       MAP_SHARED, memring->fd, 0);
	memring_check(memring->memory != MAP_FAILED, "mmap");
	memring->info = (void *)memring->memory;
	*memring->info = (struct pcapring_info) {
		.magic = PCAPRING_MAGIC,
		.version = PCAPRING_VERSION,
		.ring_count = rings,
		.ring_bytes = ring_bytes,
		.page_bytes = page,
		.linktype = 1,
		.snaplen = PCAPRING_SNAPLEN_MAX,
		.ifname = "mem0",
	};
	for (unsigned int i = 0; i < rings; i++) {
		memring_producer(memring, i)->head = start;
		memring_consumer(memring, i)->seen = start;
		memring_consumer(memring, i)->tail = start;
	}
}

void memring_destroy(struct memring *memring)
{
	munmap(memring->memory, memring->size);
	close(memring->fd);
}

struct pcapring_consumer *memring_consumer(const struct memring *memring,
					   unsigned int ring)
{
	uint64_t page = memring->info->page_bytes;

	return (void *)(memring->memory + page * (1 + ring));
}

struct pcapring_producer *memring_producer(const struct memring *memring,
					   unsigned int ring)
{
	uint64_t page = memring->info->page_bytes;

	return (void *)(memring->memory +
			page * (1 + memring->info->ring_count + ring));
}

void memring_write(struct memring *memring, unsigned int ring, uint64_t position,
		   const void *bytes, uint64_t length)
{
	uint64_t size = memring->info->ring_bytes;
	uint64_t offset = position & (size - 1);
	uint64_t part = length < size - offset ? length : size - offset;
	uint8_t *data = memring->memory + memring->info->page_bytes *
			(1 + 2 * memring->info->ring_count) + 2 * size * ring;

	memcpy(data + offset, bytes, part);
	memcpy(data, (const uint8_t *)bytes + part, length - part);
}

bool memring_append(struct memring *memring, unsigned int ring,
		    const struct pcapring_record *header, const void *data)
{
	struct pcapring_producer *producer = memring_producer(memring, ring);
	struct pcapring_consumer *consumer = memring_consumer(memring, ring);
	uint64_t head = producer->head, length = sizeof(*header) + header->caplen;
	uint64_t tail = __atomic_load_n(&consumer->tail, __ATOMIC_ACQUIRE);

	if (head + length - tail > memring->info->ring_bytes)
		return false;
	memring_write(memring, ring, head, header, sizeof(*header));
	memring_write(memring, ring, head + sizeof(*header), data, header->caplen);
	__atomic_store_n(&producer->head, head + length, __ATOMIC_RELEASE);
	__atomic_store_n(&producer->count.captured, producer->count.captured + 1,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&producer->count.bytes, producer->count.bytes + header->caplen,
			 __ATOMIC_RELAXED);
	return true;
}
