// SPDX-License-Identifier: MIT
#include "keep.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/log.h"
#include "folder.h"
#include "path.h"
#include "template.h"

/**
 * struct keep_file - a complete file
 * @series: those of a series follow each other
 * @size: bytes
 * @time: when it was complete, in nanoseconds since 1970; of those found at start
 * @name: ours
 */
struct keep_file {
	uint64_t series;
	uint64_t size;
	int64_t time;
	char *name;
};

/**
 * struct keep - complete files
 * @lock: guards all below
 * @files: the oldest first, from @first to @end
 * @room: of @files
 * @bytes: of all of them
 */
struct keep {
	struct keep_config config;
	pthread_mutex_t lock;
	struct keep_file *files;
	size_t first, end, room;
	uint64_t bytes;
};

static bool keep_grow(struct keep *keep)
{
	size_t count = keep->end - keep->first, room = keep->room ? keep->room : 64;
	struct keep_file *files = keep->files;

	if (keep->end < keep->room)
		return true;
	if (count > room / 2) {
		room *= 2;
		files = NULL;
	}
	if (!files || !keep->room)
		files = malloc(room * sizeof(*files));
	if (!files)
		return false;
	if (count)
		memmove(files, keep->files + keep->first, count * sizeof(*files));
	if (files != keep->files)
		free(keep->files);
	keep->files = files;
	keep->room = room;
	keep->first = 0;
	keep->end = count;
	return true;
}

static void keep_note(struct keep *keep, const char *name, uint64_t series,
		      uint64_t size, int64_t time)
{
	struct keep_file file = { .series = series, .size = size, .time = time };

	file.name = strdup(name);
	if (!file.name || !keep_grow(keep)) {
		log_warning("%s/%s: is never removed, for want of memory",
			    folder_path(keep->config.folder), name);
		free(file.name);
		return;
	}
	keep->files[keep->end++] = file;
	keep->bytes += size;
}

static void keep_found(void *context, const char *name, uint64_t size, int64_t time)
{
	const struct keep *keep = context;
	uint64_t series;

	/* what the template could not have made is not ours to remove */
	if (template_match(keep->config.template, name, &series))
		keep_note(context, name, series, size, time);
}

static int keep_compare(const void *a, const void *b)
{
	const struct keep_file *one = a, *other = b;

	if (one->time != other->time)
		return one->time < other->time ? -1 : 1;
	return strcmp(one->name, other->name);
}

static void keep_forget(struct keep *keep, size_t i)
{
	keep->bytes -= keep->files[i].size;
	free(keep->files[i].name);
	memmove(keep->files + keep->first + 1, keep->files + keep->first,
		(i - keep->first) * sizeof(*keep->files));
	keep->first++;
}

/* Remove the @i-th, for @limit. One that cannot be removed is forgotten, too. */
static void keep_remove(struct keep *keep, size_t i, const char *limit)
{
	const char *name = keep->files[i].name, *path = folder_path(keep->config.folder);

	if (!unlinkat(folder_fd(keep->config.folder), name, 0))
		log_debug("%s/%s: removed, for %s", path, name, limit);
	else if (errno != ENOENT)
		log_warning("%s/%s: cannot be removed: %m", path, name);
	keep_forget(keep, i);
}

/* As many of the series as are too many. */
static void keep_series(struct keep *keep, uint64_t series)
{
	uint64_t count = 0;

	if (!keep->config.files)
		return;
	for (size_t i = keep->end; i-- > keep->first;) {
		if (keep->files[i].series != series || ++count <= keep->config.files)
			continue;
		keep_remove(keep, i, "--keep-files");
		i++;	/* those before it have moved */
	}
}

static void keep_bytes(struct keep *keep)
{
	while (keep->config.bytes && keep->bytes > keep->config.bytes &&
	       keep->first < keep->end)
		keep_remove(keep, keep->first, "--keep-size");
}

static bool keep_free(const struct keep *keep)
{
	struct statvfs disk;

	return fstatvfs(folder_fd(keep->config.folder), &disk) ||
	       (uint64_t)disk.f_bavail * disk.f_frsize >= keep->config.free;
}

/* With the lock held. */
static bool keep_make_room(struct keep *keep)
{
	if (!keep->config.free)
		return true;
	while (!keep_free(keep)) {
		if (keep->first == keep->end)
			return false;
		keep_remove(keep, keep->first, "--free-space");
	}
	return true;
}

struct keep *keep_open(const struct keep_config *config)
{
	struct keep *keep = calloc(1, sizeof(*keep));

	if (!keep) {
		log_error("out of memory");
		return NULL;
	}
	keep->config = *config;
	pthread_mutex_init(&keep->lock, NULL);
	if (!config->files && !config->bytes && !config->free)
		return keep;
	folder_walk(config->folder, keep_found, keep);
	if (keep->end)
		qsort(keep->files, keep->end, sizeof(*keep->files), keep_compare);
	keep_bytes(keep);
	keep_make_room(keep);
	return keep;
}

void keep_close(struct keep *keep)
{
	while (keep->first < keep->end)
		free(keep->files[keep->first++].name);
	free(keep->files);
	pthread_mutex_destroy(&keep->lock);
	free(keep);
}

void keep_add(struct keep *keep, const char *name, uint64_t size)
{
	const struct keep_config *config = &keep->config;
	uint64_t series;

	if (!config->files && !config->bytes && !config->free)
		return;
	if (!template_match(config->template, name, &series))
		series = path_hash(PATH_HASH, name, strlen(name));	/* an older one's */
	pthread_mutex_lock(&keep->lock);
	keep_note(keep, name, series, size, 0);
	keep_series(keep, series);
	keep_bytes(keep);
	pthread_mutex_unlock(&keep->lock);
}

/* keep->end: it is not there. Mostly it is one of the newest. */
static size_t keep_find(const struct keep *keep, const char *name)
{
	for (size_t i = keep->end; i-- > keep->first;)
		if (!strcmp(keep->files[i].name, name))
			return i;
	return keep->end;
}

/* The file has another name and size now. */
static void keep_rename(struct keep *keep, struct keep_file *file, const char *to,
			uint64_t size)
{
	char *copy = strdup(to);

	if (!copy)
		return;		/* it is not found when its time has come, and so stays */
	free(file->name);
	file->name = copy;
	keep->bytes += size - file->size;
	file->size = size;
}

bool keep_replace(struct keep *keep, const char *name, const char *to, uint64_t size)
{
	int folder = folder_fd(keep->config.folder);
	bool there;
	size_t i;

	pthread_mutex_lock(&keep->lock);
	there = !faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW);
	i = keep_find(keep, name);
	if (there && i < keep->end)	/* not one of another template, of before */
		keep_rename(keep, &keep->files[i], to, size);
	unlinkat(folder, there ? name : to, 0);
	pthread_mutex_unlock(&keep->lock);
	return there;
}

bool keep_room(struct keep *keep)
{
	bool room;

	pthread_mutex_lock(&keep->lock);
	room = keep_make_room(keep);
	pthread_mutex_unlock(&keep->lock);
	return room;
}
