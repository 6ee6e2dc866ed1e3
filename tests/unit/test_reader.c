// SPDX-License-Identifier: MIT
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/log.h"
#include "memring.h"
#include "source/reader.h"

#define RING_BYTES	65536

static uint8_t data[RING_BYTES];

static bool open_reader(struct reader *reader, const struct memring *memring)
{
	return reader_open_fd(reader, dup(memring->fd), "memring");
}

static void append(struct memring *memring, unsigned int ring, uint32_t number,
		   uint32_t caplen)
{
	const struct pcapring_record header = { number, 0, caplen, caplen };

	assert_true(memring_append(memring, ring, &header, data));
}

/* Read one record and check that it is number @number with @caplen bytes. */
static void expect(struct reader *reader, unsigned int ring, uint32_t number,
		   uint32_t caplen)
{
	struct reader_ring *r = &reader->rings[ring];
	struct pcapring_record header;

	assert_true(reader_load(reader, r));
	assert_true(r->position < r->head);
	assert_true(reader_peek(reader, r, &header));
	assert_int_equal(header.ts_sec, number);
	assert_int_equal(header.caplen, caplen);
	r->position += sizeof(header);
	assert_memory_equal(reader_at(r, r->position), data, caplen);
	r->position += caplen;
}

static void test_records_come_as_they_were_written(void **state)
{
	struct memring memring;
	struct reader reader;

	(void)state;
	memring_create(&memring, 2, RING_BYTES, 0);
	append(&memring, 0, 1, 0);
	append(&memring, 1, 2, 1500);
	assert_true(open_reader(&reader, &memring));
	append(&memring, 0, 3, 60);
	assert_int_equal(reader.ring_count, 2);
	assert_int_equal(reader_linktype(&reader), 1);
	expect(&reader, 0, 1, 0);
	expect(&reader, 0, 3, 60);
	expect(&reader, 1, 2, 1500);
	assert_int_equal(reader.rings[0].position, reader.rings[0].head);
	reader_close(&reader);
	memring_destroy(&memring);
}

/* Every offset at which a record of this size can lie, header split included. */
static void test_records_are_whole_at_the_ring_s_end(void **state)
{
	struct memring memring;
	struct reader reader;

	(void)state;
	memring_create(&memring, 1, RING_BYTES, (uint64_t)UINT32_MAX - 100);
	assert_true(open_reader(&reader, &memring));
	for (uint32_t i = 0; i < 3 * RING_BYTES / 300; i++) {
		append(&memring, 0, i, 333);
		expect(&reader, 0, i, 333);
		reader_release(&reader.rings[0], reader.rings[0].position);
	}
	reader_close(&reader);
	memring_destroy(&memring);
}

static void test_the_largest_record_fits(void **state)
{
	struct memring memring;
	struct reader reader;

	(void)state;
	memring_create(&memring, 1, RING_BYTES, 12345);
	assert_true(open_reader(&reader, &memring));
	append(&memring, 0, 1, RING_BYTES - 16);
	expect(&reader, 0, 1, RING_BYTES - 16);
	reader_close(&reader);
	memring_destroy(&memring);
}

static void test_the_next_reader_goes_on_at_the_tail(void **state)
{
	struct memring memring;
	struct reader reader;

	(void)state;
	memring_create(&memring, 1, RING_BYTES, 0);
	append(&memring, 0, 1, 100);
	append(&memring, 0, 2, 100);
	assert_true(open_reader(&reader, &memring));
	expect(&reader, 0, 1, 100);
	reader_release(&reader.rings[0], reader.rings[0].position);
	expect(&reader, 0, 2, 100);
	reader_close(&reader);
	assert_int_equal(memring_consumer(&memring, 0)->tail, 116);

	assert_true(open_reader(&reader, &memring));
	expect(&reader, 0, 2, 100);
	reader_close(&reader);
	memring_destroy(&memring);
}

static void test_seen_is_stored_before_sleep(void **state)
{
	struct memring memring;
	struct reader reader;

	(void)state;
	memring_create(&memring, 2, RING_BYTES, 0);
	assert_true(open_reader(&reader, &memring));
	assert_true(reader_seen(&reader));
	append(&memring, 1, 1, 4);
	assert_false(reader_seen(&reader));
	expect(&reader, 1, 1, 4);
	assert_true(reader_seen(&reader));
	assert_int_equal(memring_consumer(&memring, 1)->seen, 20);
	assert_int_equal(memring_consumer(&memring, 1)->tail, 0);
	reader_close(&reader);
	memring_destroy(&memring);
}

static void test_a_frozen_reader_looks_no_further(void **state)
{
	struct memring memring;
	struct reader reader;

	(void)state;
	memring_create(&memring, 1, RING_BYTES, 0);
	assert_true(open_reader(&reader, &memring));
	append(&memring, 0, 1, 4);
	assert_true(reader_freeze(&reader));
	append(&memring, 0, 2, 4);
	expect(&reader, 0, 1, 4);
	assert_true(reader_load(&reader, &reader.rings[0]));
	assert_int_equal(reader.rings[0].position, reader.rings[0].head);
	reader_close(&reader);
	memring_destroy(&memring);
}

static void test_an_info_page_that_is_not_known_is_refused(void **state)
{
	static const struct {
		size_t offset;
		size_t size;
		uint64_t value;
	} bad[] = {
#define FIELD(name, value) { offsetof(struct pcapring_info, name), \
			     sizeof(((struct pcapring_info *)0)->name), value }
		FIELD(magic, 0), FIELD(magic, 0x67526370),
		FIELD(version, 0), FIELD(version, PCAPRING_VERSION + 1),
		FIELD(ring_count, 0), FIELD(ring_count, 65),
		FIELD(ring_count, UINT32_MAX), FIELD(ring_count, 2),
		FIELD(ring_bytes, 0), FIELD(ring_bytes, RING_BYTES - 1),
		FIELD(ring_bytes, 2048), FIELD(ring_bytes, 1ULL << 31),
		FIELD(ring_bytes, 1ULL << 63), FIELD(ring_bytes, 2 * RING_BYTES),
		FIELD(page_bytes, 0), FIELD(page_bytes, 1),
		FIELD(page_bytes, 4097), FIELD(page_bytes, 1U << 31),
		FIELD(page_bytes, 65536),
		FIELD(mode, PCAPRING_MODE_OVERWRITE), FIELD(mode, 2),
		FIELD(mode, UINT32_MAX),
#undef FIELD
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct memring memring;
		struct reader reader;
		uint8_t *info;

		memring_create(&memring, 1, RING_BYTES, 0);
		info = (uint8_t *)memring.info;
		memcpy(info + bad[i].offset, &bad[i].value, bad[i].size);
		assert_false(open_reader(&reader, &memring));
		munmap(memring.memory, memring.size);
		close(memring.fd);
	}
}

static void test_a_file_that_is_no_device_is_refused(void **state)
{
	struct reader reader;
	int fd = memfd_create("short", MFD_CLOEXEC);

	(void)state;
	assert_false(reader_open_fd(&reader, dup(fd), "empty"));
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_false(reader_open_fd(&reader, fd, "zeros"));
	assert_false(reader_open(&reader, "/nonexistent"));
	assert_false(reader_open(&reader, "/dev/null"));
}

/* Heads that no producer can have stored. */
static void test_impossible_heads_are_errors(void **state)
{
	static const uint64_t heads[] = {
		999, 1000 + RING_BYTES + 1, 0, UINT64_MAX
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct memring memring;
		struct reader reader;

		memring_create(&memring, 1, RING_BYTES, 1000);
		assert_true(open_reader(&reader, &memring));
		memring_producer(&memring, 0)->head = heads[i];
		assert_false(reader_load(&reader, &reader.rings[0]));
		assert_false(reader_freeze(&reader));
		reader_close(&reader);
		assert_false(open_reader(&reader, &memring));
		memring_destroy(&memring);
	}
}

static void test_a_head_that_moves_back_is_an_error(void **state)
{
	struct memring memring;
	struct reader reader;

	(void)state;
	memring_create(&memring, 1, RING_BYTES, 0);
	append(&memring, 0, 1, 100);
	append(&memring, 0, 2, 100);
	assert_true(open_reader(&reader, &memring));
	memring_producer(&memring, 0)->head = 116;
	assert_false(reader_load(&reader, &reader.rings[0]));
	reader_close(&reader);
	memring_destroy(&memring);
}

static void test_impossible_records_are_errors(void **state)
{
	static const struct pcapring_record bad[] = {
		{ .caplen = 101 },		/* past head */
		{ .caplen = UINT32_MAX },
		{ .caplen = UINT32_MAX - 15 },	/* 16 + caplen overflows */
		{ .caplen = 50, .ts_nsec = 1000000000 },
	};
	static const struct pcapring_record large = {
		.caplen = PCAPRING_SNAPLEN_MAX + 1
	};
	struct pcapring_record header;
	struct memring memring;
	struct reader reader;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memring_create(&memring, 1, RING_BYTES, 0);
		append(&memring, 0, 1, 100);
		memring_write(&memring, 0, 0, &bad[i], sizeof(bad[i]));
		assert_true(open_reader(&reader, &memring));
		assert_false(reader_peek(&reader, &reader.rings[0], &header));
		reader_close(&reader);
		memring_destroy(&memring);
	}
	memring_create(&memring, 1, 1 << 20, 0);
	memring_write(&memring, 0, 0, &large, sizeof(large));
	memring_producer(&memring, 0)->head = 1 << 19;
	assert_true(open_reader(&reader, &memring));
	assert_false(reader_peek(&reader, &reader.rings[0], &header));
	reader_close(&reader);
	memring_destroy(&memring);
}

static void test_a_cut_header_is_an_error(void **state)
{
	struct pcapring_record header;
	struct memring memring;
	struct reader reader;

	(void)state;
	for (uint64_t left = 1; left < 16; left++) {
		memring_create(&memring, 1, RING_BYTES, 0);
		memring_producer(&memring, 0)->head = left;
		assert_true(open_reader(&reader, &memring));
		assert_false(reader_peek(&reader, &reader.rings[0], &header));
		reader_close(&reader);
		memring_destroy(&memring);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_come_as_they_were_written),
		cmocka_unit_test(test_records_are_whole_at_the_ring_s_end),
		cmocka_unit_test(test_the_largest_record_fits),
		cmocka_unit_test(test_the_next_reader_goes_on_at_the_tail),
		cmocka_unit_test(test_seen_is_stored_before_sleep),
		cmocka_unit_test(test_a_frozen_reader_looks_no_further),
		cmocka_unit_test(test_an_info_page_that_is_not_known_is_refused),
		cmocka_unit_test(test_a_file_that_is_no_device_is_refused),
		cmocka_unit_test(test_impossible_heads_are_errors),
		cmocka_unit_test(test_a_head_that_moves_back_is_an_error),
		cmocka_unit_test(test_impossible_records_are_errors),
		cmocka_unit_test(test_a_cut_header_is_an_error),
	};

	log_open("# test_reader", 0);
	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = i * 7;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
