// SPDX-License-Identifier: MIT
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "memring.h"
#include "source/merge.h"
#include "source/reader.h"

#define RING_BYTES	65536

/* Rings with a merging reader. */
struct fixture {
	struct memring memring;
	struct reader reader;
	struct merge merge;
	struct source *source;
};

static void begin(struct fixture *f, unsigned int rings)
{
	memring_create(&f->memring, rings, RING_BYTES, 0);
	assert_true(reader_open_fd(&f->reader, dup(f->memring.fd), "memring"));
	merge_open(&f->merge, &f->reader);
	f->source = &f->merge.source;
}

static void end(struct fixture *f)
{
	reader_close(&f->reader);
	memring_destroy(&f->memring);
}

static bool append(struct fixture *f, unsigned int ring, uint64_t stamp)
{
	const struct pcapring_record header = {
		stamp / 1000000000, stamp % 1000000000, sizeof(stamp), 1000
	};

	return memring_append(&f->memring, ring, &header, &stamp);
}

/* The next record's stamp, which its data repeats. */
static uint64_t next(struct fixture *f)
{
	struct packet packet;
	uint64_t stamp;

	assert_int_equal(f->source->next(f->source, &packet), SOURCE_PACKET);
	assert_int_equal(packet.header.caplen, sizeof(stamp));
	assert_int_equal(packet.header.len, 1000);
	memcpy(&stamp, packet.data, sizeof(stamp));
	assert_int_equal(packet.header.ts_sec * 1000000000ULL +
			 packet.header.ts_nsec, stamp);
	assert_int_equal(f->source->position(f->source, packet.ring),
			 packet.position + sizeof(stamp));
	f->source->release(f->source, packet.ring, packet.position + sizeof(stamp));
	return stamp;
}

static void expect(struct fixture *f, enum source_result result)
{
	struct packet packet;

	assert_int_equal(f->source->next(f->source, &packet), result);
}

/*
 * What is written between the load of ring 0's head and that of ring 1's: a
 * record with @stamp into ring 0, then the next into ring 1. @f: NULL: nothing.
 */
static struct meanwhile {
	struct fixture *f;
	uint64_t stamp;
} written_meanwhile;

bool __real_reader_load(const struct reader *reader, struct reader_ring *ring);
bool __wrap_reader_load(const struct reader *reader, struct reader_ring *ring);

bool __wrap_reader_load(const struct reader *reader, struct reader_ring *ring)
{
	struct meanwhile now = written_meanwhile;

	if (now.f && ring == &reader->rings[1]) {
		written_meanwhile.f = NULL;
		append(now.f, 0, now.stamp);
		append(now.f, 1, now.stamp + 1);
	}
	return __real_reader_load(reader, ring);
}

static void test_one_ring_keeps_its_order(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 1);
	append(&f, 0, 5);
	append(&f, 0, 3);	/* clocks are set back now and then */
	append(&f, 0, 4);
	assert_int_equal(next(&f), 5);
	assert_int_equal(next(&f), 3);
	assert_int_equal(next(&f), 4);
	expect(&f, SOURCE_EMPTY);
	append(&f, 0, 6);
	assert_int_equal(next(&f), 6);
	expect(&f, SOURCE_EMPTY);
	end(&f);
}

static void test_rings_are_merged_by_stamp(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 3);
	append(&f, 0, 999999999);
	append(&f, 0, 5000000000);
	append(&f, 1, 1000000000);
	append(&f, 1, 3000000001);
	append(&f, 2, 3000000000);
	assert_int_equal(next(&f), 999999999);
	assert_int_equal(next(&f), 1000000000);
	assert_int_equal(next(&f), 3000000000);
	assert_int_equal(next(&f), 3000000001);
	assert_int_equal(next(&f), 5000000000);
	expect(&f, SOURCE_EMPTY);
	end(&f);
}

/* What comes while the relay reads is younger than what was there. */
static void test_a_growing_backlog_is_merged_in_order(void **state)
{
	uint64_t written = 0, last = 0;
	struct fixture f;

	(void)state;
	begin(&f, 4);
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		if (random() % 3 && append(&f, random() % 4, written + 1))
			written++;
		if (random() % 3 && f.source->more(f.source)) {
			uint64_t stamp = next(&f);

			assert_int_equal(stamp, last + 1);
			last = stamp;
		}
	}
	while (f.source->more(f.source))
		assert_int_equal(next(&f), ++last);
	assert_int_equal(last, written);
	end(&f);
}

/* The kernel writes on while heads are loaded, one ring after the other. */
static void test_what_is_written_in_order_is_read_in_order(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 2);
	written_meanwhile = (struct meanwhile) { &f, 1 };
	assert_int_equal(next(&f), 1);
	assert_int_equal(next(&f), 2);

	/* the same while ring 1 still has one */
	append(&f, 0, 3);
	append(&f, 1, 4);
	assert_int_equal(next(&f), 3);
	written_meanwhile = (struct meanwhile) { &f, 5 };
	assert_int_equal(next(&f), 4);
	assert_int_equal(next(&f), 5);
	assert_int_equal(next(&f), 6);
	expect(&f, SOURCE_EMPTY);
	end(&f);
}

static void test_more_says_what_next_gives(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 2);
	assert_false(f.source->more(f.source));
	append(&f, 1, 1);
	assert_true(f.source->more(f.source));
	append(&f, 0, 2);
	next(&f);
	assert_true(f.source->more(f.source));
	next(&f);
	assert_false(f.source->more(f.source));
	end(&f);
}

static void test_sleep_sees_what_came_meanwhile(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 2);
	expect(&f, SOURCE_EMPTY);
	append(&f, 1, 1);
	assert_false(f.source->sleep(f.source));
	assert_int_equal(next(&f), 1);
	expect(&f, SOURCE_EMPTY);
	assert_true(f.source->sleep(f.source));
	assert_int_equal(memring_consumer(&f.memring, 1)->seen, 24);
	end(&f);
}

static void test_after_a_stop_only_the_backlog_comes(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 2);
	append(&f, 1, 1);
	assert_int_equal(next(&f), 1);
	expect(&f, SOURCE_EMPTY);
	append(&f, 0, 2);
	append(&f, 1, 3);
	f.source->stop(f.source);
	append(&f, 0, 4);
	assert_int_equal(next(&f), 2);
	assert_int_equal(next(&f), 3);
	expect(&f, SOURCE_END);
	expect(&f, SOURCE_END);
	end(&f);
}

/* A spool took what came first, and the kernel wrote over it. */
static void test_what_others_released_is_not_read(void **state)
{
	const struct pcapring_record junk = { .caplen = UINT32_MAX };
	struct reader_ring *ring;
	struct fixture f;

	(void)state;
	begin(&f, 2);
	append(&f, 0, 1);
	append(&f, 1, 2);
	assert_int_equal(next(&f), 1);
	ring = &f.reader.rings[1];
	assert_true(reader_load(&f.reader, ring));
	memring_write(&f.memring, 1, ring->tail, &junk, sizeof(junk));
	reader_release(ring, ring->head);
	append(&f, 0, 3);
	append(&f, 1, 4);
	f.source->resume(f.source);
	assert_int_equal(next(&f), 3);
	assert_int_equal(next(&f), 4);
	expect(&f, SOURCE_EMPTY);
	end(&f);
}

static void test_a_corrupted_ring_ends_the_source(void **state)
{
	const struct pcapring_record bad = { .caplen = 1 << 30 };
	struct fixture f;

	(void)state;
	begin(&f, 2);
	append(&f, 0, 1);
	append(&f, 0, 2);
	append(&f, 1, 3);
	memring_write(&f.memring, 0, 24, &bad, sizeof(bad));
	assert_int_equal(next(&f), 1);
	expect(&f, SOURCE_ERROR);
	expect(&f, SOURCE_ERROR);
	assert_false(f.source->more(f.source));
	end(&f);
}

static void test_it_describes_the_capture(void **state)
{
	struct metadata metadata;
	struct fixture f;

	(void)state;
	begin(&f, 1);
	metadata_defaults(&metadata);
	f.memring.info->linktype = PCAPRING_LINKTYPE_NONE;
	f.memring.info->snaplen = 96;
	memset(f.memring.info->ifname, 'x', sizeof(f.memring.info->ifname));
	assert_false(f.source->describe(f.source, &metadata));
	f.memring.info->linktype = 101;
	assert_true(f.source->describe(f.source, &metadata));
	assert_int_equal(metadata.linktype, 101);
	assert_int_equal(metadata.snaplen, 96);
	assert_string_equal(metadata.interface, "xxxxxxxxxxxxxxxx");
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_ring_keeps_its_order),
		cmocka_unit_test(test_rings_are_merged_by_stamp),
		cmocka_unit_test(test_a_growing_backlog_is_merged_in_order),
		cmocka_unit_test(test_what_is_written_in_order_is_read_in_order),
		cmocka_unit_test(test_more_says_what_next_gives),
		cmocka_unit_test(test_sleep_sees_what_came_meanwhile),
		cmocka_unit_test(test_after_a_stop_only_the_backlog_comes),
		cmocka_unit_test(test_what_others_released_is_not_read),
		cmocka_unit_test(test_a_corrupted_ring_ends_the_source),
		cmocka_unit_test(test_it_describes_the_capture),
	};

	log_open("# test_merge", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
