// SPDX-License-Identifier: MIT
/*
 * A shared object to preload: notes how much of each file its process has
 * synced, so that a test can take away the rest, as a power cut would. For each
 * file there is one in the folder $RECORDS_SYNCED, named by its inode's number,
 * with the number of bytes. Kills its process in the middle of a sync, or before a
 * file gets another name or none: with $RECORDS_DIE of "N MILLISECONDS" it is number
 * N, counted from 1, and lasts so long.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
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

static void synced_die(void)
{
	static int calls;
	const char *when = getenv("RECORDS_DIE");
	int number, ms;

	if (!when || sscanf(when, "%d %d", &number, &ms) != 2 ||
	    __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) != number)
		return;
	/* a slow disk: the other threads go on meanwhile */
	usleep(ms * 1000);
	kill(getpid(), SIGKILL);
}

/* What was there before is synced after, and perhaps more. */
static int synced_call(int fd, const char *name)
{
	int (*sync)(int fd) = (int (*)(int))dlsym(RTLD_NEXT, name);
	struct stat st;
	int result;

	synced_die();
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

	synced_die();
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

	synced_die();
	return move(from, old, to, new, flags);
}

int renameat(int from, const char *old, int to, const char *new)
{
	int (*move)(int from, const char *old, int to, const char *new) =
		(int (*)(int, const char *, int, const char *))dlsym(RTLD_NEXT, "renameat");

	synced_die();
	return move(from, old, to, new);
}
