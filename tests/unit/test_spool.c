// SPDX-License-Identifier: MIT
/*
 * The spool by itself: what is written there is read, survives, and goes when it
 * was acknowledged; what a crash, a full disk or a stranger leaves.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "common/log.h"
#include "spool/spool.h"

#define START		4000000000
#define BYTES		(1 << 20)
#define PATIENCE_MS	60000

struct fixture {
	char path[64];
	struct spool *spool;
	struct spool_epoch *epoch;
	struct extents ring;
};

/* Every position has its byte, whatever the ring. */
static uint8_t data[BYTES];

static const struct spoolfile_header live = {
	.id = { .boot = "this boot", .capture = "capture" },
	.ring_count = 2,
	.ring_bytes = BYTES,
	.metadata = { .sensor = "sensor", .host = "host", .interface = "eth0",
		      .linktype = 1, .snaplen = 1000 },
};

static void open_spool(struct fixture *f, uint64_t max)
{
	f->spool = spool_open(f->path, max);
	assert_non_null(f->spool);
	f->epoch = spool_live(f->spool, &live);
}

static void begin(struct fixture *f, uint64_t max)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->path, sizeof(f->path), "/tmp/pcapring-spool-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	extents_init(&f->ring, BYTES);
	for (unsigned int i = 0; i < BYTES; i++)
		data[i] = i * 2654435761u >> 24;
	open_spool(f, max);
}

/* -> how many there are; @last, if it is not NULL: the path of the last one. */
static unsigned int files(const struct fixture *f, char *last)
{
	struct dirent **list;
	int count = scandir(f->path, &list, NULL, alphasort);
	unsigned int found = 0;

	for (int i = 0; i < count; i++) {
		if (*list[i]->d_name != '.') {
			found++;
			if (last)
				sprintf(last, "%s/%.200s", f->path, list[i]->d_name);
		}
		free(list[i]);
	}
	free(list);
	return found;
}

static void end(struct fixture *f)
{
	char path[512];

	if (f->spool)
		spool_close(f->spool);
	while (files(f, path))
		assert_int_equal(remove(path), 0);
	assert_int_equal(rmdir(f->path), 0);
}

static void restart(struct fixture *f)
{
	spool_close(f->spool);
	open_spool(f, 1 << 30);
}

/* Offsets from START on. False: not now. */
static bool try_keep(struct fixture *f, unsigned int ring, uint64_t from, uint64_t to)
{
	const struct spoolfile_stretch stretch = {
		.offset = START + from,
		.length = to - from,
		.dropped = to,
		.complete_until = to + 1,
		.known = true,
		.collector = "collector",
	};
	struct extent *extent = extents_hold(&f->ring, START + from, START + to);
	bool begun = spool_write(&f->epoch->rings[ring], &stretch, data + from, extent);

	if (!begun)
		extent_let_go(extent);
	spool_settle(f->spool);
	assert_int_equal(extents_tail(&f->ring, UINT64_MAX), UINT64_MAX);
	return begun;
}

static void keep(struct fixture *f, unsigned int ring, uint64_t from, uint64_t to)
{
	assert_true(try_keep(f, ring, from, to));
	assert_int_equal(spool_end(&f->epoch->rings[ring]), START + to);
}

/* Everything from @from to @to is there, and all that is known of it. */
static void check(struct fixture *f, struct spool_ring *ring, uint64_t from, uint64_t to)
{
	while (from < to) {
		struct spool_piece piece;
		enum spool_answer answer = spool_piece(ring, START + from, &piece);

		if (answer == SPOOL_WAIT) {
			spool_settle(f->spool);
			answer = spool_piece(ring, START + from, &piece);
		}
		assert_int_equal(answer, SPOOL_PIECE);
		assert_true(piece.size <= to - from);
		assert_memory_equal(piece.data, data + from, piece.size);
		from += piece.size;
		assert_int_equal(piece.dropped, from);
		assert_int_equal(piece.complete_until, from + 1);
	}
}

static void acknowledge(struct fixture *f, unsigned int ring, uint64_t offset)
{
	spool_acknowledge(&f->epoch->rings[ring], START + offset);
	spool_collect(f->spool);
	spool_settle(f->spool);
}

static void test_what_is_kept_is_there_until_it_is_acknowledged(void **state)
{
	struct spool_ring *ring;
	struct spool_piece piece;
	struct fixture f;

	(void)state;
	begin(&f, 1 << 30);
	ring = &f.epoch->rings[0];
	assert_true(spool_empty(ring));
	assert_int_equal(spool_piece(ring, START, &piece), SPOOL_NONE);
	keep(&f, 0, 0, 1000);
	keep(&f, 0, 1000, 300000);
	assert_int_equal(files(&f, NULL), 1);
	check(&f, ring, 0, 300000);
	/* a file that is read is not written to */
	keep(&f, 0, 300000, 300100);
	assert_int_equal(files(&f, NULL), 2);
	check(&f, ring, 0, 300100);
	check(&f, ring, 500, 1000);
	assert_int_equal(spool_piece(ring, START - 1, &piece), SPOOL_NONE);
	assert_int_equal(spool_piece(ring, START + 300100, &piece), SPOOL_NONE);
	assert_int_equal(spool_bytes(f.spool), 300100);
	acknowledge(&f, 0, 1000);
	assert_int_equal(files(&f, NULL), 2);
	assert_int_equal(spool_begin(ring), START + 1000);
	check(&f, ring, 1000, 300100);
	acknowledge(&f, 0, 300000);
	assert_int_equal(files(&f, NULL), 1);
	acknowledge(&f, 0, 300100);
	assert_int_equal(files(&f, NULL), 0);
	assert_true(spool_empty(ring));
	assert_int_equal(spool_bytes(f.spool), 0);
	/* and again, behind what the ring has sent itself */
	keep(&f, 0, 500000, 500001);
	assert_int_equal(spool_begin(ring), START + 500000);
	end(&f);
}

static void test_rings_do_not_mix(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 1 << 30);
	keep(&f, 0, 0, 1000);
	keep(&f, 1, 2000, 5000);
	keep(&f, 0, 1000, 1500);
	check(&f, &f.epoch->rings[1], 2000, 5000);
	check(&f, &f.epoch->rings[0], 0, 1500);
	acknowledge(&f, 0, 1500);
	assert_int_equal(files(&f, NULL), 1);
	check(&f, &f.epoch->rings[1], 2000, 5000);
	end(&f);
}

/* Slices in core's hands, of a call that is dead: here, an extent. */
static void test_what_somebody_refers_to_stays(void **state)
{
	struct spool_piece piece;
	struct spool_ring *ring;
	struct extent *old;
	struct fixture f;

	(void)state;
	begin(&f, 1 << 30);
	ring = &f.epoch->rings[0];
	keep(&f, 0, 0, 1000);
	check(&f, ring, 0, 1000);
	assert_int_equal(spool_piece(ring, START + 10, &piece), SPOOL_PIECE);
	old = extents_hold(&ring->extents, START + 10, START + 20);
	acknowledge(&f, 0, 1000);
	assert_true(spool_empty(ring));
	assert_true(spool_waits(f.spool));
	assert_int_equal(files(&f, NULL), 1);
	assert_memory_equal(piece.data, data + 10, 10);
	extent_let_go(old);
	acknowledge(&f, 0, 1000);
	assert_false(spool_waits(f.spool));
	assert_int_equal(files(&f, NULL), 0);
	end(&f);
}

static void test_it_survives_a_restart(void **state)
{
	struct spool_ring *ring;
	struct fixture f;

	(void)state;
	begin(&f, 1 << 30);
	keep(&f, 0, 0, 1000);
	keep(&f, 0, 1000, 2000);
	restart(&f);
	ring = &f.epoch->rings[0];
	assert_null(spool_past(f.spool));
	assert_int_equal(spool_begin(ring), START);
	assert_int_equal(spool_end(ring), START + 2000);
	assert_int_equal(ring->newest.dropped, 2000);
	keep(&f, 0, 2000, 3000);
	assert_int_equal(files(&f, NULL), 2);
	check(&f, ring, 0, 3000);
	end(&f);
}

static void test_another_epoch_comes_back_with_what_it_said(void **state)
{
	struct spoolfile_header next = live;
	struct spool_epoch *past;
	struct fixture f;

	(void)state;
	begin(&f, 1 << 30);
	keep(&f, 1, 0, 1000);
	spool_close(f.spool);
	memcpy(next.id.boot, "next boot", 9);
	f.spool = spool_open(f.path, 1 << 30);
	f.epoch = spool_live(f.spool, &next);
	assert_true(spool_empty(&f.epoch->rings[1]));
	past = spool_past(f.spool);
	assert_non_null(past);
	assert_memory_equal(past->header.id.boot, live.id.boot, SPOOLFILE_ID);
	assert_int_equal(past->header.ring_count, 2);
	assert_string_equal(past->header.metadata.sensor, "sensor");
	assert_int_equal(past->header.metadata.snaplen, 1000);
	assert_true(past->rings[1].newest.known);
	assert_string_equal(past->rings[1].newest.collector, "collector");
	check(&f, &past->rings[1], 0, 1000);
	keep(&f, 1, 0, 500);
	spool_acknowledge(&past->rings[1], START + 1000);
	spool_collect(f.spool);
	spool_settle(f.spool);
	assert_null(spool_past(f.spool));
	assert_int_equal(files(&f, NULL), 1);
	end(&f);
}

/* A crash: the end of the last file is cut off, or other bytes are there. */
static void test_a_torn_end_is_cut(void **state)
{
	static const long cuts[] = { 1, 500, 1000, 1001, 1063, 1064 };
	struct fixture f;
	char path[512];
	struct stat st;

	(void)state;
	for (unsigned int i = 0; i < 2 * sizeof(cuts) / sizeof(cuts[0]); i++) {
		long cut = cuts[i / 2];
		char zeroes[2000] = {};
		int fd;

		begin(&f, 1 << 30);
		keep(&f, 0, 0, 700);
		keep(&f, 0, 700, 1700);
		spool_close(f.spool);
		files(&f, path);
		stat(path, &st);
		assert_int_equal(truncate(path, st.st_size - cut), 0);
		if (i & 1) {
			fd = open(path, O_WRONLY | O_APPEND);
			assert_int_equal(write(fd, zeroes, sizeof(zeroes)), sizeof(zeroes));
			close(fd);
		}
		open_spool(&f, 1 << 30);
		assert_int_equal(spool_end(&f.epoch->rings[0]), START + 700);
		stat(path, &st);
		assert_int_equal(st.st_size, SPOOLFILE_HEADER + SPOOLFILE_STRETCH + 700);
		/* the ring has it yet */
		keep(&f, 0, 700, 1800);
		check(&f, &f.epoch->rings[0], 0, 1800);
		end(&f);
	}
}

static void test_a_file_that_never_held_anything_goes(void **state)
{
	static const size_t sizes[] = { 0, 1, SPOOLFILE_HEADER, SPOOLFILE_HEADER + 64,
					SPOOLFILE_HEADER + 64 + 999 };
	struct fixture f;
	char path[512];

	(void)state;
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		begin(&f, 1 << 30);
		keep(&f, 0, 0, 1000);
		spool_close(f.spool);
		files(&f, path);
		assert_int_equal(truncate(path, sizes[i]), 0);
		open_spool(&f, 1 << 30);
		assert_int_equal(files(&f, NULL), 0);
		keep(&f, 0, 0, 1000);
		end(&f);
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
	struct fixture f;
	char path[512];

	(void)state;
	begin(&f, 1 << 30);
	keep(&f, 0, 0, 1000);
	keep(&f, 0, 1000, 2000);
	keep(&f, 0, 2000, 3000);
	spool_close(f.spool);
	files(&f, path);
	spoil(path, SPOOLFILE_HEADER + 2 * SPOOLFILE_STRETCH + 1500);
	open_spool(&f, 1 << 30);
	ring = &f.epoch->rings[0];
	keep(&f, 0, 3000, 4000);
	assert_int_equal(spool_run(ring, START), START + 4000);
	check(&f, ring, 0, 1000);
	assert_int_equal(spool_run(ring, START), START + 1000);
	assert_int_equal(spool_piece(ring, START + 1000, &piece), SPOOL_NONE);
	acknowledge(&f, 0, 1000);
	/* it is left alone; the next one goes on */
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(spool_begin(ring), START + 3000);
	check(&f, ring, 3000, 4000);
	end(&f);
}

static void test_a_file_that_is_gone_is_a_gap(void **state)
{
	struct spool_ring *ring;
	struct spool_piece piece;
	struct fixture f;
	char path[512];

	(void)state;
	begin(&f, 1 << 30);
	keep(&f, 0, 0, 1000);
	restart(&f);
	keep(&f, 0, 1000, 2000);
	files(&f, path);
	/* the last one by name */
	assert_int_equal(unlink(path), 0);
	ring = &f.epoch->rings[0];
	check(&f, ring, 0, 1000);
	spool_piece(ring, START + 1000, &piece);
	spool_settle(f.spool);
	assert_int_equal(spool_piece(ring, START + 1000, &piece), SPOOL_NONE);
	assert_int_equal(spool_run(ring, START), START + 1000);
	end(&f);
}

/* A file with one stretch, as it could have been written. */
static void make_file(const struct fixture *f, uint64_t from, uint64_t to)
{
	struct spoolfile_header header = live;
	struct spoolfile_stretch stretch = {
		.offset = START + from, .length = to - from, .dropped = to,
		.complete_until = to + 1,
		.crc = spoolfile_crc(0, data + from, to - from),
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
	fwrite(data + from, to - from, 1, file);
	assert_int_equal(fclose(file), 0);
}

static void test_overlaps_are_read_once(void **state)
{
	struct spool_ring *ring;
	struct fixture f;

	(void)state;
	begin(&f, 1 << 30);
	make_file(&f, 0, 1000);
	make_file(&f, 300, 900);	/* nothing new */
	make_file(&f, 1000, 2000);
	restart(&f);
	ring = &f.epoch->rings[0];
	spool_collect(f.spool);
	spool_settle(f.spool);
	assert_int_equal(files(&f, NULL), 2);
	check(&f, ring, 0, 2000);
	make_file(&f, 1500, 3000);
	restart(&f);
	ring = &f.epoch->rings[0];
	assert_int_equal(spool_run(ring, START), START + 3000);
	check(&f, ring, 0, 3000);
	acknowledge(&f, 0, 3000);
	assert_int_equal(files(&f, NULL), 0);
	end(&f);
}

static void test_a_gap_between_files_ends_the_run(void **state)
{
	struct spool_ring *ring;
	struct fixture f;

	(void)state;
	begin(&f, 1 << 30);
	make_file(&f, 0, 1000);
	make_file(&f, 1100, 2000);
	restart(&f);
	ring = &f.epoch->rings[0];
	assert_int_equal(spool_run(ring, START), START + 1000);
	assert_false(spool_has(ring, START + 1050));
	assert_int_equal(spool_run(ring, START + 1100), START + 2000);
	assert_int_equal(spool_end(ring), START + 2000);
	acknowledge(&f, 0, 1050);
	assert_int_equal(spool_begin(ring), START + 1100);
	check(&f, ring, 1100, 2000);
	end(&f);
}

static void test_strangers_are_left_alone(void **state)
{
	static const char *const names[] = { "letter", "x.spool", "\x1b[2J", "link", "folder" };
	struct fixture f;
	char path[512];

	(void)state;
	begin(&f, 1 << 30);
	keep(&f, 0, 0, 1000);
	keep(&f, 1, 0, 1000);
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
		struct spoolfile_id id = live.id;
		char name[SPOOLFILE_NAME];

		id.offset = START + 7000 + i;
		spoolfile_name(name, &id);
		sprintf(path, "%s/%s", f.path, name);
		if (i)
			assert_int_equal(mkdir(path, 0700), 0);
		else
			assert_int_equal(symlink("/etc/passwd", path), 0);
	}
	open_spool(&f, 1 << 30);
	assert_int_equal(files(&f, NULL), 10);
	check(&f, &f.epoch->rings[0], 0, 1000);
	check(&f, &f.epoch->rings[1], 0, 1000);
	end(&f);
}

static void test_headers_that_do_not_hold_are_left_alone(void **state)
{
	static const off_t places[] = { 0, 8, 20, 200, SPOOLFILE_HEADER - 1 };
	struct fixture f;
	char path[512];

	(void)state;
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		begin(&f, 1 << 30);
		keep(&f, 0, 0, 1000);
		spool_close(f.spool);
		files(&f, path);
		spoil(path, places[i]);
		open_spool(&f, 1 << 30);
		assert_true(spool_empty(&f.epoch->rings[0]));
		assert_int_equal(access(path, F_OK), 0);
		/* nor is it written over */
		assert_true(try_keep(&f, 0, 0, 1000));
		assert_true(spool_empty(&f.epoch->rings[0]));
		end(&f);
	}
}

static void test_a_full_spool_takes_no_more(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 10000);
	keep(&f, 0, 0, 5000);
	assert_false(try_keep(&f, 0, 5000, 10000));
	assert_int_equal(spool_end(&f.epoch->rings[0]), START + 5000);
	keep(&f, 1, 0, 2000);
	acknowledge(&f, 0, 5000);
	keep(&f, 0, 5000, 10000);
	check(&f, &f.epoch->rings[0], 5000, 10000);
	/* what is there counts after a restart, too */
	spool_close(f.spool);
	open_spool(&f, 10000);
	assert_false(try_keep(&f, 0, 10000, 13000));
	end(&f);
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
	struct fixture f;

	begin(&f, 1 << 30);
	ring = &f.epoch->rings[0];
	if (!first)
		keep(&f, 0, 0, 1000);
	limit_files(20000);
	assert_true(try_keep(&f, 0, 1000, 50000));
	limit_files(RLIM_INFINITY);
	assert_true(first ? spool_empty(ring) : spool_end(ring) == START + 1000);
	assert_int_equal(files(&f, NULL), !first);
	/* it is not tried again at once */
	assert_false(try_keep(&f, 0, 1000, 50000));
	for (int i = 0; !try_keep(&f, 0, 1000, 50000); i++) {
		assert_true(i < PATIENCE_MS * 10);
		usleep(100);
	}
	check(&f, ring, first ? 1000 : 0, 50000);
	restart(&f);
	check(&f, &f.epoch->rings[0], first ? 1000 : 0, 50000);
	end(&f);
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
	struct fixture f;

	(void)state;
	begin(&f, 1 << 30);
	ring = &f.epoch->rings[0];
	keep(&f, 0, 0, 1000);
	extent = extents_hold(&f.ring, START + 1000, START + 501000);
	assert_true(spool_write(ring, &stretch, data + 1000, extent));
	assert_int_equal(extents_tail(&f.ring, UINT64_MAX), START + 1000);
	assert_false(spool_write(ring, &stretch, data + 1000, extent));
	spool_acknowledge(ring, START + 501000);
	spool_settle(f.spool);
	assert_true(spool_empty(ring));
	assert_int_equal(files(&f, NULL), 0);
	assert_int_equal(extents_tail(&f.ring, UINT64_MAX), UINT64_MAX);
	end(&f);
}

static void test_a_folder_belongs_to_one(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 1 << 30);
	assert_null(spool_open(f.path, 1 << 30));
	spool_close(f.spool);
	open_spool(&f, 1 << 30);
	end(&f);
}

static void test_a_folder_is_made_or_needed(void **state)
{
	struct fixture f;
	char path[512];
	struct stat st;

	(void)state;
	begin(&f, 1 << 30);
	spool_close(f.spool);
	snprintf(path, sizeof(path), "%s/a/b", f.path);
	assert_null(spool_open(path, 1 << 30));
	assert_null(spool_open("/dev/null", 1 << 30));
	assert_int_equal(chmod(f.path, 0777), 0);
	assert_null(spool_open(f.path, 1 << 30));
	assert_int_equal(rmdir(f.path), 0);
	open_spool(&f, 1 << 30);
	assert_int_equal(stat(f.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	keep(&f, 0, 0, 100);
	files(&f, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_kept_is_there_until_it_is_acknowledged),
		cmocka_unit_test(test_rings_do_not_mix),
		cmocka_unit_test(test_what_somebody_refers_to_stays),
		cmocka_unit_test(test_it_survives_a_restart),
		cmocka_unit_test(test_another_epoch_comes_back_with_what_it_said),
		cmocka_unit_test(test_a_torn_end_is_cut),
		cmocka_unit_test(test_a_file_that_never_held_anything_goes),
		cmocka_unit_test(test_damaged_bytes_are_not_sent),
		cmocka_unit_test(test_a_file_that_is_gone_is_a_gap),
		cmocka_unit_test(test_overlaps_are_read_once),
		cmocka_unit_test(test_a_gap_between_files_ends_the_run),
		cmocka_unit_test(test_strangers_are_left_alone),
		cmocka_unit_test(test_headers_that_do_not_hold_are_left_alone),
		cmocka_unit_test(test_a_full_spool_takes_no_more),
		cmocka_unit_test(test_what_cannot_be_written_stays_in_the_ring),
		cmocka_unit_test(test_what_is_written_may_be_acknowledged_meanwhile),
		cmocka_unit_test(test_a_folder_belongs_to_one),
		cmocka_unit_test(test_a_folder_is_made_or_needed),
	};

	log_open("# test_spool", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
