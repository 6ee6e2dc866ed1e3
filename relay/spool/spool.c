// SPDX-License-Identifier: MIT
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "spool/file.h"
#include "spool/inside.h"
#include "spool/scan.h"
#include "spool/write.h"

#define SPOOL_MODE		0700

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

static void spool_on_found(void *context, const struct scan_file *found)
{
	struct spool *spool = context;
	struct spool_epoch *epoch = spool_find_epoch(spool, &found->header);
	struct spool_ring *ring = &epoch->rings[found->header.id.ring];

	bool twice = ring->last && found->end <= ring->last->end;

	if (found->header.created < epoch->header.created)
		epoch->header.created = found->header.created;
	spool->used += found->bytes;
	spool_file_add(ring, found->header.id.offset, found->end, found->bytes, -1)->kept =
		found->error;
	/* what a write that failed has left */
	if (twice)
		spool_file_retire(ring->last);
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

void spool_close(struct spool *spool)
{
	spool_settle(spool);
	worker_stop(&spool->worker);
	while (spool->epochs) {
		struct spool_epoch *epoch = spool->epochs;

		spool->epochs = epoch->next;
		for (unsigned int i = 0; i < SPOOLFILE_RINGS_MAX; i++) {
			spool_file_free_list(epoch->rings[i].first);
			spool_file_free_list(epoch->rings[i].going);
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
	spool_file_load(file);
	if (file->next)
		spool_file_load(file->next);
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

void spool_acknowledge(struct spool_ring *ring, uint64_t offset)
{
	if (offset > ring->acked)
		ring->acked = offset;
	while (ring->first && ring->first->end <= ring->acked &&
	       !spool_write_is_to(ring->first))
		spool_file_retire(ring->first);
}

static void spool_clean_ring(struct spool_ring *ring)
{
	uint64_t low = extents_tail(&ring->extents, UINT64_MAX);

	for (struct spool_file *file = ring->going; file; file = file->next)
		if (!file->busy && file->end <= low)
			spool_file_remove(file);
	for (struct spool_file *file = ring->first; file && file->end <= ring->read;
	     file = file->next)
		if (!file->busy && file->map && file->end <= low)
			spool_file_unmap(file);
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
