// SPDX-License-Identifier: MIT
#include "spoolfile.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <linux/pcapring.h>

#define SPOOLFILE_VERSION	1
#define SPOOLFILE_MAGIC		0x6c6f6f70537063ULL	/* "cpSpool" */
#define SPOOLFILE_PART_MAGIC	0x74537063		/* "cpSt" */
#define SPOOLFILE_LINKTYPE_MAX	0xffff
#define SPOOLFILE_BUFFER	(256 << 10)

/**
 * struct spoolfile_disk_header - as it lies in the file
 * @order: the machine's: 1 for big endian
 * @crc: of all before it
 */
struct spoolfile_disk_header {
	uint64_t magic;
	uint32_t version;
	uint32_t order;
	uint8_t boot[SPOOLFILE_ID];
	uint8_t capture[SPOOLFILE_ID];
	uint32_t ring;
	uint32_t ring_count;
	uint64_t offset;
	uint64_t ring_bytes;
	uint64_t created;
	uint32_t resolution;
	uint32_t linktype;
	uint32_t snaplen;
	char sensor[METADATA_TEXT_MAX];
	char host[METADATA_TEXT_MAX];
	char interface[METADATA_TEXT_MAX];
	uint8_t pad[160];
	uint32_t crc;
};

/* @sum: of all behind it. */
struct spoolfile_disk_stretch {
	uint32_t magic;
	uint32_t sum;
	uint64_t offset;
	uint64_t length;
	uint64_t dropped;
	uint64_t complete_until;
	uint32_t crc;
	uint32_t known;
	uint8_t collector[SPOOLFILE_ID];
};

_Static_assert(sizeof(struct spoolfile_disk_header) == SPOOLFILE_HEADER, "no holes");
_Static_assert(sizeof(struct spoolfile_disk_stretch) == SPOOLFILE_STRETCH, "no holes");

uint32_t spoolfile_crc(uint32_t crc, const void *bytes, uint64_t length)
{
	return crc32_z(crc, bytes, length);
}

static char *spoolfile_hex(char *out, const uint8_t *id)
{
	for (int i = 0; i < SPOOLFILE_ID; i++)
		out += sprintf(out, "%02x", id[i]);
	return out;
}

void spoolfile_name(char *name, const struct spoolfile_id *id)
{
	name = spoolfile_hex(name, id->boot);
	*name++ = '-';
	name = spoolfile_hex(name, id->capture);
	sprintf(name, "-%02x-%016" PRIx64 ".spool", id->ring & 0xff, id->offset);
}

bool spoolfile_parse(struct spoolfile_id *id, const char *name)
{
	char again[SPOOLFILE_NAME];
	const char *p = name;

	*id = (struct spoolfile_id) {};
	if (strlen(name) != SPOOLFILE_NAME - 1)
		return false;
	for (int i = 0; i < SPOOLFILE_ID; i++, p += 2)
		if (sscanf(p, "%2hhx", &id->boot[i]) != 1)
			return false;
	p++;
	for (int i = 0; i < SPOOLFILE_ID; i++, p += 2)
		if (sscanf(p, "%2hhx", &id->capture[i]) != 1)
			return false;
	if (sscanf(p, "-%2" SCNx32 "-%16" SCNx64, &id->ring, &id->offset) != 2 ||
	    id->ring >= SPOOLFILE_RINGS_MAX)
		return false;
	/* what scanf forgives is not written so */
	spoolfile_name(again, id);
	return !strcmp(name, again);
}

void spoolfile_pack_header(uint8_t *out, const struct spoolfile_header *header)
{
	const struct metadata *metadata = &header->metadata;
	struct spoolfile_disk_header disk = {
		.magic = SPOOLFILE_MAGIC,
		.version = SPOOLFILE_VERSION,
		.order = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
		.ring = header->id.ring,
		.ring_count = header->ring_count,
		.offset = header->id.offset,
		.ring_bytes = header->ring_bytes,
		.created = header->created,
		.resolution = header->resolution,
		.linktype = metadata->linktype,
		.snaplen = metadata->snaplen,
	};

	memcpy(disk.boot, header->id.boot, SPOOLFILE_ID);
	memcpy(disk.capture, header->id.capture, SPOOLFILE_ID);
	snprintf(disk.sensor, sizeof(disk.sensor), "%s", metadata->sensor);
	snprintf(disk.host, sizeof(disk.host), "%s", metadata->host);
	snprintf(disk.interface, sizeof(disk.interface), "%s", metadata->interface);
	disk.crc = spoolfile_crc(0, &disk, offsetof(struct spoolfile_disk_header, crc));
	memcpy(out, &disk, sizeof(disk));
}

static bool spoolfile_is_text(const char *text)
{
	return memchr(text, '\0', METADATA_TEXT_MAX);
}

/* A CRC keeps accidents out, not those who can write into the folder. */
static bool spoolfile_possible(const struct spoolfile_disk_header *disk,
			       const struct spoolfile_id *id)
{
	return !memcmp(disk->boot, id->boot, SPOOLFILE_ID) &&
	       !memcmp(disk->capture, id->capture, SPOOLFILE_ID) &&
	       disk->ring == id->ring && disk->offset == id->offset &&
	       disk->ring_count <= SPOOLFILE_RINGS_MAX && disk->ring < disk->ring_count &&
	       disk->ring_bytes && disk->ring_bytes <= PCAPRING_RING_BYTES_MAX &&
	       disk->resolution <= 1 && disk->linktype <= SPOOLFILE_LINKTYPE_MAX &&
	       disk->snaplen && disk->snaplen <= PCAPRING_SNAPLEN_MAX &&
	       spoolfile_is_text(disk->sensor) && spoolfile_is_text(disk->host) &&
	       spoolfile_is_text(disk->interface);
}

static bool spoolfile_is_zero(const void *bytes, size_t length)
{
	const uint8_t *p = bytes;

	while (length && !*p)
		p++, length--;
	return !length;
}

/* All of it, or not; errno is 0 where the file ends before. */
static bool spoolfile_read(int fd, void *bytes, size_t length, uint64_t at)
{
	while (length) {
		ssize_t n = pread(fd, bytes, length, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (!n)
			errno = 0;
		if (n <= 0)
			return false;
		bytes = (uint8_t *)bytes + n;
		length -= n;
		at += n;
	}
	return true;
}

enum spoolfile_state spoolfile_read_header(struct spoolfile_header *header, int fd,
					   const struct spoolfile_id *id)
{
	struct spoolfile_disk_header disk;
	struct metadata *metadata = &header->metadata;

	if (!spoolfile_read(fd, &disk, sizeof(disk), 0))
		return errno ? SPOOLFILE_UNREADABLE : SPOOLFILE_EMPTY;
	if (spoolfile_is_zero(&disk, sizeof(disk)))
		return SPOOLFILE_EMPTY;
	if (disk.magic != SPOOLFILE_MAGIC || disk.version != SPOOLFILE_VERSION ||
	    disk.order != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
		return SPOOLFILE_FOREIGN;
	if (disk.crc != spoolfile_crc(0, &disk,
				      offsetof(struct spoolfile_disk_header, crc)) ||
	    !spoolfile_possible(&disk, id))
		return SPOOLFILE_DAMAGED;
	*header = (struct spoolfile_header) {
		.id = *id,
		.ring_count = disk.ring_count,
		.resolution = disk.resolution,
		.ring_bytes = disk.ring_bytes,
		.created = disk.created,
	};
	metadata_defaults(metadata);
	metadata->linktype = disk.linktype;
	metadata->snaplen = disk.snaplen;
	memcpy(metadata->sensor, disk.sensor, METADATA_TEXT_MAX);
	memcpy(metadata->host, disk.host, METADATA_TEXT_MAX);
	memcpy(metadata->interface, disk.interface, METADATA_TEXT_MAX);
	return SPOOLFILE_FINE;
}

static uint32_t spoolfile_sum(const struct spoolfile_disk_stretch *disk)
{
	const size_t begin = offsetof(struct spoolfile_disk_stretch, offset);

	return spoolfile_crc(0, (const uint8_t *)disk + begin, sizeof(*disk) - begin);
}

void spoolfile_pack_stretch(uint8_t *out, const struct spoolfile_stretch *stretch)
{
	struct spoolfile_disk_stretch disk = {
		.magic = SPOOLFILE_PART_MAGIC,
		.offset = stretch->offset,
		.length = stretch->length,
		.dropped = stretch->dropped,
		.complete_until = stretch->complete_until,
		.crc = stretch->crc,
		.known = stretch->known,
	};

	if (stretch->known)
		memcpy(disk.collector, stretch->collector, SPOOLFILE_ID);
	disk.sum = spoolfile_sum(&disk);
	memcpy(out, &disk, sizeof(disk));
}

bool spoolfile_unpack_stretch(struct spoolfile_stretch *stretch, const uint8_t *bytes,
			      uint64_t offset, uint64_t left)
{
	struct spoolfile_disk_stretch disk;

	memcpy(&disk, bytes, sizeof(disk));
	if (disk.magic != SPOOLFILE_PART_MAGIC || disk.sum != spoolfile_sum(&disk) ||
	    disk.offset != offset || !disk.length || disk.length > left ||
	    disk.length > PCAPRING_RING_BYTES_MAX || disk.known > 1 ||
	    offset + disk.length < offset)
		return false;
	*stretch = (struct spoolfile_stretch) {
		.offset = disk.offset,
		.length = disk.length,
		.dropped = disk.dropped,
		.complete_until = disk.complete_until,
		.crc = disk.crc,
		.known = disk.known,
	};
	memcpy(stretch->collector, disk.collector, SPOOLFILE_ID);
	return true;
}

void spoolfile_walk_begin(struct spoolfile_walk *walk, int fd, uint64_t size,
			  uint64_t offset)
{
	*walk = (struct spoolfile_walk) {
		.fd = fd,
		.at = SPOOLFILE_HEADER,
		.end = offset,
		.size = size,
	};
}

static bool spoolfile_walk_read(struct spoolfile_walk *walk, void *bytes, size_t length,
				uint64_t at)
{
	if (spoolfile_read(walk->fd, bytes, length, at))
		return true;
	walk->error = errno;
	return false;
}

bool spoolfile_walk_next(struct spoolfile_walk *walk, struct spoolfile_stretch *stretch)
{
	uint8_t bytes[SPOOLFILE_STRETCH];

	if (walk->size < SPOOLFILE_STRETCH || walk->at > walk->size - SPOOLFILE_STRETCH ||
	    !spoolfile_walk_read(walk, bytes, sizeof(bytes), walk->at) ||
	    !spoolfile_unpack_stretch(stretch, bytes, walk->end,
				      walk->size - walk->at - SPOOLFILE_STRETCH))
		return false;
	walk->at += SPOOLFILE_STRETCH + stretch->length;
	walk->end += stretch->length;
	return true;
}

bool spoolfile_walk_check(struct spoolfile_walk *walk,
			  const struct spoolfile_stretch *stretch)
{
	uint64_t at = walk->at - stretch->length, left = stretch->length;
	uint8_t *buffer = malloc(SPOOLFILE_BUFFER);
	uint32_t crc = 0;

	if (!buffer)
		abort();
	while (left) {
		size_t part = left < SPOOLFILE_BUFFER ? left : SPOOLFILE_BUFFER;

		if (!spoolfile_walk_read(walk, buffer, part, at))
			break;
		crc = spoolfile_crc(crc, buffer, part);
		at += part;
		left -= part;
	}
	free(buffer);
	return !left && crc == stretch->crc;
}
