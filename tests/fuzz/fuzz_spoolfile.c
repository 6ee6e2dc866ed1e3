// SPDX-License-Identifier: MIT
/*
 * A file of the spool with any content, its CRCs made right where the input says
 * so: what is read of it is possible, and lies in it.
 */
#include "spool/spoolfile.c"

#include "fuzz.h"

enum { FIXED = 4096 };

static void check_header(const struct spoolfile_header *header)
{
	uint8_t bytes[SPOOLFILE_HEADER];
	struct spoolfile_header again;
	char path[32];
	int fd;

	FUZZ_TRUE(header->ring_count && header->ring_count <= SPOOLFILE_RINGS_MAX);
	FUZZ_TRUE(header->id.ring < header->ring_count);
	FUZZ_TRUE(header->metadata.snaplen <= PCAPRING_SNAPLEN_MAX);
	FUZZ_TRUE(strlen(header->metadata.sensor) < METADATA_TEXT_MAX);
	FUZZ_TRUE(strlen(header->metadata.host) < METADATA_TEXT_MAX);
	FUZZ_TRUE(strlen(header->metadata.interface) < METADATA_TEXT_MAX);
	spoolfile_pack_header(bytes, header);
	fd = fuzz_file(bytes, sizeof(bytes), path);
	FUZZ_TRUE(spoolfile_read_header(&again, fd, &header->id) == SPOOLFILE_FINE);
	FUZZ_TRUE(!strcmp(again.metadata.sensor, header->metadata.sensor));
	FUZZ_TRUE(again.ring_bytes == header->ring_bytes && again.created == header->created);
	close(fd);
}

/* Stretches follow each other, whole, and are what their headers say. */
static void check_stretches(int fd, const uint8_t *file, size_t size, uint64_t offset)
{
	struct spoolfile_stretch stretch;
	struct spoolfile_walk walk;
	uint64_t at = SPOOLFILE_HEADER, end = offset;

	spoolfile_walk_begin(&walk, fd, size, offset);
	while (spoolfile_walk_next(&walk, &stretch)) {
		uint8_t bytes[SPOOLFILE_STRETCH];
		bool fine = spoolfile_walk_check(&walk, &stretch);

		FUZZ_TRUE(stretch.offset == end && stretch.length);
		FUZZ_TRUE(walk.end == end + stretch.length && walk.end > end);
		FUZZ_TRUE(walk.at == at + SPOOLFILE_STRETCH + stretch.length);
		FUZZ_TRUE(walk.at <= size);
		spoolfile_pack_stretch(bytes, &stretch);
		if (stretch.known)
			FUZZ_TRUE(!memcmp(bytes, file + at, SPOOLFILE_STRETCH));
		FUZZ_TRUE(fine == (stretch.crc ==
				   spoolfile_crc(0, file + at + SPOOLFILE_STRETCH,
						 stretch.length)));
		at = walk.at;
		end = walk.end;
	}
	FUZZ_TRUE(walk.at == at && walk.end == end);
}

/* Bytes alone would never have a CRC that holds. */
static void mend(uint8_t *file, size_t size, uint8_t flags)
{
	struct spoolfile_disk_header header;
	struct spoolfile_disk_stretch stretch;

	if (size < SPOOLFILE_HEADER + SPOOLFILE_STRETCH)
		return;
	memcpy(&header, file, sizeof(header));
	if (flags & 2) {
		header.magic = SPOOLFILE_MAGIC;
		header.version = SPOOLFILE_VERSION;
		header.order = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	}
	header.crc = spoolfile_crc(0, &header, offsetof(struct spoolfile_disk_header, crc));
	memcpy(file, &header, sizeof(header));
	if (!(flags & 4))
		return;
	memcpy(&stretch, file + SPOOLFILE_HEADER, sizeof(stretch));
	stretch.magic = SPOOLFILE_PART_MAGIC;
	stretch.sum = spoolfile_sum(&stretch);
	memcpy(file + SPOOLFILE_HEADER, &stretch, sizeof(stretch));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { bytes, size };
	uint8_t flags = fuzz_number(&in, 1);
	struct spoolfile_header header;
	struct spoolfile_id id;
	uint8_t *file;
	char path[32];
	size_t left;
	int fd;

	left = in.left < FIXED ? in.left : FIXED;
	file = malloc(left + 1);
	FUZZ_TRUE(file);
	memcpy(file, in.p, left);
	if (flags & 1)
		mend(file, left, flags);
	/* as its name says, mostly */
	memset(&id, 0, sizeof(id));
	if (left >= SPOOLFILE_HEADER) {
		memcpy(id.boot, file + 16, SPOOLFILE_ID);
		memcpy(id.capture, file + 32, SPOOLFILE_ID);
		memcpy(&id.ring, file + 48, sizeof(id.ring));
		memcpy(&id.offset, file + 56, sizeof(id.offset));
	}
	fd = fuzz_file(file, left, path);
	if (spoolfile_read_header(&header, fd, &id) == SPOOLFILE_FINE)
		check_header(&header);
	check_stretches(fd, file, left, id.offset);
	close(fd);
	free(file);
	return 0;
}
