// SPDX-License-Identifier: MIT
#include "spool/write.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "common/log.h"
#include "spool/disk.h"
#include "spool/file.h"
#include "spool/inside.h"

/* A file is removed as a whole: smaller ones make room sooner. */
#define SPOOL_FILE_BYTES	(32 << 20)
#define SPOOL_FILES		16	/* of this size, at least, fit in the spool */
/* An error is no reason to keep the disk busy. */
#define SPOOL_RETRY		CLOCK_SECOND

/**
 * struct spool_write - a stretch that is being written
 * @file: that it goes into; NULL: a new one
 * @bytes: that it takes of the disk
 */
struct spool_write {
	struct worker_job job;
	struct disk_write disk;
	struct spool_ring *ring;
	struct spool_file *file;
	struct extent *extent;
	uint64_t bytes;
};

bool spool_write_is_to(const struct spool_file *file)
{
	return file->ring->write && file->ring->write->file == file;
}

static void spool_write_say_full(struct spool *spool, const char *why)
{
	if (!spool->full)
		log_warning("--spool %s: %s (%" PRIu64 " bytes of %" PRIu64 "): rings fill, and what does not fit there is lost",
			    spool->path, why, spool->used, spool->max);
	spool->full = true;
}

static struct spool_write *spool_write_of(struct worker_job *job)
{
	return (struct spool_write *)((char *)job - offsetof(struct spool_write, job));
}

static void spool_write_do(struct worker_job *job)
{
	disk_write(&spool_write_of(job)->disk);
}

static void spool_write_on_failed(struct spool_write *write)
{
	struct spool *spool = write->ring->spool;

	spool->used -= write->bytes;
	if (write->file)
		write->file->fd = -1;
	spool->retry_at = clock_now() + SPOOL_RETRY;
	spool_write_say_full(spool, write->disk.error == EEXIST ?
			     "a damaged file has the name of a new one; move it elsewhere" :
			     strerror(write->disk.error));
}

static void spool_write_on_done(struct worker_job *job)
{
	struct spool_write *write = spool_write_of(job);
	struct spool_ring *ring = write->ring;
	struct spool *spool = ring->spool;
	const struct spoolfile_stretch *stretch = &write->disk.stretch;
	uint64_t end = stretch->offset + stretch->length;

	ring->write = NULL;
	extent_let_go(write->extent);
	if (write->disk.error) {
		spool_write_on_failed(write);
	} else if (write->file) {
		write->file->bytes = write->disk.at;
		write->file->end = end;
	} else {
		spool_file_add(ring, stretch->offset, end, write->disk.at, write->disk.fd);
	}
	if (!write->disk.error && spool->full) {
		log_info("--spool %s: there is room again", spool->path);
		spool->full = false;
	}
	/* a call may have come, and gone beyond it */
	spool_acknowledge(ring, ring->acked);
	free(write);
}

static bool spool_write_has_room(struct spool *spool, uint64_t bytes)
{
	if (spool->used + bytes <= spool->max)
		return clock_now() >= spool->retry_at;
	spool_write_say_full(spool, "is full");
	return false;
}

/* The ring's last file, if it takes more. */
static struct spool_file *spool_write_open_file(const struct spool_ring *ring, uint64_t offset)
{
	uint64_t most = ring->spool->max / SPOOL_FILES;
	struct spool_file *file = ring->last;

	if (most > SPOOL_FILE_BYTES)
		most = SPOOL_FILE_BYTES;
	if (!file || file->fd < 0 || file->end != offset || file->bytes >= most)
		return NULL;
	return file;
}

bool spool_write(struct spool_ring *ring, const struct spoolfile_stretch *stretch,
		 const void *data, struct extent *extent)
{
	struct spool *spool = ring->spool;
	struct spool_file *file = spool_write_open_file(ring, stretch->offset);
	uint64_t bytes = SPOOLFILE_STRETCH + stretch->length + (file ? 0 : SPOOLFILE_HEADER);
	struct spool_write *write;

	if (ring->write || !spool_write_has_room(spool, bytes))
		return false;
	if (!file && ring->last)
		spool_file_close(ring->last);
	write = calloc(1, sizeof(*write));
	if (!write)
		abort();
	*write = (struct spool_write) {
		.job = { .work = spool_write_do, .finish = spool_write_on_done },
		.disk = {
			.folder = spool->folder,
			.fd = file ? file->fd : -1,
			.at = file ? file->bytes : 0,
			.header = ring->epoch->header,
			.stretch = *stretch,
			.data = data,
		},
		.ring = ring,
		.file = file,
		.extent = extent,
		.bytes = bytes,
	};
	write->disk.header.id = spool_file_id(ring, stretch->offset);
	write->disk.header.created = clock_read(CLOCK_REALTIME);
	ring->write = write;
	spool->used += bytes;
	worker_begin(&spool->worker, &write->job, true);
	return true;
}
