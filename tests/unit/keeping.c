// SPDX-License-Identifier: MIT
#include "keeping.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

uint8_t keeping_data[KEEPING_BYTES];

const struct spoolfile_header keeping_live = {
	.id = { .boot = "this boot", .capture = "capture" },
	.ring_count = 2,
	.ring_bytes = KEEPING_BYTES,
	.metadata = { .sensor = "sensor", .host = "host", .interface = "eth0",
		      .linktype = 1, .snaplen = 1000 },
};

void keeping_open(struct keeping *f, uint64_t max)
{
	f->spool = spool_open(f->path, max);
	assert_non_null(f->spool);
	f->epoch = spool_live(f->spool, &keeping_live);
}

void keeping_begin(struct keeping *f, uint64_t max)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->path, sizeof(f->path), "/tmp/pcapring-spool-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	extents_init(&f->ring, KEEPING_BYTES);
	for (unsigned int i = 0; i < KEEPING_BYTES; i++)
		keeping_data[i] = i * 2654435761u >> 24;
	keeping_open(f, max);
}

unsigned int keeping_files(const struct keeping *f, char *last)
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

void keeping_end(struct keeping *f)
{
	char path[512];

	if (f->spool)
		spool_close(f->spool);
	while (keeping_files(f, path))
		assert_int_equal(remove(path), 0);
	assert_int_equal(rmdir(f->path), 0);
}

void keeping_restart(struct keeping *f)
{
	spool_close(f->spool);
	keeping_open(f, 1 << 30);
}

bool keeping_try(struct keeping *f, unsigned int ring, uint64_t from, uint64_t to)
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
	bool begun = spool_write(&f->epoch->rings[ring], &stretch, keeping_data + from, extent);

	if (!begun)
		extent_let_go(extent);
	spool_settle(f->spool);
	assert_int_equal(extents_tail(&f->ring, UINT64_MAX), UINT64_MAX);
	return begun;
}

void keeping_keep(struct keeping *f, unsigned int ring, uint64_t from, uint64_t to)
{
	assert_true(keeping_try(f, ring, from, to));
	assert_int_equal(spool_end(&f->epoch->rings[ring]), START + to);
}

void keeping_check(struct keeping *f, struct spool_ring *ring, uint64_t from, uint64_t to)
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
		assert_memory_equal(piece.data, keeping_data + from, piece.size);
		from += piece.size;
		assert_int_equal(piece.dropped, from);
		assert_int_equal(piece.complete_until, from + 1);
	}
}

void keeping_acknowledge(struct keeping *f, unsigned int ring, uint64_t offset)
{
	spool_acknowledge(&f->epoch->rings[ring], START + offset);
	spool_collect(f->spool);
	spool_settle(f->spool);
}
