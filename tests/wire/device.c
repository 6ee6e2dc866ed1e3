// SPDX-License-Identifier: MIT
/*
 * Preloaded into pcapring-relay: a plain file that is laid out as a capture
 * device is polled as one. PCAPRING_WAKE names a FIFO that its producer writes to
 * when there is more; to PCAPRING_FILTERS, where that is set, go the lengths of the
 * filters that the relay puts into force, a line each.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/pcapring.h>

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

int ioctl(int fd, unsigned long request, ...)
{
	int (*real)(int, unsigned long, void *) = dlsym(RTLD_NEXT, "ioctl");
	const char *path = getenv("PCAPRING_FILTERS");
	const struct pcapring_filter *filter;
	va_list arguments;
	FILE *out;

	va_start(arguments, request);
	filter = va_arg(arguments, const void *);
	va_end(arguments);
	if (request != PCAPRING_IOC_SET_FILTER || !path)
		return real(fd, request, (void *)filter);
	out = fopen(path, "ae");
	if (!out)
		abort();
	fprintf(out, "%u\n", filter->length);
	return fclose(out);
}
