// SPDX-License-Identifier: MIT
/* What is copied, and what of a ring waits for it. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "copy.h"
#include "memring.h"
#include "source/reader.h"

#define RING_BYTES	65536
#define RINGS		2
#define RECORD(caplen)	(sizeof(struct pcapring_record) + (caplen))

struct fixture {
	struct memring memring;
	struct reader reader;
	struct copy *copy;
	char path[64];
	unsigned int woken;
};

/* A file system that tells only now what it could not write. */
static bool closes_badly;

int __real_close(int fd);
int __wrap_close(int fd);

int __wrap_close(int fd)
{
	int result = __real_close(fd);

	if (!closes_badly)
		return result;
	errno = EDQUOT;
	return -1;
}

static void begin(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	memring_create(&f->memring, RINGS, RING_BYTES, 1ULL << 40);
	assert_true(reader_open_fd(&f->reader, dup(f->memring.fd), "memring"));
	snprintf(f->path, sizeof(f->path), "/tmp/pcapring-copy-XXXXXX");
	close(mkstemp(f->path));
}

static void end(struct fixture *f)
{
	reader_close(&f->reader);
	copy_close(f->copy);
	memring_destroy(&f->memring);
	unlink(f->path);
}

static void wake(void *context)
{
	struct fixture *f = context;

	__atomic_add_fetch(&f->woken, 1, __ATOMIC_RELAXED);
}

/* Records of one byte value, and where they end. */
static uint64_t fill(struct fixture *f, unsigned int ring, uint8_t value, unsigned int count)
{
	const struct pcapring_record header = { value, 0, 1000, 1000 };
	uint8_t data[1000];

	memset(data, value, sizeof(data));
	for (unsigned int i = 0; i < count; i++)
		assert_true(memring_append(&f->memring, ring, &header, data));
	assert_true(reader_load(&f->reader, &f->reader.rings[ring]));
	return f->reader.rings[ring].head;
}

static void want(struct fixture *f, unsigned int ring, uint64_t end, bool last)
{
	uint64_t ends[RINGS] = {};

	ends[ring] = end;
	copy_want(f->copy, ends, last);
}

static off_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* Rings are written around their ends many times, while tails follow. */
static void test_all_that_is_wanted_is_written(void **state)
{
	uint64_t total = sizeof(struct pcapring_file_header);
	struct fixture f;

	(void)state;
	begin(&f);
	f.copy = copy_open(f.path, &f.reader);
	assert_non_null(f.copy);
	copy_start(f.copy, wake, &f);
	copy_start(f.copy, wake, &f);
	for (unsigned int i = 0; i < 400; i++) {
		unsigned int ring = i % RINGS;
		struct reader_ring *positions = &f.reader.rings[ring];
		uint64_t head = fill(&f, ring, i, 1 + i % 7);

		total += (1 + i % 7) * RECORD(1000);
		want(&f, ring, head, true);
		while (head - positions->tail > RING_BYTES - 10 * RECORD(1000))
			reader_release(positions, head);
	}
	assert_true(copy_finish(f.copy));
	for (unsigned int i = 0; i < RINGS; i++) {
		reader_release(&f.reader.rings[i], f.reader.rings[i].head);
		assert_int_equal(f.reader.rings[i].tail, f.reader.rings[i].head);
	}
	assert_int_equal(size_of(f.path), total);
	assert_true(f.woken > 0);
	end(&f);
}

static void test_a_tail_waits_for_the_copy(void **state)
{
	struct fixture f;
	uint64_t first, second;

	(void)state;
	begin(&f);
	f.copy = copy_open(f.path, &f.reader);
	copy_start(f.copy, wake, &f);
	first = fill(&f, 0, 1, 3);
	second = fill(&f, 0, 2, 3);
	reader_release(&f.reader.rings[0], second);
	assert_int_equal(f.reader.rings[0].tail, 1ULL << 40);
	want(&f, 0, first, true);
	while (f.reader.rings[0].tail != first)
		reader_release(&f.reader.rings[0], second);
	assert_true(copy_finish(f.copy));
	reader_release(&f.reader.rings[0], second);
	assert_int_equal(f.reader.rings[0].tail, first);
	end(&f);
}

/* Wait until so many records are there, and compare their stamps. */
static void expect(struct fixture *f, const char *stamps)
{
	const off_t size = sizeof(struct pcapring_file_header) + strlen(stamps) * RECORD(1000);
	FILE *file;

	while (size_of(f->path) < size)
		usleep(100);
	file = fopen(f->path, "r");
	assert_non_null(file);
	assert_int_equal(fseek(file, sizeof(struct pcapring_file_header), SEEK_SET), 0);
	for (; *stamps; stamps++) {
		struct pcapring_record record;
		uint8_t data[1000];

		assert_int_equal(fread(&record, sizeof(record), 1, file), 1);
		assert_int_equal(fread(data, sizeof(data), 1, file), 1);
		assert_int_equal(record.ts_sec, *stamps);
		assert_int_equal(data[0], *stamps);
		assert_int_equal(data[999], *stamps);
	}
	assert_int_equal(fgetc(file), EOF);
	fclose(file);
}

/*
 * What a look at the rings does not find may come while it lasts, and be older than
 * what it finds in others: only the next one tells.
 */
static void test_records_of_several_rings_are_in_order(void **state)
{
	uint64_t ends[RINGS] = {};
	struct fixture f;

	(void)state;
	begin(&f);
	f.copy = copy_open(f.path, &f.reader);
	copy_start(f.copy, wake, &f);
	fill(&f, 0, 'b', 2);
	ends[0] = fill(&f, 0, 'e', 1);
	assert_false(copy_waits(f.copy));
	copy_want(f.copy, ends, false);
	assert_true(copy_waits(f.copy));
	fill(&f, 1, 'a', 1);
	fill(&f, 1, 'c', 1);
	ends[1] = fill(&f, 1, 'f', 1);
	ends[0] = fill(&f, 0, 'g', 1);
	copy_want(f.copy, ends, false);
	expect(&f, "abbce");
	assert_true(copy_waits(f.copy));
	copy_want(f.copy, ends, false);
	expect(&f, "abbcefg");
	assert_false(copy_waits(f.copy));
	ends[1] = fill(&f, 1, 'i', 1);
	ends[0] = fill(&f, 0, 'h', 1);
	copy_want(f.copy, ends, false);
	assert_true(copy_finish(f.copy));
	expect(&f, "abbcefghi");
	end(&f);
}

/*
 * A look at the rings found "d", but not "c", which came meanwhile. Then packet by
 * packet goes on: what that has come to is all it knows of.
 */
static void test_protocols_that_take_turns_keep_the_order(void **state)
{
	uint64_t ends[RINGS] = {};
	struct fixture f;
	uint64_t sent;

	(void)state;
	begin(&f);
	f.copy = copy_open(f.path, &f.reader);
	copy_start(f.copy, wake, &f);
	sent = fill(&f, 0, 'a', 1);
	ends[0] = fill(&f, 0, 'b', 1);
	ends[1] = fill(&f, 1, 'd', 1);
	copy_want(f.copy, ends, false);
	want(&f, 0, sent, true);
	expect(&f, "a");
	want(&f, 0, fill(&f, 0, 'c', 1), true);
	expect(&f, "abc");
	want(&f, 1, ends[1], true);
	expect(&f, "abcd");
	assert_true(copy_finish(f.copy));
	expect(&f, "abcd");
	end(&f);
}

static void test_what_is_no_record_ends_the_copy(void **state)
{
	const struct pcapring_record bad = { .caplen = 1 << 30 };
	uint64_t ends[RINGS] = {};
	struct fixture f;

	(void)state;
	begin(&f);
	f.copy = copy_open(f.path, &f.reader);
	copy_start(f.copy, wake, &f);
	ends[0] = fill(&f, 0, 'a', 1);
	copy_want(f.copy, ends, true);
	expect(&f, "a");
	memring_write(&f.memring, 1, 1ULL << 40, &bad, sizeof(bad));
	ends[1] = (1ULL << 40) + sizeof(bad);
	copy_want(f.copy, ends, true);
	assert_false(copy_finish(f.copy));
	expect(&f, "a");
	end(&f);
}

/* Nothing is held for a copy that has failed. */
static void test_what_cannot_be_written_holds_nothing(void **state)
{
	struct fixture f;
	uint64_t head;

	(void)state;
	begin(&f);
	f.copy = copy_open("/dev/full", &f.reader);
	assert_non_null(f.copy);
	copy_start(f.copy, wake, &f);
	head = fill(&f, 0, 1, 3);
	want(&f, 0, head, true);
	reader_release(&f.reader.rings[0], head);
	assert_int_equal(f.reader.rings[0].tail, head);
	assert_false(copy_finish(f.copy));
	end(&f);
}

static void test_an_error_that_comes_last_is_told(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.copy = copy_open(f.path, &f.reader);
	copy_start(f.copy, wake, &f);
	want(&f, 0, fill(&f, 0, 'a', 1), true);
	expect(&f, "a");
	closes_badly = true;
	assert_false(copy_finish(f.copy));
	closes_badly = false;
	expect(&f, "a");
	end(&f);
}

static void test_what_was_never_started_is_empty(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.copy = copy_open(f.path, &f.reader);
	want(&f, 0, fill(&f, 0, 1, 3), true);
	assert_true(copy_finish(f.copy));
	assert_int_equal(size_of(f.path), 0);
	end(&f);
}

static void test_what_cannot_be_made_is_refused(void **state)
{
	(void)state;
	assert_null(copy_open("/nonexistent/copy", NULL));
	assert_null(copy_open("/tmp", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_that_is_wanted_is_written),
		cmocka_unit_test(test_a_tail_waits_for_the_copy),
		cmocka_unit_test(test_records_of_several_rings_are_in_order),
		cmocka_unit_test(test_protocols_that_take_turns_keep_the_order),
		cmocka_unit_test(test_what_is_no_record_ends_the_copy),
		cmocka_unit_test(test_what_cannot_be_written_holds_nothing),
		cmocka_unit_test(test_an_error_that_comes_last_is_told),
		cmocka_unit_test(test_what_was_never_started_is_empty),
		cmocka_unit_test(test_what_cannot_be_made_is_refused),
	};

	return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
