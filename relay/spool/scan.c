// SPDX-License-Identifier: MIT
#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

#define SCAN_SHOWN	(3 * 255 + 1)	/* a name, percent-encoded */

/**
 * struct scan - a folder that is looked at
 * @ids: of files, by name, which is by ring and offset
 */
struct scan {
	int folder;
	const char *path;
	struct spoolfile_id *ids;
	size_t count;
	void (*found)(void *context, const struct scan_file *file);
	void *context;
};

/* Whoever may write into the folder may not write into a log. */
static void scan_leave_alone(const struct scan *scan, const char *name, const char *what)
{
	char shown[SCAN_SHOWN] = "?";

	metadata_encode(name, shown, sizeof(shown));
	log_warning("--spool %s: '%s' %s: left alone; move it elsewhere if it is in the way",
		    scan->path, shown, what);
}

/* It may be there the next time: that is no crash's work. */
static void scan_say_unreadable(const struct scan *scan, const char *name, uint64_t from,
				int error)
{
	log_error("--spool %s: '%s' cannot be read from byte %" PRIu64 " on: %s: it is left as it is, and nothing of that is sent; look after the disk, move the file elsewhere",
		  scan->path, name, from, strerror(error));
}

static int scan_compare(const void *first, const void *second)
{
	char a[SPOOLFILE_NAME], b[SPOOLFILE_NAME];

	spoolfile_name(a, first);
	spoolfile_name(b, second);
	return strcmp(a, b);
}

static void scan_add(struct scan *scan, const struct spoolfile_id *id)
{
	/* 64 at first, then twice as many */
	if (!(scan->count & (scan->count - 1)) && (scan->count >= 64 || !scan->count)) {
		size_t room = scan->count ? 2 * scan->count : 64;

		scan->ids = reallocarray(scan->ids, room, sizeof(*id));
		if (!scan->ids)
			abort();
	}
	scan->ids[scan->count++] = *id;
}

/* NULL: the end, errno is 0, or an error. */
static struct dirent *scan_next(DIR *folder)
{
	errno = 0;
	return readdir(folder);
}

/* All of it, or an error: which file is a ring's last one depends on the others. */
static int scan_entries(struct scan *scan, DIR *folder)
{
	struct spoolfile_id id;
	struct dirent *entry;

	while ((entry = scan_next(folder))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (spoolfile_parse(&id, entry->d_name))
			scan_add(scan, &id);
		else
			scan_leave_alone(scan, entry->d_name, "is no file of the spool");
	}
	return errno;
}

static bool scan_list(struct scan *scan)
{
	int fd = openat(scan->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	int error = folder ? scan_entries(scan, folder) : errno;

	if (folder)
		closedir(folder);
	else if (fd >= 0)
		close(fd);
	if (error) {
		log_error("--spool %s: cannot be read: %s", scan->path, strerror(error));
		return false;
	}
	if (scan->count)
		qsort(scan->ids, scan->count, sizeof(*scan->ids), scan_compare);
	return true;
}

/* Is it the one that a crash may have torn? */
static bool scan_is_last(const struct scan *scan, size_t number)
{
	const struct spoolfile_id *id = &scan->ids[number];

	return number + 1 == scan->count || id->ring != id[1].ring ||
	       memcmp(id->boot, id[1].boot, SPOOLFILE_ID) ||
	       memcmp(id->capture, id[1].capture, SPOOLFILE_ID);
}

/* Up to where it holds. The bytes of all but the last stretch were synced. */
static void scan_walk(struct scan_file *file, int fd, uint64_t size, bool last)
{
	struct spoolfile_stretch stretch;
	struct spoolfile_walk walk;

	spoolfile_walk_begin(&walk, fd, size, file->header.id.offset);
	file->end = walk.end;
	file->bytes = walk.at;
	while (spoolfile_walk_next(&walk, &stretch)) {
		struct spoolfile_walk next = walk;
		struct spoolfile_stretch after;

		if (last && !spoolfile_walk_next(&next, &after) && !next.error &&
		    !spoolfile_walk_check(&walk, &stretch))
			break;
		file->end = walk.end;
		file->bytes = walk.at;
		file->newest = stretch;
	}
	file->error = walk.error;
}

static void scan_cut(const struct scan *scan, const char *name, int fd,
		     const struct scan_file *file, uint64_t size)
{
	if (ftruncate(fd, file->bytes) || fdatasync(fd))
		log_warning("--spool %s: '%s' cannot be cut: %s", scan->path, name,
			    strerror(errno));
	else
		log_info("--spool %s: '%s' cut by %" PRIu64 " bytes that were not synced when its relay died",
			 scan->path, name, size - file->bytes);
}

/* A file whose header is fine. */
static void scan_content(const struct scan *scan, const char *name, int fd,
			 struct scan_file *file, uint64_t size, bool last)
{
	scan_walk(file, fd, size, last);
	if (file->error) {
		scan_say_unreadable(scan, name, file->bytes, file->error);
	} else if (file->bytes < size) {
		if (!last)
			scan_leave_alone(scan, name, "is damaged: what is behind that is lost");
		else if (file->bytes > SPOOLFILE_HEADER)
			scan_cut(scan, name, fd, file, size);
	}
	if (file->bytes > SPOOLFILE_HEADER)
		scan->found(scan->context, file);
	else if (last && !file->error)
		unlinkat(scan->folder, name, 0);
}

static void scan_file(const struct scan *scan, size_t number)
{
	const struct spoolfile_id *id = &scan->ids[number];
	char name[SPOOLFILE_NAME];
	struct scan_file file;
	struct stat st;
	int fd;

	spoolfile_name(name, id);
	fd = openat(scan->folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		scan_leave_alone(scan, name, fd < 0 ? strerror(errno) : "is not a file");
		if (fd >= 0)
			close(fd);
		return;
	}
	switch (spoolfile_read_header(&file.header, fd, id)) {
	case SPOOLFILE_FINE:
		scan_content(scan, name, fd, &file, st.st_size, scan_is_last(scan, number));
		break;
	case SPOOLFILE_EMPTY:
		unlinkat(scan->folder, name, 0);
		break;
	case SPOOLFILE_UNREADABLE:
		scan_say_unreadable(scan, name, 0, errno);
		break;
	case SPOOLFILE_FOREIGN:
		scan_leave_alone(scan, name, "was written by something else, or another version, which can send it");
		break;
	case SPOOLFILE_DAMAGED:
		scan_leave_alone(scan, name, "is damaged");
		break;
	}
	close(fd);
}

bool scan_folder(int folder, const char *path,
		 void (*found)(void *context, const struct scan_file *file), void *context)
{
	struct scan scan = {
		.folder = folder,
		.path = path,
		.found = found,
		.context = context,
	};
	bool ok = scan_list(&scan);

	for (size_t i = 0; ok && i < scan.count; i++)
		scan_file(&scan, i);
	free(scan.ids);
	return ok;
}
