// SPDX-License-Identifier: MIT
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "common/log.h"
#include "spool/disk.h"
#include "spool/scan.h"
#include "spool/worker.h"

#define SPOOL_MODE		0700
/* A file is removed as a whole: smaller ones make room sooner. */
#define SPOOL_FILE_BYTES	(32 << 20)
#define SPOOL_FILES		16	/* of this size, at least, fit in the spool */
/* An error is no reason to keep the disk busy. */
#define SPOOL_RETRY		CLOCK_SECOND

/**
 * struct spool_file - a file of a ring
 * @begin, @end: offsets of its first byte, and behind its last one
 * @bytes: of the file
 * @fd: where it is still written to; -1: no more
 * @map: as of struct disk_load
 * @map_end: the offset behind what is mapped
 * @busy: @job is under way, with @load or without
 * @kept: it is damaged: not removed
 * @acked: it is not in the ring's list of those that are not
 */
struct spool_file {
	struct spool_file *next;
	struct spool_ring *ring;
	uint64_t begin;
	uint64_t end;
	uint64_t bytes;
	int fd;
	const uint8_t *map;
	uint64_t map_bytes;
	uint64_t map_end;
	bool busy;
	bool kept;
	bool acked;
	struct worker_job job;
	struct disk_load load;
};

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

/**
 * struct spool - a folder
 * @folder: open, and locked
 * @used: bytes of files, those to be written included
 * @full: what was said last
 * @retry_at: after an error, nothing is written before
 */
struct spool {
	const char *path;
	int folder;
	uint64_t max;
	uint64_t used;
	bool full;
	int64_t retry_at;
	struct spool_epoch *epochs;
	struct worker worker;
};

/* Rings and files */

static bool spool_is_epoch(const struct spool_epoch *epoch, const struct spoolfile_id *id)
{
	return !memcmp(epoch->header.id.boot, id->boot, SPOOLFILE_ID) &&
	       !memcmp(epoch->header.id.capture, id->capture, SPOOLFILE_ID);
}

static struct spool_epoch *spool_make_epoch(struct spool *spool,
					    const struct spoolfile_header *header)
{
	struct spool_epoch *epoch = calloc(1, sizeof(*epoch));

	if (!epoch)
		abort();
	epoch->header = *header;
	for (unsigned int i = 0; i < SPOOLFILE_RINGS_MAX; i++) {
		struct spool_ring *ring = &epoch->rings[i];

		ring->spool = spool;
		ring->epoch = epoch;
		ring->index = i;
		extents_init(&ring->extents, UINT64_MAX);
	}
	epoch->next = spool->epochs;
	spool->epochs = epoch;
	return epoch;
}

static struct spool_epoch *spool_find_epoch(struct spool *spool,
					    const struct spoolfile_header *header)
{
	for (struct spool_epoch *epoch = spool->epochs; epoch; epoch = epoch->next)
		if (spool_is_epoch(epoch, &header->id))
			return epoch;
	return spool_make_epoch(spool, header);
}

static struct spool_file *spool_add_file(struct spool_ring *ring, uint64_t begin,
					 uint64_t end, uint64_t bytes, int fd)
{
	struct spool_file *file = calloc(1, sizeof(*file));

	if (!file)
		abort();
	*file = (struct spool_file) {
		.ring = ring,
		.begin = begin,
		.end = end,
		.bytes = bytes,
		.fd = fd,
	};
	if (ring->last)
		ring->last->next = file;
	else
		ring->first = file;
	ring->last = file;
	return file;
}

/* All of it is acknowledged, or is no use. */
static void spool_unlist(struct spool_file *file)
{
	struct spool_ring *ring = file->ring;
	struct spool_file **at = &ring->first, *before = NULL;

	for (; *at != file; at = &(*at)->next)
		before = *at;
	file->acked = true;
	if (ring->part_file == file)
		ring->part_file = NULL;
	*at = file->next;
	if (ring->last == file)
		ring->last = before;
	file->next = ring->going;
	ring->going = file;
}

static void spool_on_found(void *context, const struct scan_file *found)
{
	struct spool *spool = context;
	struct spool_epoch *epoch = spool_find_epoch(spool, &found->header);
	struct spool_ring *ring = &epoch->rings[found->header.id.ring];

	bool twice = ring->last && found->end <= ring->last->end;

	if (found->header.created < epoch->header.created)
		epoch->header.created = found->header.created;
	spool->used += found->bytes;
	spool_add_file(ring, found->header.id.offset, found->end, found->bytes, -1);
	/* what a write that failed has left */
	if (twice)
		spool_unlist(ring->last);
	else
		ring->newest = found->newest;
}

/* Opening and closing */

static bool spool_open_folder(struct spool *spool)
{
	struct stat st;

	if (mkdir(spool->path, SPOOL_MODE) && errno != EEXIST) {
		log_error("--spool %s: cannot be made: %s; 'mkdir -m 700 -p' it, for the user that runs this",
			  spool->path, strerror(errno));
		return false;
	}
	spool->folder = open(spool->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool->folder < 0 || fstat(spool->folder, &st) ||
	    faccessat(spool->folder, ".", R_OK | W_OK | X_OK, AT_EACCESS)) {
		log_error("--spool %s: %s; a folder is needed that the user that runs this may write to",
			  spool->path, strerror(errno));
		return false;
	}
	if (st.st_mode & S_IWOTH) {
		log_error("--spool %s: anybody may write to it: 'chmod o-w' it", spool->path);
		return false;
	}
	if (!flock(spool->folder, LOCK_EX | LOCK_NB))
		return true;
	log_error("--spool %s: %s", spool->path, errno == EWOULDBLOCK ?
		  "another relay uses it; each needs a folder of its own" :
		  strerror(errno));
	return false;
}

struct spool *spool_open(const char *path, uint64_t max)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	uint64_t bytes;

	if (!spool)
		abort();
	spool->path = path;
	spool->max = max;
	spool->folder = -1;
	if (spool_open_folder(spool) &&
	    scan_folder(spool->folder, path, spool_on_found, spool)) {
		if (worker_start(&spool->worker)) {
			bytes = spool_bytes(spool);
			if (bytes)
				log_info("--spool %s: %" PRIu64 " bytes wait for a collector",
					 path, bytes);
			return spool;
		}
		log_error("--spool %s: no thread: %s", path, strerror(errno));
	}
	if (spool->folder >= 0)
		close(spool->folder);
	/* what was found */
	while (spool->epochs) {
		struct spool_epoch *epoch = spool->epochs;

		spool->epochs = epoch->next;
		free(epoch);
	}
	free(spool);
	return NULL;
}

static void spool_free_files(struct spool_file *file)
{
	while (file) {
		struct spool_file *next = file->next;

		disk_unmap(file->map, file->map_bytes);
		if (file->fd >= 0)
			close(file->fd);
		free(file);
		file = next;
	}
}

void spool_close(struct spool *spool)
{
	spool_settle(spool);
	worker_stop(&spool->worker);
	while (spool->epochs) {
		struct spool_epoch *epoch = spool->epochs;

		spool->epochs = epoch->next;
		for (unsigned int i = 0; i < SPOOLFILE_RINGS_MAX; i++) {
			spool_free_files(epoch->rings[i].first);
			spool_free_files(epoch->rings[i].going);
		}
		free(epoch);
	}
	close(spool->folder);
	free(spool);
}

void spool_listen(struct spool *spool, void (*wake)(void *context), void *context)
{
	worker_listen(&spool->worker, wake, context);
}

struct spool_epoch *spool_live(struct spool *spool, const struct spoolfile_header *header)
{
	struct spool_epoch *epoch = spool_find_epoch(spool, header);

	epoch->header = *header;
	epoch->live = true;
	return epoch;
}

static bool spool_epoch_is_empty(const struct spool_epoch *epoch)
{
	for (unsigned int i = 0; i < SPOOLFILE_RINGS_MAX; i++)
		if (!spool_empty(&epoch->rings[i]))
			return false;
	return true;
}

struct spool_epoch *spool_past(struct spool *spool)
{
	struct spool_epoch *oldest = NULL;

	for (struct spool_epoch *epoch = spool->epochs; epoch; epoch = epoch->next)
		if (!epoch->live && !spool_epoch_is_empty(epoch) &&
		    (!oldest || epoch->header.created < oldest->header.created))
			oldest = epoch;
	return oldest;
}

/* What is here */

uint64_t spool_begin(const struct spool_ring *ring)
{
	return ring->acked > ring->first->begin ? ring->acked : ring->first->begin;
}

uint64_t spool_end(const struct spool_ring *ring)
{
	return ring->last->end;
}

/* Mostly the first one, or soon behind it. */
static struct spool_file *spool_find_file(const struct spool_ring *ring, uint64_t position)
{
	struct spool_file *file = ring->first;

	while (file && file->end <= position)
		file = file->next;
	return file && file->begin <= position ? file : NULL;
}

bool spool_has(const struct spool_ring *ring, uint64_t position)
{
	return spool_find_file(ring, position);
}

uint64_t spool_run(const struct spool_ring *ring, uint64_t position)
{
	for (const struct spool_file *file = ring->first; file; file = file->next)
		if (file->begin <= position && position < file->end)
			position = file->end;
	return position;
}

uint64_t spool_bytes(const struct spool *spool)
{
	uint64_t bytes = 0;

	for (const struct spool_epoch *epoch = spool->epochs; epoch; epoch = epoch->next)
		for (unsigned int i = 0; i < SPOOLFILE_RINGS_MAX; i++)
			if (!spool_empty(&epoch->rings[i]))
				bytes += spool_end(&epoch->rings[i]) -
					 spool_begin(&epoch->rings[i]);
	return bytes;
}

/* Reading */

static struct spool_file *spool_file_of(struct worker_job *job)
{
	return (struct spool_file *)((char *)job - offsetof(struct spool_file, job));
}

static void spool_begin_job(struct spool_file *file, void (*work)(struct worker_job *job),
			    void (*finish)(struct worker_job *job))
{
	file->busy = true;
	file->job.work = work;
	file->job.finish = finish;
	worker_begin(&file->ring->spool->worker, &file->job, false);
}

static struct spoolfile_id spool_id(const struct spool_ring *ring, uint64_t offset)
{
	struct spoolfile_id id = ring->epoch->header.id;

	id.ring = ring->index;
	id.offset = offset;
	return id;
}

static void spool_do_load(struct worker_job *job)
{
	disk_load(&spool_file_of(job)->load);
}

/* What cannot be read is not here. */
static void spool_say_damaged(const struct spool_file *file, uint64_t end)
{
	struct spoolfile_id id = spool_id(file->ring, file->begin);
	char name[SPOOLFILE_NAME];

	spoolfile_name(name, &id);
	log_error("--spool %s: '%s': %s: %" PRIu64 " bytes of ring %u are lost; it is left alone: move it elsewhere",
		  file->ring->spool->path, name, file->load.error == EBADMSG ?
		  "it is damaged" : strerror(file->load.error), file->end - end,
		  file->ring->index);
}

static void spool_on_loaded(struct worker_job *job)
{
	struct spool_file *file = spool_file_of(job);

	file->busy = false;
	file->map = file->load.map;
	file->map_bytes = file->load.map_bytes;
	file->map_end = file->load.end;
	if (file->map_end >= file->end)
		return;
	spool_say_damaged(file, file->map_end);
	file->kept = true;
	file->end = file->map_end;
	if (!file->acked && (!file->map || file->ring->acked >= file->end))
		spool_unlist(file);
}

static bool spool_is_written(const struct spool_file *file)
{
	return file->ring->write && file->ring->write->file == file;
}

/* What is read is not written to any more: the map has all of it. */
static void spool_load(struct spool_file *file)
{
	if (file->map || file->busy || spool_is_written(file))
		return;
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	file->load = (struct disk_load) {
		.folder = file->ring->spool->folder,
		.id = spool_id(file->ring, file->begin),
		.bytes = file->bytes,
	};
	spool_begin_job(file, spool_do_load, spool_on_loaded);
}

/* Find the stretch with that position, from the one before on. */
static bool spool_find_part(struct spool_ring *ring, const struct spool_file *file,
			    uint64_t position)
{
	struct spoolfile_stretch *part = &ring->part;

	if (ring->part_file != file || position < part->offset) {
		ring->part_file = file;
		ring->part_at = SPOOLFILE_HEADER;
		*part = (struct spoolfile_stretch) { .offset = file->begin };
	}
	while (position >= part->offset + part->length) {
		uint64_t at = ring->part_at + (part->length ?
					       SPOOLFILE_STRETCH + part->length : 0);

		/* it was checked; but it is a file */
		if (at + SPOOLFILE_STRETCH > file->map_bytes ||
		    !spoolfile_unpack_stretch(part, file->map + at,
					      part->offset + part->length,
					      file->map_bytes - at - SPOOLFILE_STRETCH)) {
			ring->part_file = NULL;
			return false;
		}
		ring->part_at = at;
	}
	return true;
}

enum spool_answer spool_piece(struct spool_ring *ring, uint64_t position,
			      struct spool_piece *piece)
{
	const struct spoolfile_stretch *part = &ring->part;
	struct spool_file *file = spool_find_file(ring, position);

	ring->read = position;
	if (!file)
		return SPOOL_NONE;
	spool_load(file);
	if (file->next)
		spool_load(file->next);
	if (!file->map || file->busy || !spool_find_part(ring, file, position))
		return SPOOL_WAIT;
	*piece = (struct spool_piece) {
		.data = file->map + ring->part_at + SPOOLFILE_STRETCH +
			(position - part->offset),
		.size = part->offset + part->length - position,
		.dropped = part->dropped,
		.complete_until = part->complete_until,
	};
	return SPOOL_PIECE;
}

/* Removing */

static void spool_do_unmap(struct worker_job *job)
{
	struct spool_file *file = spool_file_of(job);

	disk_unmap(file->map, file->map_bytes);
}

static void spool_on_unmapped(struct worker_job *job)
{
	struct spool_file *file = spool_file_of(job);

	file->busy = false;
	file->map = NULL;
	file->map_bytes = 0;
}

static void spool_do_remove(struct worker_job *job)
{
	struct spool_file *file = spool_file_of(job);
	struct spoolfile_id id = spool_id(file->ring, file->begin);

	disk_unmap(file->map, file->map_bytes);
	if (file->fd >= 0)
		close(file->fd);
	if (!file->kept)
		disk_remove(file->ring->spool->folder, &id);
}

static void spool_on_removed(struct worker_job *job)
{
	struct spool_file *file = spool_file_of(job);
	struct spool_file **at = &file->ring->going;

	while (*at != file)
		at = &(*at)->next;
	*at = file->next;
	if (!file->kept)
		file->ring->spool->used -= file->bytes;
	free(file);
}

void spool_acknowledge(struct spool_ring *ring, uint64_t offset)
{
	if (offset > ring->acked)
		ring->acked = offset;
	while (ring->first && ring->first->end <= ring->acked &&
	       !spool_is_written(ring->first))
		spool_unlist(ring->first);
}

static void spool_clean_ring(struct spool_ring *ring)
{
	uint64_t low = extents_tail(&ring->extents, UINT64_MAX);

	for (struct spool_file *file = ring->going; file; file = file->next)
		if (!file->busy && file->end <= low)
			spool_begin_job(file, spool_do_remove, spool_on_removed);
	for (struct spool_file *file = ring->first; file && file->end <= ring->read;
	     file = file->next)
		if (!file->busy && file->map && file->end <= low)
			spool_begin_job(file, spool_do_unmap, spool_on_unmapped);
}

void spool_collect(struct spool *spool)
{
	worker_collect(&spool->worker);
	for (struct spool_epoch *epoch = spool->epochs; epoch; epoch = epoch->next)
		for (unsigned int i = 0; i < epoch->header.ring_count; i++)
			if (epoch->rings[i].first || epoch->rings[i].going)
				spool_clean_ring(&epoch->rings[i]);
}

bool spool_waits(const struct spool *spool)
{
	for (const struct spool_epoch *epoch = spool->epochs; epoch; epoch = epoch->next)
		for (unsigned int i = 0; i < epoch->header.ring_count; i++)
			if (epoch->rings[i].going)
				return true;
	return false;
}

void spool_settle(struct spool *spool)
{
	spool_collect(spool);
	while (spool->worker.unfinished) {
		worker_wait(&spool->worker);
		spool_collect(spool);
	}
}

/* Writing */

static void spool_say_full(struct spool *spool, const char *why)
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

static void spool_do_write(struct worker_job *job)
{
	disk_write(&spool_write_of(job)->disk);
}

static void spool_on_failed(struct spool_write *write)
{
	struct spool *spool = write->ring->spool;

	spool->used -= write->bytes;
	if (write->file)
		write->file->fd = -1;
	spool->retry_at = clock_now() + SPOOL_RETRY;
	spool_say_full(spool, write->disk.error == EEXIST ?
		       "a damaged file has the name of a new one; move it elsewhere" :
		       strerror(write->disk.error));
}

static void spool_on_written(struct worker_job *job)
{
	struct spool_write *write = spool_write_of(job);
	struct spool_ring *ring = write->ring;
	struct spool *spool = ring->spool;
	const struct spoolfile_stretch *stretch = &write->disk.stretch;
	uint64_t end = stretch->offset + stretch->length;

	ring->write = NULL;
	extent_let_go(write->extent);
	if (write->disk.error) {
		spool_on_failed(write);
	} else if (write->file) {
		write->file->bytes = write->disk.at;
		write->file->end = end;
	} else {
		spool_add_file(ring, stretch->offset, end, write->disk.at, write->disk.fd);
	}
	if (!write->disk.error && spool->full) {
		log_info("--spool %s: there is room again", spool->path);
		spool->full = false;
	}
	/* a call may have come, and gone beyond it */
	spool_acknowledge(ring, ring->acked);
	free(write);
}

static bool spool_has_room(struct spool *spool, uint64_t bytes)
{
	if (spool->used + bytes <= spool->max)
		return clock_now() >= spool->retry_at;
	spool_say_full(spool, "is full");
	return false;
}

/* The ring's last file, if it takes more. */
static struct spool_file *spool_open_file(const struct spool_ring *ring, uint64_t offset)
{
	uint64_t most = ring->spool->max / SPOOL_FILES;
	struct spool_file *file = ring->last;

	if (most > SPOOL_FILE_BYTES)
		most = SPOOL_FILE_BYTES;
	if (!file || file->fd < 0 || file->end != offset || file->bytes >= most)
		return NULL;
	return file;
}

static void spool_close_file(struct spool_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

bool spool_write(struct spool_ring *ring, const struct spoolfile_stretch *stretch,
		 const void *data, struct extent *extent)
{
	struct spool *spool = ring->spool;
	struct spool_file *file = spool_open_file(ring, stretch->offset);
	uint64_t bytes = SPOOLFILE_STRETCH + stretch->length + (file ? 0 : SPOOLFILE_HEADER);
	struct spool_write *write;

	if (ring->write || !spool_has_room(spool, bytes))
		return false;
	if (!file && ring->last)
		spool_close_file(ring->last);
	write = calloc(1, sizeof(*write));
	if (!write)
		abort();
	*write = (struct spool_write) {
		.job = { .work = spool_do_write, .finish = spool_on_written },
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
	write->disk.header.id = spool_id(ring, stretch->offset);
	write->disk.header.created = clock_read(CLOCK_REALTIME);
	ring->write = write;
	spool->used += bytes;
	worker_begin(&spool->worker, &write->job, true);
	return true;
}
