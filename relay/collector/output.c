// SPDX-License-Identifier: MIT
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

/* How long a program that stops waits for a reader that is slow. */
#define OUTPUT_GRACE_MS	1000

bool output_fits(const struct output *output, const char *package,
		 struct call_status *status)
{
	if (!output->package || !strcmp(output->package, package))
		return true;
	call_fail(status, CALL_RESOURCE_EXHAUSTED,
		  "standard output has begun with packets that came by %s",
		  output->package);
	return false;
}

int output_open(void)
{
	struct stat st;
	int fd = -1;

	if (!fstat(STDOUT_FILENO, &st) && S_ISFIFO(st.st_mode))
		fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : fd;
}

bool output_wait(int fd, int stop_fd)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLOUT },
		{ .fd = stop_fd, .events = POLLIN },
	};

	if (poll(fds, 2, -1) < 0)
		return errno == EINTR;
	if (fds[0].revents || poll(fds, 1, OUTPUT_GRACE_MS) > 0)
		return true;
	errno = ETIMEDOUT;
	return false;
}

void output_fail(struct output *output, int error, const char *text)
{
	if (error == EPIPE)
		log_info("nobody reads standard output any more");
	else
		log_error("%s", text);
	output->stop();
}
