// SPDX-License-Identifier: MIT
/*
 * Preloaded into pcapring-relay: a plain file that is laid out as a capture
 * device is polled as one. PCAPRING_WAKE names a FIFO that its producer writes to
 * when there is more.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

static int device_fifo = -1;
static uint64_t device_data;

static bool device_is(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && getenv("PCAPRING_WAKE");
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	int (*real)(int, int, int, struct epoll_event *) = dlsym(RTLD_NEXT, "epoll_ctl");

	if (!device_is(fd))
		return real(epoll, operation, fd, event);
	if (device_fifo < 0)
		device_fifo = open(getenv("PCAPRING_WAKE"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (event)
		device_data = event->data.u64;
	return real(epoll, operation, device_fifo, event);
}

/* What was told is taken before anybody looks: what comes then tells again. */
int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout)
{
	int (*real)(int, struct epoll_event *, int, int) = dlsym(RTLD_NEXT, "epoll_wait");
	int n = real(epoll, events, most, timeout);
	int error = errno;
	char bytes[4096];

	for (int i = 0; i < n; i++)
		if (device_fifo >= 0 && events[i].data.u64 == device_data)
			while (read(device_fifo, bytes, sizeof(bytes)) > 0)
				;
	errno = error;
	return n;
}
