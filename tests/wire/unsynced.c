// SPDX-License-Identifier: MIT
/*
 * A shared object to preload: while the file $UNSYNCED is there, no other regular file
 * can be synced, as on a disk that is found to be full only then. When that was goes to
 * $UNSYNCED, in nanoseconds of CLOCK_MONOTONIC, a line each. Of $UNSYNCED_NAME, only
 * files whose names have that in them fail, as where a disk is bad.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* @return errno for the file; 0: it is none of those. */
static int unsynced_error(int fd)
{
	const char *part = getenv("UNSYNCED_NAME");
	char link[64], name[4096] = "";
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return 0;
	if (!part)
		return ENOSPC;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, name, sizeof(name) - 1) > 0 && strstr(name, part) ? EIO : 0;
}

static int unsynced_fail(int error)
{
	int fd = open(getenv("UNSYNCED"), O_WRONLY | O_APPEND | O_CLOEXEC);
	struct timespec now;

	if (fd < 0)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	dprintf(fd, "%ju\n", (uintmax_t)now.tv_sec * 1000000000 + now.tv_nsec);
	close(fd);
	errno = error;
	return -1;
}

int fdatasync(int fd)
{
	int (*sync)(int fd) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	int error = unsynced_error(fd);

	if (error && unsynced_fail(error))
		return -1;
	return sync(fd);
}
