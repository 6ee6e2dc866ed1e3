// SPDX-License-Identifier: MIT
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/log.h"
#include "options.h"
#include "reload.h"

#define OPTIONS	"target = receiver:50051\ndevice = /dev/pcapring0\n"

static char reload_file[] = "/tmp/test_reload.XXXXXX";
static char reload_list[] = "/tmp/test_reload_list.XXXXXX";

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
	static char *argv[] = { "pcapring-relay", "--config", reload_file, NULL };
	static struct options options;

	close(mkstemp(reload_file));
	close(mkstemp(reload_list));
	assert_true(log_to("/dev/null"));
	put(reload_file, OPTIONS);
	put(reload_list, "from = [\"192.0.2.1\"]\n");
	*state = options_open(&options, 3, argv);
	return 0;
}

static int tear_down(void **state)
{
	config_close(*state);
	unlink(reload_file);
	unlink(reload_list);
	strcpy(reload_file + strlen(reload_file) - 6, "XXXXXX");
	strcpy(reload_list + strlen(reload_list) - 6, "XXXXXX");
	log_to(NULL);
	return 0;
}

static void wake(void *context)
{
	(void)context;
}

/* What was read and not taken over is let go of once, whatever comes after it. */
static void test_what_nobody_takes_over_is_forgotten(void **state)
{
	struct reload reload;
	char text[256];

	reload_open(&reload, *state, NULL, NULL, NULL, wake, NULL);
	reload_end(&reload);
	snprintf(text, sizeof(text), OPTIONS "exclude-list = %s\n", reload_list);
	put(reload_file, text);
	reload_run(&reload);
	put(reload_file, "wrong");
	reload_run(&reload);
	reload_run(&reload);
	assert_null(reload.last);
	reload_close(&reload);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_nobody_takes_over_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
