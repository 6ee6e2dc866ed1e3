// SPDX-License-Identifier: MIT
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "ledger.h"
#include "ringfile.h"
#include "savefile.h"
#include "template.h"

#define FOLDER_NEW	".new"
#define FOLDER_PART	".part"
#define FOLDER_MODE	0750

/* Bytes of the name of any stage. */
#define FOLDER_NAME_MAX	(LEDGER_NAME_MAX + 32)

struct folder {
	int fd;
	char path[PATH_MAX];
};

struct folder *folder_open(const char *path)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (!folder) {
		log_error("out of memory");
		return NULL;
	}
	folder->fd = -1;
	if (realpath(path, folder->path))
		folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->fd < 0 || faccessat(folder->fd, ".", W_OK | X_OK, AT_EACCESS)) {
		log_error("--directory %s: cannot be written to: %m: name a directory that is there, and is this user's", path);
	} else if (flock(folder->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
		/* of file systems that cannot lock directories, the journal has a lock */
		log_error("--directory %s: another collector writes there: name another directory",
			  path);
	} else {
		return folder;
	}
	folder_close(folder);
	return NULL;
}

void folder_close(struct folder *folder)
{
	if (folder->fd >= 0)
		close(folder->fd);
	free(folder);
}

const char *folder_path(const struct folder *folder)
{
	return folder->path;
}

int folder_fd(const struct folder *folder)
{
	return folder->fd;
}

bool folder_stage(char *out, size_t size, const char *before, const char *name,
		  const char *behind)
{
	const char *slash = strrchr(name, '/');
	int folder = slash ? slash + 1 - name : 0;

	return snprintf(out, size, "%.*s%s%s%s", folder, name, before, name + folder,
			behind) < (int)size;
}

static void folder_new(char out[FOLDER_NAME_MAX], const char *name)
{
	folder_stage(out, FOLDER_NAME_MAX, ".", name, FOLDER_NEW);
}

static void folder_part(char out[FOLDER_NAME_MAX], const char *name)
{
	folder_stage(out, FOLDER_NAME_MAX, "", name, FOLDER_PART);
}

static bool folder_has(const struct folder *folder, const char *name)
{
	return !faccessat(folder->fd, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

/*
 * Has it got beyond its first stage? In the order of its life, so that one that goes
 * on meanwhile is met.
 */
static bool folder_taken(const struct folder *folder, const char *name)
{
	char part[FOLDER_NAME_MAX], packed[FOLDER_NAME_MAX];

	folder_part(part, name);
	folder_stage(packed, sizeof(packed), "", name, TEMPLATE_PACKED);
	return folder_has(folder, part) || folder_has(folder, name) ||
	       folder_has(folder, packed);
}

/* Create the directories of @name. */
static bool folder_lead(const struct folder *folder, const char *name)
{
	char path[FOLDER_NAME_MAX];
	char *slash = path;

	snprintf(path, sizeof(path), "%s", name);
	while ((slash = strchr(slash, '/'))) {
		*slash = '\0';
		if (mkdirat(folder->fd, path, FOLDER_MODE) && errno != EEXIST)
			return false;
		*slash++ = '/';
	}
	return true;
}

int folder_create(struct folder *folder, const char *name)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	char new[FOLDER_NAME_MAX];
	int fd;

	folder_new(new, name);
	if (folder_taken(folder, name))
		goto out_taken;
	fd = openat(folder->fd, new, flags, SAVEFILE_MODE);
	if (fd < 0 && errno == ENOENT && folder_lead(folder, name))
		fd = openat(folder->fd, new, flags, SAVEFILE_MODE);
	/* again, for another one of that name may have left its first stage meanwhile */
	if (fd < 0 || !folder_taken(folder, name))
		return fd;
	unlinkat(folder->fd, new, 0);
	close(fd);
out_taken:
	errno = EEXIST;
	return -1;
}

static bool folder_sync_one(const struct folder *folder, const char *path)
{
	int fd = openat(folder->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool done = fd >= 0 && !fsync(fd);
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return done;
}

bool folder_sync(const struct folder *folder, const char *name)
{
	char path[FOLDER_NAME_MAX];
	char *slash;

	snprintf(path, sizeof(path), "%s", name);
	while ((slash = strrchr(path, '/'))) {
		*slash = '\0';
		if (!folder_sync_one(folder, path))
			return false;
	}
	return folder_sync_one(folder, ".");
}

/* Never over another file, as far as the file system lets us say so. */
static bool folder_rename(const struct folder *folder, const char *from, const char *to)
{
	if (!renameat2(folder->fd, from, folder->fd, to, RENAME_NOREPLACE))
		return true;
	if (errno != EINVAL && errno != ENOSYS)
		return false;
	if (folder_has(folder, to)) {
		errno = EEXIST;
		return false;
	}
	return !renameat(folder->fd, from, folder->fd, to);
}

bool folder_adopt(const struct folder *folder, const char *name)
{
	char new[FOLDER_NAME_MAX], part[FOLDER_NAME_MAX];

	folder_new(new, name);
	folder_part(part, name);
	if (folder_rename(folder, new, part))
		return true;
	log_error("%s/%s: cannot be renamed to %s: %m", folder->path, new, part);
	return false;
}

bool folder_complete(const struct folder *folder, const char *name)
{
	char new[FOLDER_NAME_MAX], part[FOLDER_NAME_MAX];

	folder_new(new, name);
	folder_part(part, name);
	if (folder_rename(folder, part, name) ||
	    (errno == ENOENT && folder_rename(folder, new, name)))
		return true;
	log_error("%s/%s: cannot be renamed to %s: %m", folder->path, part, name);
	return false;
}

void folder_forget(const struct folder *folder, const char *name)
{
	char new[FOLDER_NAME_MAX];

	folder_new(new, name);
	unlinkat(folder->fd, new, 0);
	folder_part(new, name);
	unlinkat(folder->fd, new, 0);
}

/* The name that it has now. NULL: none. */
static const char *folder_find(const struct folder *folder, const char *name,
			       char stage[FOLDER_NAME_MAX])
{
	folder_part(stage, name);
	if (folder_has(folder, stage))
		return stage;
	folder_new(stage, name);
	if (folder_has(folder, stage))
		return stage;
	return folder_has(folder, name) ? name : NULL;
}

/* Cut it to what is known. */
static bool folder_cut(const struct folder *folder, const char *stage, uint64_t length,
		       uint64_t *missing)
{
	int fd = openat(folder->fd, stage, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	bool done = fd >= 0 && !fstat(fd, &st);

	if (done && (uint64_t)st.st_size < length)
		*missing = length - st.st_size;
	if (done && (uint64_t)st.st_size > length) {
		log_warning("%s/%s: cut %" PRIu64 " bytes at offset %" PRIu64 ", which are not in the journal",
			    folder->path, stage, (uint64_t)st.st_size - length, length);
		done = !ftruncate(fd, length) && !fsync(fd);
	}
	if (!done)
		log_error("%s/%s: cannot be cut: %m", folder->path, stage);
	if (fd >= 0)
		close(fd);
	return done;
}

enum folder_left folder_finish(const struct folder *folder, const char *name,
			       uint64_t length, uint64_t *missing)
{
	char stage[FOLDER_NAME_MAX], packed[FOLDER_NAME_MAX];
	const char *now = folder_find(folder, name, stage);

	*missing = 0;
	folder_stage(packed, sizeof(packed), "", name, TEMPLATE_PACKED);
	if (folder_has(folder, packed)) {
		unlinkat(folder->fd, name, 0);	/* it was on its way there */
		return FOLDER_FINE;
	}
	if (!now) {
		*missing = length;
		return FOLDER_ABSENT;
	}
	if (length <= RINGFILE_HEADER && now != name) {
		unlinkat(folder->fd, now, 0);
		return FOLDER_EMPTY;
	}
	if (!folder_cut(folder, now, length, missing))
		return FOLDER_FAILED;
	return now == name || folder_complete(folder, name) ? FOLDER_FINE : FOLDER_FAILED;
}

static bool folder_ends(const char *text, const char *end)
{
	size_t length = strlen(text), n = strlen(end);

	return length > n && !strcmp(text + length - n, end);
}

static bool folder_unsure(const FTSENT *entry)
{
	return *entry->fts_name == '.' &&
	       (folder_ends(entry->fts_name, TEMPLATE_EXTENSION FOLDER_NEW) ||
		folder_ends(entry->fts_name, TEMPLATE_EXTENSION TEMPLATE_PACKED FOLDER_NEW));
}

void folder_clean(const struct folder *folder)
{
	char *const paths[] = { (char *)folder->path, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (tree && (entry = fts_read(tree)))
		if (entry->fts_info == FTS_F && folder_unsure(entry) &&
		    !unlinkat(AT_FDCWD, entry->fts_path, 0))
			log_debug("%s: removed, it was not acknowledged", entry->fts_path);
	if (tree)
		fts_close(tree);
}

void folder_walk(const struct folder *folder,
		 void (*found)(void *context, const char *name, uint64_t size, int64_t time),
		 void *context)
{
	char *const paths[] = { (char *)folder->path, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	size_t length = strlen(folder->path);
	FTSENT *entry;

	while (tree && (entry = fts_read(tree)))
		if (entry->fts_info == FTS_F && *entry->fts_name != '.')
			found(context, entry->fts_path + length +
			      (entry->fts_path[length] == '/'),
			      entry->fts_statp->st_size,
			      entry->fts_statp->st_mtim.tv_sec * INT64_C(1000000000) +
			      entry->fts_statp->st_mtim.tv_nsec);
	if (tree)
		fts_close(tree);
}
