// SPDX-License-Identifier: MIT
/*
 * The reader on a file in the device's place: an impossible map is refused,
 * records are those that are there, and nothing beyond the head is read.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/reader.h"

#define RINGS	3

/* What the file is made of; pages beyond it are missing. */
struct layout {
	struct pcapring_info info;
	uint64_t tail[RINGS];
	uint64_t used[RINGS];	/* head - tail */
	uint64_t size;
	const uint8_t *data;
	size_t length;
};

static void put(int fd, uint64_t offset, const void *bytes, size_t size)
{
	struct stat st;

	FUZZ_TRUE(!fstat(fd, &st));
	if (offset + size <= (uint64_t)st.st_size)
		FUZZ_TRUE(pwrite(fd, bytes, size, offset) == (ssize_t)size);
}

static void layout_read(struct layout *layout, struct fuzz_input *in)
{
	unsigned int rings = 1 + fuzz_number(in, 1) % RINGS;
	uint64_t page = sysconf(_SC_PAGESIZE);
	uint8_t *info = (uint8_t *)&layout->info;

	*layout = (struct layout) { .info = {
		.magic = PCAPRING_MAGIC,
		.version = PCAPRING_VERSION,
		.ring_count = rings,
		.ring_bytes = page << fuzz_number(in, 1) % 3,
		.page_bytes = page,
		.linktype = 1,
		.snaplen = PCAPRING_SNAPLEN_MAX,
		.ifname = "mem0",
	} };
	layout->size = page * (1 + 2 * rings) + 2 * layout->info.ring_bytes * rings;
	layout->size -= fuzz_number(in, 2) % (layout->size + 1);
	for (unsigned int i = 0; i < RINGS; i++) {
		layout->tail[i] = fuzz_number(in, 8);
		layout->used[i] = fuzz_number(in, 8);
	}
	/* so many bytes of the info page are changed */
	for (unsigned int n = fuzz_number(in, 1) % 8; n; n--) {
		size_t at = fuzz_number(in, 1) % sizeof(layout->info);

		info[at] ^= fuzz_number(in, 1);
	}
	layout->data = in->p;
	layout->length = in->left;
}

static uint64_t producer_at(const struct layout *layout, unsigned int ring)
{
	return (uint64_t)layout->info.page_bytes * (1 + layout->info.ring_count + ring);
}

/* The data lies at each ring's tail, around its end if need be. */
static int layout_make(const struct layout *layout)
{
	const struct pcapring_info *info = &layout->info;
	uint64_t mask = info->ring_bytes - 1, page = info->page_bytes;
	char path[32];
	int fd = fuzz_file(NULL, 0, path);

	FUZZ_TRUE(!ftruncate(fd, layout->size));
	put(fd, 0, info, sizeof(*info));
	if (info->ring_count > RINGS || !info->ring_bytes || info->ring_bytes & mask ||
	    info->ring_bytes > layout->size || page > layout->size)
		return fd;
	for (unsigned int i = 0; i < info->ring_count; i++) {
		uint64_t tail = layout->tail[i], head = tail + layout->used[i];
		uint64_t at = page * (1 + 2 * info->ring_count) + 2 * info->ring_bytes * i;
		uint64_t length = layout->length < mask ? layout->length : mask;
		uint64_t part = info->ring_bytes - (tail & mask);

		if (part > length)
			part = length;
		put(fd, page * (1 + i) + offsetof(struct pcapring_consumer, tail), &tail, 8);
		put(fd, producer_at(layout, i), &head, 8);
		put(fd, at + (tail & mask), layout->data, part);
		put(fd, at, layout->data + part, length - part);
	}
	return fd;
}

/* Of the bytes as they were written, without a ring. */
static bool expect(const struct layout *layout, uint64_t at, uint64_t left,
		   struct pcapring_record *record)
{
	if (left < sizeof(*record))
		return false;
	memset(record, 0, sizeof(*record));
	if (at < layout->length)
		memcpy(record, layout->data + at,
		       layout->length - at < sizeof(*record) ? layout->length - at :
							       sizeof(*record));
	return record->caplen <= PCAPRING_SNAPLEN_MAX && record->ts_nsec < 1000000000 &&
	       record->caplen <= left - sizeof(*record);
}

static void compare_bytes(const struct layout *layout, const uint8_t *got, uint64_t at,
			  uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		FUZZ_TRUE(got[i] == (at + i < layout->length ? layout->data[at + i] : 0));
}

static void read_records(const struct layout *layout, const struct reader *reader,
			 struct reader_ring *ring)
{
	struct pcapring_record want, got;
	uint64_t begin = ring->tail;

	FUZZ_TRUE(ring->head - ring->tail <= reader->ring_bytes);
	while (ring->position != ring->head) {
		uint64_t at = ring->position - begin, left = ring->head - ring->position;
		bool valid = expect(layout, at, left, &want);

		FUZZ_TRUE(reader_peek(reader, ring, &got) == valid);
		if (!valid)
			return;
		FUZZ_TRUE(!memcmp(&got, &want, sizeof(want)));
		compare_bytes(layout, reader_at(ring, ring->position), at,
			      sizeof(got) + got.caplen);
		ring->position += sizeof(got) + got.caplen;
	}
}

/* The head moves: forth within the ring, or somewhere else. */
static void move_head(const struct layout *layout, const struct reader *reader,
		      struct reader_ring *ring, uint64_t head)
{
	uint64_t before = ring->head;
	bool possible = head - ring->tail <= reader->ring_bytes &&
			before - ring->tail <= head - ring->tail;

	put(reader->fd, producer_at(layout, ring - reader->rings), &head, 8);
	FUZZ_TRUE(reader_load(reader, ring) == possible);
	FUZZ_TRUE(ring->head == (possible ? head : before));
}

static void check_geometry(const struct layout *layout, const struct reader *reader)
{
	const struct pcapring_info *info = &layout->info;

	FUZZ_TRUE(info->magic == PCAPRING_MAGIC && info->version == PCAPRING_VERSION);
	FUZZ_TRUE(info->mode == PCAPRING_MODE_NORMAL);
	FUZZ_TRUE(reader->ring_count == info->ring_count && info->ring_count);
	FUZZ_TRUE(reader->ring_bytes == info->ring_bytes);
	FUZZ_TRUE((uint64_t)info->page_bytes * (1 + 2 * info->ring_count) +
		  2 * info->ring_bytes * info->ring_count <= layout->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { bytes, size };
	uint64_t head = fuzz_number(&in, 8);
	struct layout layout;
	struct reader reader;

	layout_read(&layout, &in);
	if (!reader_open_fd(&reader, layout_make(&layout), "file"))
		return 0;
	check_geometry(&layout, &reader);
	for (unsigned int i = 0; i < reader.ring_count; i++)
		read_records(&layout, &reader, &reader.rings[i]);
	move_head(&layout, &reader, &reader.rings[0], reader.rings[0].tail + head);
	reader_seen(&reader);
	reader_close(&reader);
	return 0;
}
