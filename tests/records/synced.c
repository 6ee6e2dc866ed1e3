// SPDX-License-Identifier: MIT
/*
 * A shared object to preload: notes how much of each file its process has
 * synced, so that a test can take away the rest, as a power cut would. For each
 * file there is one in the folder $RECORDS_SYNCED, named by its inode's number,
 * with the number of bytes. Kills its process at a step, which is a sync, in the middle
 * of it, or before a file is created, cut, or gets another name or none: with
 * $RECORDS_DIE of "N MILLISECONDS" it is number N, counted from 1, and lasts so long.
 * Says which one that was.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void synced_path(char *path, size_t size, const struct stat *st)
{
	snprintf(path, size, "%s/%ju", getenv("RECORDS_SYNCED"), (uintmax_t)st->st_ino);
}

static void synced_note(const struct stat *st, intmax_t bytes)
{
	char path[4096];
	char temporary[4200];
	FILE *file;

	synced_path(path, sizeof(path), st);
	snprintf(temporary, sizeof(temporary), "%s.%d", path, gettid());
	file = fopen(temporary, "w");
	if (!file)
		abort();
	fprintf(file, "%jd\n", bytes);
	/* one that is killed here has noted nothing */
	if (fclose(file) || rename(temporary, path))
		abort();
}

static void synced_die(const char *call, const char *name)
{
	static int calls;
	const char *when = getenv("RECORDS_DIE");
	int number, ms;

	if (!when || sscanf(when, "%d %d", &number, &ms) != 2 ||
	    __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) != number)
		return;
	/* a slow disk: the other threads go on meanwhile */
	usleep(ms * 1000);
	dprintf(STDERR_FILENO, "dies at %s %s\n", call, name);
	kill(getpid(), SIGKILL);
}

static void synced_die_at(const char *call, int fd)
{
	char path[64], name[4096];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, name, sizeof(name) - 1);
	name[n < 0 ? 0 : n] = '\0';
	synced_die(call, name);
}

/* What was there before is synced after, and perhaps more. */
static int synced_call(int fd, const char *name)
{
	int (*sync)(int fd) = (int (*)(int))dlsym(RTLD_NEXT, name);
	struct stat st;
	int result;

	synced_die_at(name, fd);
	if (fstat(fd, &st))
		return -1;
	result = sync(fd);
	if (!result && S_ISREG(st.st_mode))
		synced_note(&st, st.st_size);
	return result;
}

int fsync(int fd)
{
	return synced_call(fd, "fsync");
}

int fdatasync(int fd)
{
	return synced_call(fd, "fdatasync");
}

/* What was synced behind the cut is gone; what comes there is not synced yet. */
int ftruncate(int fd, off_t length)
{
	int (*cut)(int fd, off_t length) = (int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate");
	char path[4096];
	struct stat st;
	intmax_t bytes;
	FILE *file;

	synced_die_at("ftruncate", fd);
	if (!fstat(fd, &st)) {
		synced_path(path, sizeof(path), &st);
		file = fopen(path, "r");
		if (file && fscanf(file, "%jd", &bytes) == 1 && bytes > length)
			synced_note(&st, length);
		if (file)
			fclose(file);
	}
	return cut(fd, length);
}

/* Another file may get its number. */
int unlinkat(int folder, const char *name, int flags)
{
	int (*cut)(int folder, const char *name, int flags) =
		(int (*)(int, const char *, int))dlsym(RTLD_NEXT, "unlinkat");
	char path[4096];
	struct stat st;

	synced_die("unlinkat", name);
	if (!fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW)) {
		synced_path(path, sizeof(path), &st);
		unlink(path);
	}
	return cut(folder, name, flags);
}

int renameat2(int from, const char *old, int to, const char *new, unsigned int flags)
{
	int (*move)(int from, const char *old, int to, const char *new, unsigned int flags) =
		(int (*)(int, const char *, int, const char *, unsigned int))
		dlsym(RTLD_NEXT, "renameat2");

	synced_die("renameat2", old);
	return move(from, old, to, new, flags);
}

int renameat(int from, const char *old, int to, const char *new)
{
	int (*move)(int from, const char *old, int to, const char *new) =
		(int (*)(int, const char *, int, const char *))dlsym(RTLD_NEXT, "renameat");

	synced_die("renameat", old);
	return move(from, old, to, new);
}

int openat(int folder, const char *name, int flags, ...)
{
	int (*create)(int folder, const char *name, int flags, ...) =
		(int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat");
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	if (flags & O_CREAT)
		synced_die("openat", name);
	return create(folder, name, flags, mode);
}
