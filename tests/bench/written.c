// SPDX-License-Identifier: MIT
/*
 * Preloaded into the collector: the file that $BENCH_WRITTEN names, of 8 bytes,
 * has the time at which the last pwritev came back, on CLOCK_MONOTONIC, in
 * nanoseconds. To be told of it instead takes longer than the write.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "clock.h"

static ssize_t (*written_pwritev)(int fd, const struct iovec *list, int count, off_t at);
static int64_t *written_at;

__attribute__((constructor))
static void written_open(void)
{
	int fd = open(getenv("BENCH_WRITTEN"), O_RDWR | O_CLOEXEC);

	written_pwritev = dlsym(RTLD_NEXT, "pwritev");
	written_at = mmap(NULL, sizeof(*written_at), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!written_pwritev || written_at == MAP_FAILED)
		abort();
}

ssize_t pwritev(int fd, const struct iovec *list, int count, off_t at)
{
	ssize_t n = written_pwritev(fd, list, count, at);

	__atomic_store_n(written_at, clock_now(), __ATOMIC_RELEASE);
	return n;
}
