// SPDX-License-Identifier: MIT

#include <err.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "coverage.h"

#define PLACES		(1 << 18) /* words shared with the kernel */
#define KNOWN		(1 << 20) /* slots of the table, a power of two */

static unsigned long *places; /* [0]: how many follow */
static unsigned long known[KNOWN];
static unsigned int total;

bool coverage_open(void)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (ioctl(fd, KCOV_INIT_TRACE, PLACES))
		err(1, "kcov");
	places = mmap(NULL, PLACES * sizeof(*places), PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	if (places == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		err(1, "kcov");
	return true;
}

void coverage_begin(void)
{
	if (places)
		__atomic_store_n(&places[0], 0, __ATOMIC_RELAXED);
}

static bool coverage_is_new(unsigned long place)
{
	unsigned long slot = place * 0x9e3779b97f4a7c15 >> 44;

	while (known[slot] && known[slot] != place)
		slot = (slot + 1) % KNOWN;
	if (known[slot] == place || total > KNOWN / 2)
		return false;
	known[slot] = place;
	total++;
	return true;
}

unsigned int coverage_end(void)
{
	unsigned int count = 0;
	unsigned long i, reached;

	if (!places)
		return 0;
	reached = __atomic_load_n(&places[0], __ATOMIC_RELAXED);
	for (i = 1; i <= reached && i < PLACES; i++)
		count += coverage_is_new(places[i]);
	return count;
}

unsigned int coverage_total(void)
{
	return total;
}
