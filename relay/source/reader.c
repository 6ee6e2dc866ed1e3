// SPDX-License-Identifier: MIT
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

enum { READER_INFO, READER_CONSUMERS, READER_PRODUCERS };

static const char *reader_open_hint(int error)
{
	switch (error) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return "no such capture; 'pcapring show' lists them, "
		       "'modprobe pcapring iface=NAME' makes one";
	case EACCES:
	case EPERM:
		return "not allowed; run as root or as a member of the "
		       "device's group";
	case EBUSY:
		return "another reader has it, and there can be one only; "
		       "'fuser -v' on the device names it";
	default:
		return strerror(error);
	}
}

static bool reader_map_pages(struct reader *reader, unsigned int which,
			     int protection, uint64_t offset, size_t size)
{
	void *memory = mmap(NULL, size, protection, MAP_SHARED, reader->fd, offset);

	if (memory == MAP_FAILED) {
		log_error("%s: cannot map %zu bytes at offset %" PRIu64 ": %s",
			  reader->name, size, offset,
			  errno == ENODEV ?
			  "no capture device, or one that was deleted" :
			  strerror(errno));
		return false;
	}
	reader->pages[which].memory = memory;
	reader->pages[which].size = size;
	return true;
}

static bool reader_power_of_two(uint64_t number)
{
	return number && !(number & (number - 1));
}

/* What is being overwritten cannot wait for a receiver. */
static bool reader_check_mode(const struct reader *reader)
{
	const struct pcapring_info *info = reader->info;

	if (info->mode == PCAPRING_MODE_NORMAL)
		return true;
	if (info->mode == PCAPRING_MODE_OVERWRITE)
		log_error("%s: the capture is in mode overwrite, which is not for streaming: nothing would keep its packets until they are safe; 'pcapring snapshot %u FILE' saves them, 'pcapring add %.15s' makes a capture to stream from",
			  reader->name, info->id, info->ifname);
	else
		log_error("%s: the capture is in mode %u, which this program does not know; install the same release of module and programs",
			  reader->name, info->mode);
	return false;
}

static bool reader_check_info(const struct reader *reader, size_t page)
{
	const struct pcapring_info *info = reader->info;

	if (info->magic != PCAPRING_MAGIC) {
		log_error("%s: not a capture device: magic 0x%08x instead of 0x%08x",
			  reader->name, info->magic, PCAPRING_MAGIC);
		return false;
	}
	if (info->version != PCAPRING_VERSION) {
		log_error("%s: the module's interface has version %u, this program knows %d; install the same release of both",
			  reader->name, info->version, PCAPRING_VERSION);
		return false;
	}
	if (!info->ring_count || info->ring_count > PCAPRING_RINGS_MAX ||
	    !reader_power_of_two(info->ring_bytes) ||
	    info->ring_bytes > PCAPRING_RING_BYTES_MAX ||
	    info->ring_bytes % page || !reader_power_of_two(info->page_bytes) ||
	    info->page_bytes % page || info->page_bytes > info->ring_bytes) {
		log_error("%s: impossible geometry: %u rings of %" PRIu64 " bytes, pages of %u bytes",
			  reader->name, info->ring_count,
			  (uint64_t)info->ring_bytes, info->page_bytes);
		return false;
	}
	return reader_check_mode(reader);
}

/* A file that is too short would answer a load with SIGBUS. */
static bool reader_check_size(const struct reader *reader)
{
	uint64_t size = (uint64_t)reader->info->page_bytes *
			(1 + 2 * (uint64_t)reader->ring_count) +
			reader->ring_bytes * 2 * reader->ring_count;
	struct stat st;

	if (fstat(reader->fd, &st)) {
		log_error("%s: %s", reader->name, strerror(errno));
		return false;
	}
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size < size) {
		log_error("%s: has %jd bytes where its info page promises %" PRIu64,
			  reader->name, (intmax_t)st.st_size, size);
		return false;
	}
	return true;
}

static bool reader_map_info(struct reader *reader)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct stat st;

	if (!fstat(reader->fd, &st) && S_ISREG(st.st_mode) &&
	    (size_t)st.st_size < page) {
		log_error("%s: not a capture device", reader->name);
		return false;
	}
	if (!reader_map_pages(reader, READER_INFO, PROT_READ, 0, page))
		return false;
	reader->info = reader->pages[READER_INFO].memory;
	if (!reader_check_info(reader, page))
		return false;
	reader->ring_count = reader->info->ring_count;
	reader->ring_bytes = reader->info->ring_bytes;
	return reader_check_size(reader);
}

/*
 * The ring's first copy twice, instead of both copies of the device's map:
 * the memory is the same, and a plain file serves as well.
 *
 *	|<--- ring_bytes --->|<--- ring_bytes --->|
 *	| offset             | offset, once more  |
 *
 * Page faults are taken now, not while packets wait.
 */
static const uint8_t *reader_map_ring(const struct reader *reader, uint64_t offset)
{
	const int flags = MAP_SHARED | MAP_FIXED | MAP_POPULATE;
	size_t size = reader->ring_bytes;
	uint8_t *memory = mmap(NULL, 2 * size, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (mmap(memory, size, PROT_READ, flags, reader->fd, offset) == MAP_FAILED ||
	    mmap(memory + size, size, PROT_READ, flags, reader->fd, offset) ==
	    MAP_FAILED) {
		int error = errno;

		munmap(memory, 2 * size);
		errno = error;
		return NULL;
	}
	return memory;
}

static bool reader_start_ring(struct reader *reader, unsigned int index)
{
	uint64_t page = reader->info->page_bytes;
	uint64_t data = page * (1 + 2 * (uint64_t)reader->ring_count);
	struct reader_ring *ring = &reader->rings[index];
	uint8_t *consumers = reader->pages[READER_CONSUMERS].memory;
	const uint8_t *producers = reader->pages[READER_PRODUCERS].memory;

	ring->mask = reader->ring_bytes - 1;
	ring->consumer = (void *)(consumers + page * index);
	ring->producer = (const void *)(producers + page * index);
	ring->data = reader_map_ring(reader, data + 2 * reader->ring_bytes * index);
	if (!ring->data) {
		log_error("%s: cannot map ring %u: %s", reader->name, index,
			  strerror(errno));
		return false;
	}
	ring->tail = __atomic_load_n(&ring->consumer->tail, __ATOMIC_RELAXED);
	ring->safe = ring->tail;
	ring->position = ring->tail;
	ring->head = ring->tail;
	return reader_load(reader, ring);
}

static bool reader_map(struct reader *reader)
{
	uint64_t page, size;

	if (!reader_map_info(reader))
		return false;
	page = reader->info->page_bytes;
	size = page * reader->ring_count;
	if (!reader_map_pages(reader, READER_CONSUMERS, PROT_READ | PROT_WRITE,
			      page, size) ||
	    !reader_map_pages(reader, READER_PRODUCERS, PROT_READ, page + size,
			      size))
		return false;
	reader->rings = calloc(reader->ring_count, sizeof(*reader->rings));
	if (!reader->rings) {
		log_error("%s: out of memory", reader->name);
		return false;
	}
	for (unsigned int i = 0; i < reader->ring_count; i++)
		if (!reader_start_ring(reader, i))
			return false;
	return true;
}

bool reader_open_fd(struct reader *reader, int fd, const char *name)
{
	memset(reader, 0, sizeof(*reader));
	snprintf(reader->name, sizeof(reader->name), "%s", name);
	reader->fd = fd;
	if (reader_map(reader))
		return true;
	reader_close(reader);
	return false;
}

bool reader_open(struct reader *reader, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		log_error("--device %s: %s", path, reader_open_hint(errno));
		return false;
	}
	return reader_open_fd(reader, fd, path);
}

bool reader_open_memory(struct reader *reader, struct pcapring_info info)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);

	info.magic = PCAPRING_MAGIC;
	info.version = PCAPRING_VERSION;
	info.ring_count = 1;
	info.page_bytes = sysconf(_SC_PAGESIZE);
	/* the second copy of a device's map takes no memory here */
	if (fd >= 0 && !ftruncate(fd, 3 * info.page_bytes + 2 * info.ring_bytes) &&
	    pwrite(fd, &info, sizeof(info), 0) == sizeof(info))
		return reader_open_fd(reader, fd, "memory");
	log_error("cannot make a ring of %" PRIu64 " bytes: %s",
		  (uint64_t)info.ring_bytes, strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

/* Memory is mapped to be read, as a device's is: the file is written. */
static void reader_write(const struct reader *reader, uint64_t offset,
			 const void *bytes, uint64_t length)
{
	while (length) {
		ssize_t n = pwrite(reader->fd, bytes, length, offset);

		if (n < 0) {
			/* memory that is full is no state to go on in */
			log_error("%s: %s", reader->name, strerror(errno));
			abort();
		}
		offset += n;
		bytes = (const uint8_t *)bytes + n;
		length -= n;
	}
}

static void reader_write_ring(const struct reader *reader, uint64_t position,
			      const void *bytes, uint64_t length)
{
	uint64_t data = 3 * (uint64_t)reader->info->page_bytes;
	uint64_t at = position & (reader->ring_bytes - 1);
	uint64_t part = reader->ring_bytes - at;

	if (part > length)
		part = length;
	reader_write(reader, data + at, bytes, part);
	reader_write(reader, data, (const uint8_t *)bytes + part, length - part);
}

bool reader_append(const struct reader *reader, const struct pcapring_record *record,
		   const void *data)
{
	const struct reader_ring *ring = &reader->rings[0];
	uint64_t head = ring->producer->head;
	uint64_t end = head + sizeof(*record) + record->caplen;

	if (end - ring->tail > reader->ring_bytes)
		return false;
	reader_write_ring(reader, head, record, sizeof(*record));
	reader_write_ring(reader, head + sizeof(*record), data, record->caplen);
	reader_write(reader, 2 * (uint64_t)reader->info->page_bytes +
		     offsetof(struct pcapring_producer, head), &end, sizeof(end));
	return true;
}

void reader_close(struct reader *reader)
{
	for (unsigned int i = 0; reader->rings && i < reader->ring_count; i++)
		if (reader->rings[i].data)
			munmap((void *)reader->rings[i].data,
			       2 * reader->ring_bytes);
	free(reader->rings);
	for (unsigned int i = 0; i < 3; i++)
		if (reader->pages[i].memory)
			munmap(reader->pages[i].memory, reader->pages[i].size);
	close(reader->fd);
	memset(reader, 0, sizeof(*reader));
	reader->fd = -1;
}

uint32_t reader_linktype(const struct reader *reader)
{
	return __atomic_load_n(&reader->info->linktype, __ATOMIC_ACQUIRE);
}

bool reader_load(const struct reader *reader, struct reader_ring *ring)
{
	uint64_t head;

	if (reader->frozen)
		return true;
	/* Pairs with the producer's release store: the records are there. */
	head = __atomic_load_n(&ring->producer->head, __ATOMIC_ACQUIRE);
	/* Positions only grow, and no more than a ring lies behind the tail. */
	if (head - ring->tail > ring->mask + 1 ||
	    head - ring->tail < ring->head - ring->tail) {
		log_error("%s: ring %td is corrupted: head %" PRIu64 ", tail %" PRIu64 ", ring of %" PRIu64 " bytes",
			  reader->name, ring - reader->rings, head, ring->tail,
			  ring->mask + 1);
		return false;
	}
	ring->head = head;
	return true;
}

bool reader_peek_at(const struct reader *reader, const struct reader_ring *ring,
		    uint64_t position, struct pcapring_record *record)
{
	uint64_t left = ring->head - position;

	if (left >= sizeof(*record)) {
		memcpy(record, reader_at(ring, position), sizeof(*record));
		if (record->caplen <= PCAPRING_SNAPLEN_MAX &&
		    record->caplen <= left - sizeof(*record) &&
		    record->ts_nsec < 1000000000)
			return true;
		log_error("%s: ring %td is corrupted: record at %" PRIu64 " with %u bytes of packet and %u ns, head at %" PRIu64,
			  reader->name, ring - reader->rings, position,
			  record->caplen, record->ts_nsec, ring->head);
		return false;
	}
	log_error("%s: ring %td is corrupted: %" PRIu64 " bytes left before head %" PRIu64,
		  reader->name, ring - reader->rings, left, ring->head);
	return false;
}

bool reader_seen(struct reader *reader)
{
	struct reader_ring *ring = reader->rings;

	for (unsigned int i = 0; i < reader->ring_count; i++)
		__atomic_store_n(&ring[i].consumer->seen, ring[i].position,
				 __ATOMIC_RELEASE);
	/*
	 * Pairs with the producer's barrier between its store of head and its
	 * load of seen: it sees ours, or we see its.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (reader->frozen)
		return true;
	for (unsigned int i = 0; i < reader->ring_count; i++)
		if (__atomic_load_n(&ring[i].producer->head, __ATOMIC_RELAXED) !=
		    ring[i].position)
			return false;
	return true;
}

void reader_level(const struct reader *reader, uint64_t *captured, uint64_t *room)
{
	*captured = 0;
	*room = UINT64_MAX;
	for (unsigned int i = 0; i < reader->ring_count; i++) {
		const struct reader_ring *ring = &reader->rings[i];
		uint64_t head = __atomic_load_n(&ring->producer->head, __ATOMIC_RELAXED);
		uint64_t left = ring->mask + 1 - (head - ring->tail);

		*captured += head;
		if (left < *room)
			*room = left;
	}
}

void reader_release(struct reader_ring *ring, uint64_t tail)
{
	/* Pairs with the release in copy.c: what lies before it was read. */
	uint64_t floor = ring->floor ? __atomic_load_n(ring->floor, __ATOMIC_ACQUIRE) :
				       UINT64_MAX;

	if (tail > floor)
		tail = floor;
	if (tail == ring->tail)
		return;
	ring->tail = tail;
	__atomic_store_n(&ring->consumer->tail, tail, __ATOMIC_RELEASE);
}

bool reader_set_filter(const struct reader *reader, const struct sock_filter *program,
		       size_t length)
{
	const struct pcapring_filter filter = {
		.length = length,
		.instructions = (uintptr_t)program,
	};

	if (!ioctl(reader->fd, PCAPRING_IOC_SET_FILTER, &filter))
		return true;
	log_error("%s: the kernel does not take the filter of %zu instructions: %s",
		  reader->name, length, strerror(errno));
	return false;
}

bool reader_freeze(struct reader *reader)
{
	if (reader->frozen)
		return true;
	for (unsigned int i = 0; i < reader->ring_count; i++)
		if (!reader_load(reader, &reader->rings[i]))
			return false;
	reader->frozen = true;
	return true;
}
