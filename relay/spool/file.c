// SPDX-License-Identifier: MIT
#include "spool/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "spool/inside.h"
#include "spool/write.h"

struct spool_file *spool_file_add(struct spool_ring *ring, uint64_t begin, uint64_t end,
				  uint64_t bytes, int fd)
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

void spool_file_retire(struct spool_file *file)
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

void spool_file_close(struct spool_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

void spool_file_free_list(struct spool_file *file)
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

static struct spool_file *spool_file_of(struct worker_job *job)
{
	return (struct spool_file *)((char *)job - offsetof(struct spool_file, job));
}

static void spool_file_begin(struct spool_file *file, void (*work)(struct worker_job *job),
			     void (*finish)(struct worker_job *job))
{
	file->busy = true;
	file->job.work = work;
	file->job.finish = finish;
	worker_begin(&file->ring->spool->worker, &file->job, false);
}

struct spoolfile_id spool_file_id(const struct spool_ring *ring, uint64_t offset)
{
	struct spoolfile_id id = ring->epoch->header.id;

	id.ring = ring->index;
	id.offset = offset;
	return id;
}

static void spool_file_do_load(struct worker_job *job)
{
	disk_load(&spool_file_of(job)->load);
}

/* What cannot be read is not here. */
static void spool_file_say_damaged(const struct spool_file *file, uint64_t end)
{
	struct spoolfile_id id = spool_file_id(file->ring, file->begin);
	char name[SPOOLFILE_NAME];

	spoolfile_name(name, &id);
	log_error("--spool %s: '%s': %s: %" PRIu64 " bytes of ring %u are lost; it is left alone: move it elsewhere",
		  file->ring->spool->path, name, file->load.error == EBADMSG ?
		  "it is damaged" : strerror(file->load.error), file->end - end,
		  file->ring->index);
}

static void spool_file_on_loaded(struct worker_job *job)
{
	struct spool_file *file = spool_file_of(job);

	file->busy = false;
	file->map = file->load.map;
	file->map_bytes = file->load.map_bytes;
	file->map_end = file->load.end;
	if (file->map_end >= file->end)
		return;
	spool_file_say_damaged(file, file->map_end);
	file->kept = true;
	file->end = file->map_end;
	if (!file->acked && (!file->map || file->ring->acked >= file->end))
		spool_file_retire(file);
}

/* What is read is not written to any more: the map has all of it. */
void spool_file_load(struct spool_file *file)
{
	if (file->map || file->busy || spool_write_is_to(file))
		return;
	spool_file_close(file);
	file->load = (struct disk_load) {
		.folder = file->ring->spool->folder,
		.id = spool_file_id(file->ring, file->begin),
		.bytes = file->bytes,
	};
	spool_file_begin(file, spool_file_do_load, spool_file_on_loaded);
}

static void spool_file_do_unmap(struct worker_job *job)
{
	struct spool_file *file = spool_file_of(job);

	disk_unmap(file->map, file->map_bytes);
}

static void spool_file_on_unmapped(struct worker_job *job)
{
	struct spool_file *file = spool_file_of(job);

	file->busy = false;
	file->map = NULL;
	file->map_bytes = 0;
}

void spool_file_unmap(struct spool_file *file)
{
	spool_file_begin(file, spool_file_do_unmap, spool_file_on_unmapped);
}

static void spool_file_do_remove(struct worker_job *job)
{
	struct spool_file *file = spool_file_of(job);
	struct spoolfile_id id = spool_file_id(file->ring, file->begin);

	disk_unmap(file->map, file->map_bytes);
	if (file->fd >= 0)
		close(file->fd);
	if (!file->kept)
		disk_remove(file->ring->spool->folder, &id);
}

static void spool_file_on_removed(struct worker_job *job)
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

void spool_file_remove(struct spool_file *file)
{
	spool_file_begin(file, spool_file_do_remove, spool_file_on_removed);
}
