// SPDX-License-Identifier: MIT
/*
 * The spool by itself: what is written there is read, and goes when it was
 * acknowledged; what is full, or cannot be written.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "unit.h"

#include "common/log.h"
#include "keeping.h"
#include "spool/spool.h"

#define PATIENCE_MS	60000

static void test_what_is_kept_is_there_until_it_is_acknowledged(void **state)
{
	struct spool_ring *ring;
	struct spool_piece piece;
	struct keeping f;

	(void)state;
	keeping_begin(&f, 1 << 30);
	ring = &f.epoch->rings[0];
	assert_true(spool_empty(ring));
	assert_int_equal(spool_piece(ring, START, &piece), SPOOL_NONE);
	keeping_keep(&f, 0, 0, 1000);
	keeping_keep(&f, 0, 1000, 300000);
	assert_int_equal(keeping_files(&f, NULL), 1);
	keeping_check(&f, ring, 0, 300000);
	/* a file that is read is not written to */
	keeping_keep(&f, 0, 300000, 300100);
	assert_int_equal(keeping_files(&f, NULL), 2);
	keeping_check(&f, ring, 0, 300100);
	keeping_check(&f, ring, 500, 1000);
	assert_int_equal(spool_piece(ring, START - 1, &piece), SPOOL_NONE);
	assert_int_equal(spool_piece(ring, START + 300100, &piece), SPOOL_NONE);
	assert_int_equal(spool_bytes(f.spool), 300100);
	keeping_acknowledge(&f, 0, 1000);
	assert_int_equal(keeping_files(&f, NULL), 2);
	assert_int_equal(spool_begin(ring), START + 1000);
	keeping_check(&f, ring, 1000, 300100);
	keeping_acknowledge(&f, 0, 300000);
	assert_int_equal(keeping_files(&f, NULL), 1);
	keeping_acknowledge(&f, 0, 300100);
	assert_int_equal(keeping_files(&f, NULL), 0);
	assert_true(spool_empty(ring));
	assert_int_equal(spool_bytes(f.spool), 0);
	/* and again, behind what the ring has sent itself */
	keeping_keep(&f, 0, 500000, 500001);
	assert_int_equal(spool_begin(ring), START + 500000);
	keeping_end(&f);
}

static void test_rings_do_not_mix(void **state)
{
	struct keeping f;

	(void)state;
	keeping_begin(&f, 1 << 30);
	keeping_keep(&f, 0, 0, 1000);
	keeping_keep(&f, 1, 2000, 5000);
	keeping_keep(&f, 0, 1000, 1500);
	keeping_check(&f, &f.epoch->rings[1], 2000, 5000);
	keeping_check(&f, &f.epoch->rings[0], 0, 1500);
	keeping_acknowledge(&f, 0, 1500);
	assert_int_equal(keeping_files(&f, NULL), 1);
	keeping_check(&f, &f.epoch->rings[1], 2000, 5000);
	keeping_end(&f);
}

/* Slices in core's hands, of a call that is dead: here, an extent. */
static void test_what_somebody_refers_to_stays(void **state)
{
	struct spool_piece piece;
	struct spool_ring *ring;
	struct extent *old;
	struct keeping f;

	(void)state;
	keeping_begin(&f, 1 << 30);
	ring = &f.epoch->rings[0];
	keeping_keep(&f, 0, 0, 1000);
	keeping_check(&f, ring, 0, 1000);
	assert_int_equal(spool_piece(ring, START + 10, &piece), SPOOL_PIECE);
	old = extents_hold(&ring->extents, START + 10, START + 20);
	keeping_acknowledge(&f, 0, 1000);
	assert_true(spool_empty(ring));
	assert_true(spool_waits(f.spool));
	assert_int_equal(keeping_files(&f, NULL), 1);
	assert_memory_equal(piece.data, keeping_data + 10, 10);
	extent_let_go(old);
	keeping_acknowledge(&f, 0, 1000);
	assert_false(spool_waits(f.spool));
	assert_int_equal(keeping_files(&f, NULL), 0);
	keeping_end(&f);
}

static void test_a_full_spool_takes_no_more(void **state)
{
	struct keeping f;

	(void)state;
	keeping_begin(&f, 10000);
	keeping_keep(&f, 0, 0, 5000);
	assert_false(keeping_try(&f, 0, 5000, 10000));
	assert_int_equal(spool_end(&f.epoch->rings[0]), START + 5000);
	keeping_keep(&f, 1, 0, 2000);
	keeping_acknowledge(&f, 0, 5000);
	keeping_keep(&f, 0, 5000, 10000);
	keeping_check(&f, &f.epoch->rings[0], 5000, 10000);
	/* what is there counts after a restart, too */
	spool_close(f.spool);
	keeping_open(&f, 10000);
	assert_false(keeping_try(&f, 0, 10000, 13000));
	keeping_end(&f);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The disk takes a part of a stretch. @first: it is the file's first one. */
static void write_in_vain(bool first)
{
	struct spool_ring *ring;
	struct keeping f;

	keeping_begin(&f, 1 << 30);
	ring = &f.epoch->rings[0];
	if (!first)
		keeping_keep(&f, 0, 0, 1000);
	limit_files(20000);
	assert_true(keeping_try(&f, 0, 1000, 50000));
	limit_files(RLIM_INFINITY);
	assert_true(first ? spool_empty(ring) : spool_end(ring) == START + 1000);
	assert_int_equal(keeping_files(&f, NULL), !first);
	/* it is not tried again at once */
	assert_false(keeping_try(&f, 0, 1000, 50000));
	for (int i = 0; !keeping_try(&f, 0, 1000, 50000); i++) {
		assert_true(i < PATIENCE_MS * 10);
		usleep(100);
	}
	keeping_check(&f, ring, first ? 1000 : 0, 50000);
	keeping_restart(&f);
	keeping_check(&f, &f.epoch->rings[0], first ? 1000 : 0, 50000);
	keeping_end(&f);
}

static void test_what_cannot_be_written_stays_in_the_ring(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	write_in_vain(true);
	write_in_vain(false);
}

/* Acknowledged while it is written: a call has come, and gone beyond it. */
static void test_what_is_written_may_be_acknowledged_meanwhile(void **state)
{
	const struct spoolfile_stretch stretch = { .offset = START + 1000, .length = 500000 };
	struct spool_ring *ring;
	struct extent *extent;
	struct keeping f;

	(void)state;
	keeping_begin(&f, 1 << 30);
	ring = &f.epoch->rings[0];
	keeping_keep(&f, 0, 0, 1000);
	extent = extents_hold(&f.ring, START + 1000, START + 501000);
	assert_true(spool_write(ring, &stretch, keeping_data + 1000, extent));
	assert_int_equal(extents_tail(&f.ring, UINT64_MAX), START + 1000);
	assert_false(spool_write(ring, &stretch, keeping_data + 1000, extent));
	spool_acknowledge(ring, START + 501000);
	spool_settle(f.spool);
	assert_true(spool_empty(ring));
	assert_int_equal(keeping_files(&f, NULL), 0);
	assert_int_equal(extents_tail(&f.ring, UINT64_MAX), UINT64_MAX);
	keeping_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_kept_is_there_until_it_is_acknowledged),
		cmocka_unit_test(test_rings_do_not_mix),
		cmocka_unit_test(test_what_somebody_refers_to_stays),
		cmocka_unit_test(test_a_full_spool_takes_no_more),
		cmocka_unit_test(test_what_cannot_be_written_stays_in_the_ring),
		cmocka_unit_test(test_what_is_written_may_be_acknowledged_meanwhile),
	};

	log_open("# test_spool", 1);
	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
