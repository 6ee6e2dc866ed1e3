// SPDX-License-Identifier: MIT
#include "settle.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring.c"

int kernel_fence_word;

static bool settle_ring(const struct pcapring_info *info, uint8_t *memory, unsigned int index)
{
	const u64 page = info->page_bytes;
	const u64 data = page * (1 + 2 * info->ring_count);
	struct pcapring_ring ring = {
		.lock = { .mutex = PTHREAD_MUTEX_INITIALIZER },
		.size = info->ring_bytes,
		.consumer = (void *)(memory + page * (1 + index)),
		.producer = (void *)(memory + page * (1 + info->ring_count + index)),
		.data = memory + data + 2 * info->ring_bytes * index,
	};
	u64 tail = ring.consumer->tail;

	ring.head = smp_load_acquire(&ring.producer->head);
	pcapring_ring_settle(&ring, info->snaplen);
	if (!ring.skips)
		return true;
	fprintf(stderr, "settle: ring %u was left at %llu, which the kernel does not take: head %llu\n",
		index, tail, ring.head);
	return false;
}

/* The second copy of each ring's bytes lies over the hole in the memfd. */
static bool settle_map_copies(const struct pcapring_info *info, uint8_t *memory, int fd)
{
	u64 data = (u64)info->page_bytes * (1 + 2 * info->ring_count);
	u64 size = info->ring_bytes;
	unsigned int i;

	for (i = 0; i < info->ring_count; i++, data += 2 * size)
		if (mmap(memory + data + size, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, data) == MAP_FAILED)
			return false;
	return true;
}

bool settle_rings(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	struct pcapring_info *info = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint8_t *memory = (void *)info;
	bool ok = true;
	unsigned int i;

	if (info == MAP_FAILED || !settle_map_copies(info, memory, fd)) {
		perror("settle: mmap");
		return false;
	}
	for (i = 0; i < info->ring_count; i++)
		if (!settle_ring(info, memory, i))
			ok = false;
	munmap(memory, size);
	return ok;
}
