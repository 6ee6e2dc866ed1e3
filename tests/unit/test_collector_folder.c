// SPDX-License-Identifier: MIT
/* folder: names that are given while files go on from one stage to the next. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/files/folder.h"

#define NAME	"x.pcap"
#define CALLS	9	/* more than folder_create() looks at the directory */

static char path[] = "/tmp/pcapring-unit-XXXXXX";
static struct folder *folder;

/* What others do with a file of that name, step by step. */
static void adopt(void)
{
	assert_true(folder_adopt(folder, NAME));
}

static void complete(void)
{
	assert_true(folder_complete(folder, NAME));
}

static void pack(void)
{
	int fd = openat(folder_fd(folder), NAME ".zst", O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void drop(void)
{
	assert_int_equal(unlinkat(folder_fd(folder), NAME, 0), 0);
}

static void (*const steps[])(void) = { adopt, complete, pack, drop };

#define STEPS	(sizeof(steps) / sizeof(*steps))

/* Before which look at the directory each step is taken; and which are next. */
static unsigned int moments[STEPS];
static unsigned int looks, step = STEPS;

static void look(void)
{
	static bool busy;

	if (busy)
		return;
	busy = true;
	for (; step < STEPS && moments[step] <= looks; step++)
		steps[step]();
	looks++;
	busy = false;
}

int __real_faccessat(int fd, const char *name, int mode, int flags);
int __wrap_faccessat(int fd, const char *name, int mode, int flags);
int __real_openat(int fd, const char *name, int flags, ...);
int __wrap_openat(int fd, const char *name, int flags, ...);

int __wrap_faccessat(int fd, const char *name, int mode, int flags)
{
	look();
	return __real_faccessat(fd, name, mode, flags);
}

int __wrap_openat(int fd, const char *name, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	look();
	va_start(arguments, flags);
	mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return __real_openat(fd, name, flags, mode);
}

static void forget(void)
{
	folder_forget(folder, NAME);
	unlinkat(folder_fd(folder), NAME, 0);
	unlinkat(folder_fd(folder), NAME ".zst", 0);
}

/* The next choice of moments, none before the one of the step before. */
static bool next_moments(void)
{
	for (unsigned int i = STEPS; i--;) {
		if (moments[i] == CALLS)
			continue;
		moments[i]++;
		for (unsigned int j = i + 1; j < STEPS; j++)
			moments[j] = moments[i];
		return true;
	}
	return false;
}

static void a_name_is_taken_whatever_stage_it_reaches_meanwhile(void **state)
{
	(void)state;
	do {
		int fd = folder_create(folder, NAME), other;

		assert_true(fd >= 0);
		looks = step = 0;
		other = folder_create(folder, NAME);
		step = STEPS;
		if (other >= 0)
			fail_msg("created again, with steps before looks %u %u %u %u",
				 moments[0], moments[1], moments[2], moments[3]);
		assert_int_equal(errno, EEXIST);
		close(fd);
		forget();
	} while (next_moments());
}

static void one_that_is_gone_is_free(void **state)
{
	int fd = folder_create(folder, NAME), other;

	(void)state;
	assert_true(fd >= 0);
	folder_forget(folder, NAME);
	other = folder_create(folder, NAME);
	assert_true(other >= 0);
	close(other);
	close(fd);
	forget();
}

static int begin(void **state)
{
	(void)state;
	folder = mkdtemp(path) ? folder_open(path) : NULL;
	return folder ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	folder_close(folder);
	return rmdir(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_taken_whatever_stage_it_reaches_meanwhile),
		cmocka_unit_test(one_that_is_gone_is_free),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector folder", tests, begin, end);
}
