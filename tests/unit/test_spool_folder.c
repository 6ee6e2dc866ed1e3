// SPDX-License-Identifier: MIT
/* What a spool's folder holds when a relay starts: its own, what a crash or a stranger left. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "common/log.h"
#include "keeping.h"
#include "spool/spool.h"

/* Where the disk has a byte that cannot be read; -1: nowhere. */
static off_t bad_place = -1;

/* So many entries of folders are read before one cannot be; -1: all can. */
static int good_entries = -1;

ssize_t __real_pread(int fd, void *bytes, size_t length, off_t at);
ssize_t __wrap_pread(int fd, void *bytes, size_t length, off_t at);
struct dirent *__real_readdir(DIR *folder);
struct dirent *__wrap_readdir(DIR *folder);

ssize_t __wrap_pread(int fd, void *bytes, size_t length, off_t at)
{
	if (bad_place < at || bad_place >= at + (off_t)length)
		return __real_pread(fd, bytes, length, at);
	errno = EIO;
	return -1;
}

struct dirent *__wrap_readdir(DIR *folder)
{
	if (good_entries < 0 || good_entries--)
		return __real_readdir(folder);
	errno = EIO;
	return NULL;
}

static void test_it_survives_a_restart(void **state)
{
	struct spool_ring *ring;
	struct keeping f;

	(void)state;
	keeping_begin(&f, 1 << 30);
	keeping_keep(&f, 0, 0, 1000);
	keeping_keep(&f, 0, 1000, 2000);
	keeping_restart(&f);
	ring = &f.epoch->rings[0];
	assert_null(spool_past(f.spool));
	assert_int_equal(spool_begin(ring), START);
	assert_int_equal(spool_end(ring), START + 2000);
	assert_int_equal(ring->newest.dropped, 2000);
	keeping_keep(&f, 0, 2000, 3000);
	assert_int_equal(keeping_files(&f, NULL), 2);
	keeping_check(&f, ring, 0, 3000);
	keeping_end(&f);
}

static void test_another_epoch_comes_back_with_what_it_said(void **state)
{
	struct spoolfile_header next = keeping_live;
	struct spool_epoch *past;
	struct keeping f;

	(void)state;
	keeping_begin(&f, 1 << 30);
	keeping_keep(&f, 1, 0, 1000);
	spool_close(f.spool);
	memcpy(next.id.boot, "next boot", 9);
	f.spool = spool_open(f.path, 1 << 30);
	f.epoch = spool_live(f.spool, &next);
	assert_true(spool_empty(&f.epoch->rings[1]));
	past = spool_past(f.spool);
	assert_non_null(past);
	assert_memory_equal(past->header.id.boot, keeping_live.id.boot, SPOOLFILE_ID);
	assert_int_equal(past->header.ring_count, 2);
	assert_string_equal(past->header.metadata.sensor, "sensor");
	assert_int_equal(past->header.metadata.snaplen, 1000);
	assert_true(past->rings[1].newest.known);
	assert_string_equal(past->rings[1].newest.collector, "collector");
	keeping_check(&f, &past->rings[1], 0, 1000);
	keeping_keep(&f, 1, 0, 500);
	spool_acknowledge(&past->rings[1], START + 1000);
	spool_collect(f.spool);
	spool_settle(f.spool);
	assert_null(spool_past(f.spool));
	assert_int_equal(keeping_files(&f, NULL), 1);
	keeping_end(&f);
}

/* A crash: the end of the last file is cut off, or other bytes are there. */
static void test_a_torn_end_is_cut(void **state)
{
	static const long cuts[] = { 1, 500, 1000, 1001, 1063, 1064 };
	struct keeping f;
	char path[512];
	struct stat st;

	(void)state;
	for (unsigned int i = 0; i < 2 * sizeof(cuts) / sizeof(cuts[0]); i++) {
		long cut = cuts[i / 2];
		char zeroes[2000] = {};
		int fd;

		keeping_begin(&f, 1 << 30);
		keeping_keep(&f, 0, 0, 700);
		keeping_keep(&f, 0, 700, 1700);
		spool_close(f.spool);
		keeping_files(&f, path);
		stat(path, &st);
		assert_int_equal(truncate(path, st.st_size - cut), 0);
		if (i & 1) {
			fd = open(path, O_WRONLY | O_APPEND);
			assert_int_equal(write(fd, zeroes, sizeof(zeroes)), sizeof(zeroes));
			close(fd);
		}
		keeping_open(&f, 1 << 30);
		assert_int_equal(spool_end(&f.epoch->rings[0]), START + 700);
		stat(path, &st);
		assert_int_equal(st.st_size, SPOOLFILE_HEADER + SPOOLFILE_STRETCH + 700);
		/* the ring has it yet */
		keeping_keep(&f, 0, 700, 1800);
		keeping_check(&f, &f.epoch->rings[0], 0, 1800);
		keeping_end(&f);
	}
}

/* A disk that does not give what it has, now: that is not what a crash left. */
static void test_what_cannot_be_read_is_left_as_it_is(void **state)
{
	static const struct {
		off_t place;
		uint64_t end;
	} cases[] = {
		{ 8, 0 },					/* the header */
		{ SPOOLFILE_HEADER, 0 },			/* the first stretch's */
		{ SPOOLFILE_HEADER + SPOOLFILE_STRETCH + 700, 700 },	/* the last one's */
		{ SPOOLFILE_HEADER + 2 * SPOOLFILE_STRETCH + 1699, 700 },
	};
	struct keeping f;
	char path[512];
	struct stat before, after;

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		keeping_begin(&f, 1 << 30);
		keeping_keep(&f, 0, 0, 700);
		keeping_keep(&f, 0, 700, 1700);
		spool_close(f.spool);
		keeping_files(&f, path);
		assert_int_equal(stat(path, &before), 0);
		bad_place = cases[i].place;
		keeping_open(&f, 1 << 30);
		bad_place = -1;
		assert_int_equal(spool_empty(&f.epoch->rings[0]), !cases[i].end);
		if (cases[i].end) {
			keeping_check(&f, &f.epoch->rings[0], 0, cases[i].end);
			keeping_acknowledge(&f, 0, cases[i].end);
		}
		assert_int_equal(stat(path, &after), 0);
		assert_int_equal(after.st_size, before.st_size);
		keeping_restart(&f);
		keeping_check(&f, &f.epoch->rings[0], 0, 1700);
		keeping_end(&f);
	}
}

/* Which file is a ring's last one is known of a whole list only. */
static void test_a_folder_that_cannot_be_read_to_its_end_is_refused(void **state)
{
	struct keeping f;

	(void)state;
	keeping_begin(&f, 1 << 30);
	keeping_keep(&f, 0, 0, 1000);
	spool_close(f.spool);
	for (int i = 0; i < 3; i++) {
		good_entries = i;
		assert_null(spool_open(f.path, 1 << 30));
		good_entries = -1;
	}
	keeping_open(&f, 1 << 30);
	keeping_check(&f, &f.epoch->rings[0], 0, 1000);
	keeping_end(&f);
}

static void test_a_file_that_never_held_anything_goes(void **state)
{
	static const size_t sizes[] = { 0, 1, SPOOLFILE_HEADER, SPOOLFILE_HEADER + 64,
					SPOOLFILE_HEADER + 64 + 999 };
	struct keeping f;
	char path[512];

	(void)state;
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		keeping_begin(&f, 1 << 30);
		keeping_keep(&f, 0, 0, 1000);
		spool_close(f.spool);
		keeping_files(&f, path);
		assert_int_equal(truncate(path, sizes[i]), 0);
		keeping_open(&f, 1 << 30);
		assert_int_equal(keeping_files(&f, NULL), 0);
		keeping_keep(&f, 0, 0, 1000);
		keeping_end(&f);
	}
}

static void spoil(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/* Synced once, but bytes of the first stretch have changed since. */
static void test_damaged_bytes_are_not_sent(void **state)
{
	struct spool_piece piece;
	struct spool_ring *ring;
	struct keeping f;
	char path[512];

	(void)state;
	keeping_begin(&f, 1 << 30);
	keeping_keep(&f, 0, 0, 1000);
	keeping_keep(&f, 0, 1000, 2000);
	keeping_keep(&f, 0, 2000, 3000);
	spool_close(f.spool);
	keeping_files(&f, path);
	spoil(path, SPOOLFILE_HEADER + 2 * SPOOLFILE_STRETCH + 1500);
	keeping_open(&f, 1 << 30);
	ring = &f.epoch->rings[0];
	keeping_keep(&f, 0, 3000, 4000);
	assert_int_equal(spool_run(ring, START), START + 4000);
	keeping_check(&f, ring, 0, 1000);
	assert_int_equal(spool_run(ring, START), START + 1000);
	assert_int_equal(spool_piece(ring, START + 1000, &piece), SPOOL_NONE);
	keeping_acknowledge(&f, 0, 1000);
	/* it is left alone; the next one goes on */
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(spool_begin(ring), START + 3000);
	keeping_check(&f, ring, 3000, 4000);
	keeping_end(&f);
}

static void test_a_file_that_is_gone_is_a_gap(void **state)
{
	struct spool_ring *ring;
	struct spool_piece piece;
	struct keeping f;
	char path[512];

	(void)state;
	keeping_begin(&f, 1 << 30);
	keeping_keep(&f, 0, 0, 1000);
	keeping_restart(&f);
	keeping_keep(&f, 0, 1000, 2000);
	keeping_files(&f, path);
	/* the last one by name */
	assert_int_equal(unlink(path), 0);
	ring = &f.epoch->rings[0];
	keeping_check(&f, ring, 0, 1000);
	spool_piece(ring, START + 1000, &piece);
	spool_settle(f.spool);
	assert_int_equal(spool_piece(ring, START + 1000, &piece), SPOOL_NONE);
	assert_int_equal(spool_run(ring, START), START + 1000);
	keeping_end(&f);
}

/* A file with one stretch, as it could have been written. */
static void make_file(const struct keeping *f, uint64_t from, uint64_t to)
{
	struct spoolfile_header header = keeping_live;
	struct spoolfile_stretch stretch = {
		.offset = START + from, .length = to - from, .dropped = to,
		.complete_until = to + 1,
		.crc = spoolfile_crc(0, keeping_data + from, to - from),
	};
	uint8_t bytes[SPOOLFILE_HEADER + SPOOLFILE_STRETCH];
	char path[512];
	FILE *file;

	header.id.offset = START + from;
	spoolfile_pack_header(bytes, &header);
	spoolfile_pack_stretch(bytes + SPOOLFILE_HEADER, &stretch);
	strcat(strcpy(path, f->path), "/");
	spoolfile_name(path + strlen(path), &header.id);
	file = fopen(path, "w");
	assert_non_null(file);
	fwrite(bytes, sizeof(bytes), 1, file);
	fwrite(keeping_data + from, to - from, 1, file);
	assert_int_equal(fclose(file), 0);
}

static void test_overlaps_are_read_once(void **state)
{
	struct spool_ring *ring;
	struct keeping f;

	(void)state;
	keeping_begin(&f, 1 << 30);
	make_file(&f, 0, 1000);
	make_file(&f, 300, 900);	/* nothing new */
	make_file(&f, 1000, 2000);
	keeping_restart(&f);
	ring = &f.epoch->rings[0];
	spool_collect(f.spool);
	spool_settle(f.spool);
	assert_int_equal(keeping_files(&f, NULL), 2);
	keeping_check(&f, ring, 0, 2000);
	make_file(&f, 1500, 3000);
	keeping_restart(&f);
	ring = &f.epoch->rings[0];
	assert_int_equal(spool_run(ring, START), START + 3000);
	keeping_check(&f, ring, 0, 3000);
	keeping_acknowledge(&f, 0, 3000);
	assert_int_equal(keeping_files(&f, NULL), 0);
	keeping_end(&f);
}

static void test_a_gap_between_files_ends_the_run(void **state)
{
	struct spool_ring *ring;
	struct keeping f;

	(void)state;
	keeping_begin(&f, 1 << 30);
	make_file(&f, 0, 1000);
	make_file(&f, 1100, 2000);
	keeping_restart(&f);
	ring = &f.epoch->rings[0];
	assert_int_equal(spool_run(ring, START), START + 1000);
	assert_false(spool_has(ring, START + 1050));
	assert_int_equal(spool_run(ring, START + 1100), START + 2000);
	assert_int_equal(spool_end(ring), START + 2000);
	keeping_acknowledge(&f, 0, 1050);
	assert_int_equal(spool_begin(ring), START + 1100);
	keeping_check(&f, ring, 1100, 2000);
	keeping_end(&f);
}

static void test_strangers_are_left_alone(void **state)
{
	static const char *const names[] = { "letter", "x.spool", "\x1b[2J", "link", "folder" };
	struct keeping f;
	char path[512];

	(void)state;
	keeping_begin(&f, 1 << 30);
	keeping_keep(&f, 0, 0, 1000);
	keeping_keep(&f, 1, 0, 1000);
	spool_close(f.spool);
	for (unsigned int i = 0; i < 3; i++) {
		sprintf(path, "%s/%s", f.path, names[i]);
		close(open(path, O_CREAT | O_WRONLY, 0600));
	}
	sprintf(path, "%s/%s", f.path, names[3]);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	sprintf(path, "%s/%s", f.path, names[4]);
	assert_int_equal(mkdir(path, 0700), 0);
	make_file(&f, 5000, 6000);
	for (unsigned int i = 0; i < 2; i++) {
		struct spoolfile_id id = keeping_live.id;
		char name[SPOOLFILE_NAME];

		id.offset = START + 7000 + i;
		spoolfile_name(name, &id);
		sprintf(path, "%s/%s", f.path, name);
		if (i)
			assert_int_equal(mkdir(path, 0700), 0);
		else
			assert_int_equal(symlink("/etc/passwd", path), 0);
	}
	keeping_open(&f, 1 << 30);
	assert_int_equal(keeping_files(&f, NULL), 10);
	keeping_check(&f, &f.epoch->rings[0], 0, 1000);
	keeping_check(&f, &f.epoch->rings[1], 0, 1000);
	keeping_end(&f);
}

static void test_headers_that_do_not_hold_are_left_alone(void **state)
{
	static const off_t places[] = { 0, 8, 20, 200, SPOOLFILE_HEADER - 1 };
	struct keeping f;
	char path[512];

	(void)state;
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		keeping_begin(&f, 1 << 30);
		keeping_keep(&f, 0, 0, 1000);
		spool_close(f.spool);
		keeping_files(&f, path);
		spoil(path, places[i]);
		keeping_open(&f, 1 << 30);
		assert_true(spool_empty(&f.epoch->rings[0]));
		assert_int_equal(access(path, F_OK), 0);
		/* nor is it written over */
		assert_true(keeping_try(&f, 0, 0, 1000));
		assert_true(spool_empty(&f.epoch->rings[0]));
		keeping_end(&f);
	}
}

static void test_a_folder_belongs_to_one(void **state)
{
	struct keeping f;

	(void)state;
	keeping_begin(&f, 1 << 30);
	assert_null(spool_open(f.path, 1 << 30));
	spool_close(f.spool);
	keeping_open(&f, 1 << 30);
	keeping_end(&f);
}

static void test_a_folder_is_made_or_needed(void **state)
{
	struct keeping f;
	char path[512];
	struct stat st;

	(void)state;
	keeping_begin(&f, 1 << 30);
	spool_close(f.spool);
	snprintf(path, sizeof(path), "%s/a/b", f.path);
	assert_null(spool_open(path, 1 << 30));
	assert_null(spool_open("/dev/null", 1 << 30));
	assert_int_equal(chmod(f.path, 0777), 0);
	assert_null(spool_open(f.path, 1 << 30));
	assert_int_equal(rmdir(f.path), 0);
	keeping_open(&f, 1 << 30);
	assert_int_equal(stat(f.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	keeping_keep(&f, 0, 0, 100);
	keeping_files(&f, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	keeping_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_survives_a_restart),
		cmocka_unit_test(test_another_epoch_comes_back_with_what_it_said),
		cmocka_unit_test(test_a_torn_end_is_cut),
		cmocka_unit_test(test_what_cannot_be_read_is_left_as_it_is),
		cmocka_unit_test(test_a_folder_that_cannot_be_read_to_its_end_is_refused),
		cmocka_unit_test(test_a_file_that_never_held_anything_goes),
		cmocka_unit_test(test_damaged_bytes_are_not_sent),
		cmocka_unit_test(test_a_file_that_is_gone_is_a_gap),
		cmocka_unit_test(test_overlaps_are_read_once),
		cmocka_unit_test(test_a_gap_between_files_ends_the_run),
		cmocka_unit_test(test_strangers_are_left_alone),
		cmocka_unit_test(test_headers_that_do_not_hold_are_left_alone),
		cmocka_unit_test(test_a_folder_belongs_to_one),
		cmocka_unit_test(test_a_folder_is_made_or_needed),
	};

	log_open("# test_spool_folder", 1);
	return cmocka_run_group_tests_name("spool_folder", tests, NULL, NULL);
}
