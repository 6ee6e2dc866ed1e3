// SPDX-License-Identifier: MIT
/* The spool's files: what they are called, what is in them, where they end. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

#include "spool/spoolfile.h"

#define START	4000000000

static const struct spoolfile_header example = {
	.id = { .boot = "bbbbbbbbbbbbbbb", .capture = "\xff\x00\x10", .ring = 3, .offset = START },
	.ring_count = 4,
	.ring_bytes = 1 << 20,
	.created = 1700000000000000000,
	.metadata = { .sensor = "../sensor\n", .host = "host", .interface = "eth0",
		      .linktype = 1, .snaplen = 262144 },
};

static int file_of(const void *bytes, size_t size)
{
	int fd = memfd_create("spool", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, size, 0), size);
	return fd;
}

/* A file with stretches of these lengths. Returns its size. */
static size_t build(uint8_t *out, const uint64_t *lengths, unsigned int count)
{
	uint64_t offset = example.id.offset;
	size_t at = SPOOLFILE_HEADER;

	spoolfile_pack_header(out, &example);
	for (unsigned int i = 0; i < count; i++) {
		uint8_t *data = out + at + SPOOLFILE_STRETCH;
		struct spoolfile_stretch stretch = {
			.offset = offset,
			.length = lengths[i],
			.dropped = 10 + i,
			.complete_until = 20 + i,
			.known = i & 1,
			.collector = "collector",
		};

		for (uint64_t n = 0; n < lengths[i]; n++)
			data[n] = 1 + (offset + n) % 251;
		stretch.crc = spoolfile_crc(0, data, lengths[i]);
		spoolfile_pack_stretch(out + at, &stretch);
		at += SPOOLFILE_STRETCH + lengths[i];
		offset += lengths[i];
	}
	return at;
}

/* How many stretches hold, bytes included; where the file ends then. */
static unsigned int count(const uint8_t *bytes, size_t size, uint64_t *end)
{
	int fd = file_of(bytes, size);
	struct spoolfile_stretch stretch;
	struct spoolfile_walk walk;
	unsigned int n = 0;

	spoolfile_walk_begin(&walk, fd, size, START);
	*end = walk.end;
	while (spoolfile_walk_next(&walk, &stretch) && spoolfile_walk_check(&walk, &stretch)) {
		*end = walk.end;
		n++;
	}
	close(fd);
	return n;
}

static void test_names_come_back(void **state)
{
	static const struct spoolfile_id ids[] = {
		{ .ring = 0, .offset = 0 },
		{ .ring = 63, .offset = UINT64_MAX },
		{ .boot = "boot", .capture = "capture", .ring = 7, .offset = START },
	};
	char name[SPOOLFILE_NAME];
	struct spoolfile_id id;

	(void)state;
	for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		spoolfile_name(name, &ids[i]);
		assert_int_equal(strlen(name), SPOOLFILE_NAME - 1);
		assert_true(spoolfile_parse(&id, name));
		assert_memory_equal(&id, &ids[i], sizeof(id));
	}
}

static void test_other_names_are_not_of_the_spool(void **state)
{
	static const struct { unsigned int at; const char *to; } changes[] = {
		{ 0, "B" }, { 0, "x" }, { 0, "+1" }, { 0, " 1" }, { 0, "0x" }, { 32, "_" },
		{ 65, "_" }, { 66, "40" }, { 66, "-1" }, { 68, "." }, { 69, "+" },
		{ 85, ".spoot" }, { 91, "x" }, { 0, "../" }, { 90, "" }, { 0, "" },
	};
	const struct spoolfile_id fine = { .ring = 1, .offset = START };
	struct spoolfile_id id;

	(void)state;
	for (unsigned int i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char name[2 * SPOOLFILE_NAME] = "";

		spoolfile_name(name, &fine);
		assert_true(spoolfile_parse(&id, name));
		if (*changes[i].to)
			memcpy(name + changes[i].at, changes[i].to, strlen(changes[i].to));
		else
			name[changes[i].at] = '\0';
		assert_false(spoolfile_parse(&id, name));
	}
}

static void test_a_header_comes_back(void **state)
{
	uint8_t bytes[SPOOLFILE_HEADER];
	struct spoolfile_header header;
	int fd;

	(void)state;
	spoolfile_pack_header(bytes, &example);
	fd = file_of(bytes, sizeof(bytes));
	assert_int_equal(spoolfile_read_header(&header, fd, &example.id), SPOOLFILE_FINE);
	assert_memory_equal(&header.id, &example.id, sizeof(header.id));
	assert_int_equal(header.ring_count, 4);
	assert_int_equal(header.ring_bytes, 1 << 20);
	assert_int_equal(header.created, example.created);
	assert_string_equal(header.metadata.sensor, "../sensor\n");
	assert_string_equal(header.metadata.host, "host");
	assert_string_equal(header.metadata.interface, "eth0");
	assert_int_equal(header.metadata.linktype, 1);
	assert_int_equal(header.metadata.snaplen, 262144);
	close(fd);
}

static enum spoolfile_state state_of(const uint8_t *bytes, size_t size,
				     const struct spoolfile_id *id)
{
	struct spoolfile_header header;
	int fd = file_of(bytes, size);
	enum spoolfile_state state = spoolfile_read_header(&header, fd, id);

	close(fd);
	return state;
}

static void test_a_header_that_is_not_whole_is_none(void **state)
{
	uint8_t bytes[SPOOLFILE_HEADER], zero[SPOOLFILE_HEADER] = {};
	struct spoolfile_id other = example.id;

	(void)state;
	spoolfile_pack_header(bytes, &example);
	assert_int_equal(state_of(bytes, 0, &other), SPOOLFILE_EMPTY);
	assert_int_equal(state_of(bytes, sizeof(bytes) - 1, &other), SPOOLFILE_EMPTY);
	assert_int_equal(state_of(zero, sizeof(zero), &other), SPOOLFILE_EMPTY);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] ^= 0x10;
		assert_int_equal(state_of(bytes, sizeof(bytes), &other),
				 i < 16 ? SPOOLFILE_FOREIGN : SPOOLFILE_DAMAGED);
		bytes[i] ^= 0x10;
	}
	assert_int_equal(state_of(bytes, sizeof(bytes), &other), SPOOLFILE_FINE);
	other.offset++;
	assert_int_equal(state_of(bytes, sizeof(bytes), &other), SPOOLFILE_DAMAGED);
}

/* What a header says is possible, whoever computed its CRC. */
static void test_an_impossible_header_is_damaged(void **state)
{
	uint8_t bytes[SPOOLFILE_HEADER];

	(void)state;
	for (int i = 0; i < 7; i++) {
		struct spoolfile_header header = example;

		switch (i) {
		case 0: header.ring_count = 3; break;
		case 1: header.ring_count = 65; break;
		case 2: header.ring_bytes = 0; break;
		case 3: header.ring_bytes = 1ULL << 31; break;
		case 4: header.resolution = 2; break;
		case 5: header.metadata.linktype = 65536; break;
		case 6: header.metadata.snaplen = 262145; break;
		}
		spoolfile_pack_header(bytes, &header);
		assert_int_equal(state_of(bytes, sizeof(bytes), &example.id),
				 SPOOLFILE_DAMAGED);
	}
}

static void test_stretches_come_back(void **state)
{
	static const uint64_t lengths[] = { 100, 300000, 1 };
	uint8_t *bytes = malloc(400000);
	struct spoolfile_stretch stretch;
	struct spoolfile_walk walk;
	uint64_t offset = START;
	size_t size;
	int fd;

	(void)state;
	size = build(bytes, lengths, 3);
	fd = file_of(bytes, size);
	spoolfile_walk_begin(&walk, fd, size, START);
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(spoolfile_walk_next(&walk, &stretch));
		assert_true(spoolfile_walk_check(&walk, &stretch));
		assert_int_equal(stretch.offset, offset);
		assert_int_equal(stretch.length, lengths[i]);
		assert_int_equal(stretch.dropped, 10 + i);
		assert_int_equal(stretch.complete_until, 20 + i);
		assert_int_equal(stretch.known, i & 1);
		offset += lengths[i];
	}
	assert_false(spoolfile_walk_next(&walk, &stretch));
	assert_int_equal(walk.at, size);
	close(fd);
	free(bytes);
}

static void test_a_file_may_be_torn_at_every_byte(void **state)
{
	static const uint64_t lengths[] = { 500, 400 };
	uint8_t bytes[4096], torn[4096];
	size_t size = build(bytes, lengths, 2), last = size - SPOOLFILE_STRETCH - 400;
	uint64_t end;

	(void)state;
	assert_int_equal(count(bytes, size, &end), 2);
	for (size_t at = last; at < size; at++) {
		/* cut; then zeroes, or other bytes, up to its size and beyond */
		assert_int_equal(count(bytes, at, &end), 1);
		assert_int_equal(end, START + 500);
		memcpy(torn, bytes, at);
		memset(torn + at, 0, sizeof(torn) - at);
		assert_int_equal(count(torn, size, &end), 1);
		assert_int_equal(count(torn, sizeof(torn), &end), 1);
		memset(torn + at, 0xff, sizeof(torn) - at);
		assert_int_equal(count(torn, size, &end), 1);
		/* a bit of it */
		memcpy(torn, bytes, size);
		torn[at] ^= 1;
		assert_int_equal(count(torn, size, &end), 1);
		assert_int_equal(end, START + 500);
	}
	/* zeroes behind what holds are none */
	memcpy(torn, bytes, size);
	memset(torn + size, 0, sizeof(torn) - size);
	assert_int_equal(count(torn, sizeof(torn), &end), 2);
	assert_int_equal(end, START + 900);
}

static void test_a_gap_or_an_overlap_ends_the_file(void **state)
{
	static const uint64_t lengths[] = { 500, 400 };
	struct spoolfile_stretch second;
	uint8_t bytes[4096];
	size_t size = build(bytes, lengths, 2), at = SPOOLFILE_HEADER + SPOOLFILE_STRETCH + 500;
	uint64_t end;

	(void)state;
	assert_true(spoolfile_unpack_stretch(&second, bytes + at, START + 500, 400));
	assert_false(spoolfile_unpack_stretch(&second, bytes + at, START + 500, 399));
	for (int step = -1; step <= 1; step += 2) {
		struct spoolfile_stretch moved = second;

		moved.offset += step;
		spoolfile_pack_stretch(bytes + at, &moved);
		assert_int_equal(count(bytes, size, &end), 1);
		assert_int_equal(end, START + 500);
	}
}

static void test_impossible_lengths_are_none(void **state)
{
	static const uint64_t wrong[] = { 0, 1ULL << 31, UINT64_MAX, UINT64_MAX - START + 1 };
	struct spoolfile_stretch stretch = { .offset = START };
	uint8_t bytes[SPOOLFILE_STRETCH];

	(void)state;
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		stretch.length = wrong[i];
		spoolfile_pack_stretch(bytes, &stretch);
		assert_false(spoolfile_unpack_stretch(&stretch, bytes, START, UINT64_MAX));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_come_back),
		cmocka_unit_test(test_other_names_are_not_of_the_spool),
		cmocka_unit_test(test_a_header_comes_back),
		cmocka_unit_test(test_a_header_that_is_not_whole_is_none),
		cmocka_unit_test(test_an_impossible_header_is_damaged),
		cmocka_unit_test(test_stretches_come_back),
		cmocka_unit_test(test_a_file_may_be_torn_at_every_byte),
		cmocka_unit_test(test_a_gap_or_an_overlap_ends_the_file),
		cmocka_unit_test(test_impossible_lengths_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
