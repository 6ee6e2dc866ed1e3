// SPDX-License-Identifier: MIT
/*
 * A shared object to preload: while the file $UNSYNCED is there, no other regular file
 * can be synced, as on a disk that is found to be full only then. When that was goes to
 * $UNSYNCED, in nanoseconds of CLOCK_MONOTONIC, a line each.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int unsynced_fail(void)
{
	int fd = open(getenv("UNSYNCED"), O_WRONLY | O_APPEND | O_CLOEXEC);
	struct timespec now;

	if (fd < 0)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	dprintf(fd, "%ju\n", (uintmax_t)now.tv_sec * 1000000000 + now.tv_nsec);
	close(fd);
	errno = ENOSPC;
	return -1;
}

int fdatasync(int fd)
{
	int (*sync)(int fd) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	struct stat st;

	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && unsynced_fail())
		return -1;
	return sync(fd);
}
