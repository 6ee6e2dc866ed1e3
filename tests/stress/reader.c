// SPDX-License-Identifier: MIT

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/pcapring.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reader.h"
#include "sender.h"

#define LINKTYPE_LINUX_SLL2	276
#define READ_BYTES		(256 << 10)
#define POLLS			8

struct map {
	int fd;
	uint32_t id;
	const struct pcapring_info *info;
	size_t bytes;
};

static int reader_open(uint32_t id)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/pcapring%u", id);
	return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

/* The bytes of the whole records in @stream; what follows is cut off. */
static void reader_check(uint32_t id, const uint8_t *stream, size_t bytes,
			 uint32_t linktype, uint32_t snaplen)
{
	struct pcapring_record record;
	size_t at = 0;

	while (bytes - at >= sizeof(record)) {
		memcpy(&record, stream + at, sizeof(record));
		if (record.caplen > snaplen || record.ts_nsec > 999999999)
			errx(1, "capture %u: a record with caplen %u, snaplen %u, %u ns",
			     id, record.caplen, snaplen, record.ts_nsec);
		at += sizeof(record);
		if (record.caplen > bytes - at)
			break;
		if (!sender_is_whole(stream + at, record.caplen,
				     linktype == LINKTYPE_LINUX_SLL2))
			errx(1, "capture %u: a record of %u bytes is torn", id,
			     record.caplen);
		at += record.caplen;
	}
}

unsigned int reader_read(uint32_t id, uint32_t seed)
{
	struct pcapring_file_header header;
	uint8_t *stream;
	ssize_t bytes;
	int fd = reader_open(id);

	(void)seed;
	if (fd < 0)
		return 0;
	stream = malloc(READ_BYTES);
	bytes = read(fd, stream, READ_BYTES);
	if (bytes >= (ssize_t)sizeof(header)) {
		memcpy(&header, stream, sizeof(header));
		if (header.magic != PCAPRING_FILE_MAGIC_NSEC)
			errx(1, "capture %u: magic %#x", id, header.magic);
		reader_check(id, stream + sizeof(header),
			     bytes - sizeof(header), header.linktype,
			     header.snaplen);
	}
	free(stream);
	close(fd);
	return bytes > (ssize_t)sizeof(header);
}

static bool map_open(struct map *map, uint32_t id)
{
	long page = sysconf(_SC_PAGESIZE);
	const struct pcapring_info *info;
	uint8_t *all;
	uint32_t rings;

	map->id = id;
	map->fd = reader_open(id);
	if (map->fd < 0)
		return false;
	info = mmap(NULL, page, PROT_READ, MAP_SHARED, map->fd, 0);
	if (info == MAP_FAILED) {
		close(map->fd);
		return false;
	}
	rings = info->ring_count;
	map->bytes = info->page_bytes * (1 + 2ull * rings) +
		     2 * rings * info->ring_bytes;
	munmap((void *)info, page);

	all = mmap(NULL, map->bytes, PROT_READ, MAP_SHARED, map->fd, 0);
	if (all == MAP_FAILED ||
	    mmap(all + page, rings * page, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, map->fd, page) == MAP_FAILED) {
		if (all != MAP_FAILED)
			munmap(all, map->bytes);
		close(map->fd);
		return false;
	}
	map->info = (const void *)all;
	return true;
}

static void map_close(struct map *map)
{
	munmap((void *)map->info, map->bytes);
	close(map->fd);
}

static struct pcapring_consumer *map_consumer(const struct map *map,
					      uint32_t ring)
{
	return (void *)((uint8_t *)map->info +
			map->info->page_bytes * (1 + ring));
}

static const struct pcapring_producer *map_producer(const struct map *map,
						    uint32_t ring)
{
	return (const void *)((const uint8_t *)map->info +
			      map->info->page_bytes *
			      (1 + map->info->ring_count + ring));
}

static const uint8_t *map_at(const struct map *map, uint32_t ring,
			     uint64_t position)
{
	const struct pcapring_info *info = map->info;

	return (const uint8_t *)info +
	       info->page_bytes * (1 + 2ull * info->ring_count) +
	       2 * ring * info->ring_bytes + (position & (info->ring_bytes - 1));
}

/* All there is, in normal mode: look where it lies, then let go of it. */
static bool map_take(const struct map *map, uint32_t ring)
{
	struct pcapring_consumer *consumer = map_consumer(map, ring);
	uint64_t head = __atomic_load_n(&map_producer(map, ring)->head,
					__ATOMIC_ACQUIRE);
	uint64_t tail = consumer->tail;

	reader_check(map->id, map_at(map, ring, tail), head - tail,
		     map->info->linktype, map->info->snaplen);
	__atomic_store_n(&consumer->seen, head, __ATOMIC_RELEASE);
	__atomic_store_n(&consumer->tail, head, __ATOMIC_RELEASE);
	return head != tail;
}

/* In overwrite mode: copy, then check what of the copy is good. */
static bool map_copy(const struct map *map, uint32_t ring)
{
	const struct pcapring_producer *producer = map_producer(map, ring);
	uint64_t head = __atomic_load_n(&producer->head, __ATOMIC_ACQUIRE);
	uint64_t first = __atomic_load_n(&producer->oldest, __ATOMIC_RELAXED);
	uint64_t oldest;
	uint8_t *copy;

	/* the kernel went on between the two loads */
	if (head - first > map->info->ring_bytes)
		return false;
	copy = malloc(head - first + 1);
	memcpy(copy, map_at(map, ring, first), head - first);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	oldest = __atomic_load_n(&producer->oldest, __ATOMIC_RELAXED);
	if (oldest < head)
		reader_check(map->id, copy + (oldest - first), head - oldest,
			     map->info->linktype, map->info->snaplen);
	free(copy);
	__atomic_store_n(&map_consumer(map, ring)->seen, head,
			 __ATOMIC_RELEASE);
	return oldest < head;
}

unsigned int reader_map(uint32_t id, uint32_t seed)
{
	struct pollfd ready = { .events = POLLIN };
	unsigned int turn, found = 0;
	struct map map;
	uint32_t ring;

	if (!map_open(&map, id))
		return 0;
	ready.fd = map.fd;
	map_consumer(&map, 0)->wake_bytes = seed % 3 * 4096;
	for (turn = 0; turn < POLLS; turn++) {
		poll(&ready, 1, 10);
		for (ring = 0; ring < map.info->ring_count; ring++)
			found += map.info->mode == PCAPRING_MODE_OVERWRITE ?
				 map_copy(&map, ring) : map_take(&map, ring);
	}
	map_close(&map);
	return !!found;
}

unsigned int reader_lie(uint32_t id, uint32_t seed)
{
	struct pollfd ready = { .events = POLLIN };
	struct pcapring_consumer *consumer;
	unsigned int turn;
	struct map map;

	if (!map_open(&map, id))
		return 0;
	ready.fd = map.fd;
	for (turn = 0; turn < POLLS; turn++) {
		consumer = map_consumer(&map, turn % map.info->ring_count);
		consumer->seen += seed % (turn + 7) - 3ull;
		consumer->tail += (turn & 1) ? seed : -(uint64_t)seed % 977;
		consumer->wake_bytes = (uint64_t)seed << (turn * 7 % 64);
		poll(&ready, 1, 1);
	}
	map_close(&map);
	return 1;
}

unsigned int reader_filter(uint32_t id, uint32_t seed)
{
	struct sock_filter instruction[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, seed % 1500, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, seed % 2000),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct pcapring_filter filter = {
		.length = seed & 1 ? 4 : 0,
		.instructions = (uintptr_t)instruction,
	};
	int fd = reader_open(id);
	int turn, error = 0;

	if (fd < 0)
		return 0;
	for (turn = 0; turn < 4 && !error; turn++, filter.length ^= 4)
		error = ioctl(fd, PCAPRING_IOC_SET_FILTER, &filter);
	/* a deleted capture says so */
	if (error && errno != ENODEV && errno != ENOMEM)
		err(1, "capture %u: filter", id);
	close(fd);
	return !error;
}
