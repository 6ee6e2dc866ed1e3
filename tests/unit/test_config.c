// SPDX-License-Identifier: MIT
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/inifile.h"
#include "common/log.h"
#include "common/near.h"

#define FILES	2

/* What a program could have: a value, a flag, a number that is checked, sections. */
struct input {
	const char *write;
	const char *listen;
	bool loud;
	int sync;
	char sections[512];
};

/**
 * struct world - files, and what is logged
 * @paths: of files; @argv: names them all
 */
struct world {
	char folder[32];
	char paths[FILES][64];
	char log[64];
	char said[4096];
	struct input input;
	char *argv[16];
	int argc;
};

static const struct argp_option test_options[] = {
	{ "write", 'w', "FILE", 0, "", 1 },
	{ "listen", 'l', "ADDR", CONFIG_RELOAD, "", 1 },
	{ "loud", 'L', NULL, 0, "", 1 },
	{ "sync", 's', "SECONDS", CONFIG_RELOAD, "", 1 },
	{ "report", 'r', "FILE", CONFIG_COMMAND_LINE, "", 1 },
	{ 0 }
};

static error_t test_parse(int key, char *arg, struct argp_state *state)
{
	struct input *input = state->input;

	switch (key) {
	case 'w':
		input->write = arg;
		return 0;
	case 'l':
		input->listen = arg;
		return 0;
	case 'L':
		input->loud = true;
		return 0;
	case 's':
		input->sync = atoi(arg);
		if (!input->sync)
			argp_error(state, "--sync %s: give it seconds", arg);
		return 0;
	case ARGP_KEY_END:
		if (!input->write)
			argp_error(state, "--write is missing");
		if (input->write && input->listen && !strcmp(input->write, input->listen))
			argp_error(state, "--listen %s is --write, too", input->listen);
		if (input->sync == 99)
			argp_error(state, "--sync 99 is too long for --write");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static bool test_section(void *context, const struct config_line *line,
			 char fault[CONFIG_FAULT_MAX])
{
	struct input *input = context;
	size_t length = strlen(input->sections);

	if (line->key && !strcmp(line->key, "wrong")) {
		snprintf(fault, CONFIG_FAULT_MAX, "unknown key 'wrong'; expected token");
		return false;
	}
	snprintf(input->sections + length, sizeof(input->sections) - length,
		 "%.100s.%s=%s;", line->name, line->key ? line->key : "",
		 line->value ? line->value : "");
	return true;
}

static const struct argp test_argp = { .options = test_options, .parser = test_parse };
static const struct config_section test_sections[] = { { "sensor", test_section }, { 0 } };
static const struct config_program test_program = {
	.name = "program", .argp = &test_argp, .sections = test_sections,
};

static void put(const struct world *world, int file, const char *text, size_t size)
{
	FILE *out = fopen(world->paths[file], "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
}

static void put_text(const struct world *world, int file, const char *text)
{
	put(world, file, text, strlen(text));
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	char folder[] = "/tmp/test_config.XXXXXX";

	assert_non_null(world);
	assert_non_null(mkdtemp(folder));
	strcpy(world->folder, folder);
	world->argv[world->argc++] = "program";
	for (int i = 0; i < FILES; i++) {
		snprintf(world->paths[i], sizeof(world->paths[i]), "%s/%d.conf",
			 folder, i);
		put_text(world, i, "");
		world->argv[world->argc++] = "--config";
		world->argv[world->argc++] = world->paths[i];
	}
	snprintf(world->log, sizeof(world->log), "%s/log", folder);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	log_to(NULL);
	for (int i = 0; i < FILES; i++)
		unlink(world->paths[i]);
	unlink(world->log);
	rmdir(world->folder);
	free(world);
	return 0;
}

/* From here on, with a file that is right. */
static struct config *begin(struct world *world)
{
	put_text(world, 0, "write = x\n");
	return config_open(&test_program, world->argc, world->argv, &world->input);
}

/* What is logged from here on, until hear(). */
static void listen(struct world *world)
{
	unlink(world->log);
	assert_true(log_to(world->log));
}

static void hear(struct world *world)
{
	FILE *log = fopen(world->log, "r");
	size_t size;

	log_to(NULL);
	assert_non_null(log);
	size = fread(world->said, 1, sizeof(world->said) - 1, log);
	world->said[size] = '\0';
	fclose(log);
}

static struct config *again(struct world *world, const struct config *config)
{
	struct config *read;

	listen(world);
	world->input = (struct input) {};
	read = config_again(config, &world->input);
	hear(world);
	return read;
}

static void read_well(struct world *world, struct config *config)
{
	struct config *read = again(world, config);

	if (!read)
		fail_msg("%s", world->said);
	assert_string_equal(world->said, "");
	config_close(read);
}

static void test_later_files_read_over_earlier_ones(void **state)
{
	struct world *world = *state;
	struct config *config = begin(world);

	put_text(world, 0, "write = /a b/c\nlisten=x\nloud = true\nsync = 3\n");
	put_text(world, 1, "# more\n\n  listen =  y = z \r\nloud=false\n");
	read_well(world, config);
	assert_int_equal(world->input.sync, 3);
	assert_false(world->input.loud);
	config_close(config);
}

static void test_values_are_all_that_is_behind_the_sign(void **state)
{
	struct world *world = *state;
	struct config *config = begin(world);
	struct config *read;

	put_text(world, 0, "write =  \"a\" = b ; c # d \r\nlisten=");
	read = again(world, config);
	assert_non_null(read);
	assert_string_equal(world->input.write, "\"a\" = b ; c # d");
	assert_string_equal(world->input.listen, "");
	config_close(read);
	config_close(config);
}

static void test_the_command_line_reads_over_files(void **state)
{
	struct world *world = *state;
	struct config *config;

	put_text(world, 0, "write = x\nsync = 1\nlisten = y\n");
	world->argv[world->argc++] = "--sync";
	world->argv[world->argc++] = "7";
	world->argv[world->argc++] = "--check-config";
	config = config_open(&test_program, world->argc, world->argv, &world->input);
	assert_int_equal(world->input.sync, 7);
	assert_string_equal(world->input.write, "x");
	assert_true(config_is_check(config));
	assert_true(config_can_reload(config));
	config_close(config);
}

static void test_without_files_nothing_is_read_again(void **state)
{
	struct world *world = *state;
	char *argv[] = { "program", "--write=x", NULL };
	struct config *config = config_open(&test_program, 2, argv, &world->input);

	assert_string_equal(world->input.write, "x");
	assert_false(config_can_reload(config));
	assert_false(config_is_check(config));
	config_close(config);
}

static void test_a_file_may_be_missing_where_that_is_said(void **state)
{
	struct world *world = *state;
	struct config *config = begin(world), *other;
	char optional[80];

	unlink(world->paths[1]);
	assert_null(again(world, config));
	assert_non_null(strstr(world->said, "No such file or directory"));
	snprintf(optional, sizeof(optional), "-%s", world->paths[1]);
	world->argv[4] = optional;
	other = config_open(&test_program, world->argc, world->argv, &world->input);
	read_well(world, other);
	config_close(other);
	config_close(config);
}

static void test_what_is_wrong_is_said_with_file_and_line(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *said;
	} bad[] = {
		{ "wrte = x\n", 1, "unknown key 'wrte'; did you mean 'write'?" },
		{ "\n\nzzzzzzzzzzzz = x\n", 3, "unknown key 'zzzzzzzzzzzz'; expected" },
		{ "wri = x\n", 1, "unknown key 'wri'" },
		{ "write\n", 1, "expected KEY = VALUE" },
		{ "= x\n", 1, "expected KEY = VALUE" },
		{ "loud = yes\n", 1, "loud 'yes': expected true or false" },
		{ "loud = \n", 1, "loud '': expected true or false" },
		{ "listen = x\nsync = y\n", 2, "sync y: give it seconds" },
		{ "sync = 1\nsync = 2\n", 2, "sync is there twice, first in line 1" },
		{ "report = x\n", 1, "'report' is for the command line only" },
		{ "config = x\n", 1, "'config' is for the command line only" },
		{ "check-config = true\n", 1, "'check-config' is for the command line only" },
		{ "[sensors]\n", 1, "unknown section [sensors]; expected [sensor NAME]" },
		{ "[sensor\n", 1, "expected [SECTION] on a line of its own" },
		{ "[sensor x] y\n", 1, "expected [SECTION] on a line of its own" },
		{ "[sensor x]\na=1\n[sensor x]\n", 3, "sensor x is there twice, first in line 1" },
		{ "[sensor x]\na=1\na=2\n", 3, "a is there twice, first in line 2" },
		{ "[sensor x]\nwrong=1\n", 2, "unknown key 'wrong'; expected token" },
		{ "listen = \033[2J\n", 1, "expected text" },
		{ "log-file =\n", 1, "log-file '' is not a file" },
	};
	struct world *world = *state;
	struct config *config = begin(world);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char expected[512];

		put_text(world, 1, bad[i].text);
		assert_null(again(world, config));
		snprintf(expected, sizeof(expected), ": %s:%u: %s", world->paths[1],
			 bad[i].line, bad[i].said);
		if (!strstr(world->said, expected))
			fail_msg("expected \"%s\" in \"%s\"", expected, world->said);
		assert_ptr_equal(strchr(world->said, '\n') + 1, strchr(world->said, '\0'));
	}
	config_close(config);
}

static void test_bytes_that_are_no_text_are_refused(void **state)
{
	struct world *world = *state;
	struct config *config = begin(world);
	char line[INIFILE_LINE_MAX + 16] = "listen = ";

	put(world, 1, "listen = a\0b\n", 13);
	assert_null(again(world, config));
	assert_non_null(strstr(world->said, "1.conf:1: expected text"));

	memset(line + 9, 'x', sizeof(line) - 10);
	put_text(world, 1, line);
	assert_null(again(world, config));
	assert_non_null(strstr(world->said, "1.conf:1: expected a line of at most 4093 bytes"));
	line[4093] = '\0';
	put_text(world, 1, line);
	read_well(world, config);
	config_close(config);
}

static void test_all_that_is_wrong_is_said_at_once(void **state)
{
	struct world *world = *state;
	struct config *config = begin(world);
	int lines = 0;

	put_text(world, 0, "wrong = x\nsync = y\nloud = z\n");
	put_text(world, 1, "sync = x\n[nothing]\nunheard = of\n");
	assert_null(again(world, config));
	for (const char *p = world->said; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 5);
	/* but not what comes of that */
	assert_null(strstr(world->said, "missing"));
	config_close(config);
}

static void test_what_is_missing_is_said(void **state)
{
	struct world *world = *state;
	struct config *config = begin(world);

	put_text(world, 0, "sync = 1\n");
	assert_null(again(world, config));
	assert_non_null(strstr(world->said, "--write is missing\n"));
	config_close(config);
}

/* ... and each of it, with the line of the option that it begins with. */
static void test_what_does_not_fit_is_said_with_file_and_line(void **state)
{
	struct world *world = *state;
	struct config *config = begin(world);
	char expected[1024];

	put_text(world, 0, "listen = x\nsync = 99\n");
	put_text(world, 1, "\nsync = 99\nwrite = x\n");
	assert_null(again(world, config));
	snprintf(expected, sizeof(expected), "%s:1: listen x is --write, too\n", world->paths[0]);
	assert_non_null(strstr(world->said, expected));
	snprintf(expected, sizeof(expected), "%s:2: sync 99 is too long", world->paths[1]);
	assert_non_null(strstr(world->said, expected));
	config_close(config);
}

static void test_what_the_command_line_says_has_no_file(void **state)
{
	struct world *world = *state;
	struct config *config;

	world->argv[world->argc++] = "--listen=y";
	config = begin(world);
	put_text(world, 0, "write = y\nlisten = x\n");
	assert_null(again(world, config));
	assert_non_null(strstr(world->said, ": --listen y is --write, too\n"));
	config_close(config);
}

static void test_sections_are_told_to_whose_they_are(void **state)
{
	struct world *world = *state;
	struct config *config = begin(world);
	char text[1024], name[301] = "";

	put_text(world, 0, "write = x\n[sensor a b]\nt = 1\n[sensor  c]\n");
	put_text(world, 1, "[sensor a b]\nt = 2\nu:3\n");
	read_well(world, config);
	assert_string_equal(world->input.sections, "a b.=;a b.t=1;c.=;a b.=;a b.t=2;a b.u=3;");

	/* longer than inih's own */
	memset(name, 'n', 300);
	snprintf(text, sizeof(text), "[sensor %s]\n[sensor %.299s]\n", name, name);
	put_text(world, 1, text);
	read_well(world, config);
	config_close(config);
}

static void say_fixed(struct world *world, const struct config *old,
		      const struct config *config)
{
	listen(world);
	config_say_fixed(old, config);
	hear(world);
}

static void test_only_what_needs_a_restart_is_named(void **state)
{
	struct world *world = *state;
	struct config *config = begin(world), *read;

	put_text(world, 0, "write = y\nsync = 9\nlisten = z\nloud = true\n");
	read = again(world, config);
	assert_non_null(read);
	say_fixed(world, config, read);
	assert_non_null(strstr(world->said, "write: from 'x' to 'y' needs a restart"));
	assert_non_null(strstr(world->said, "loud: from nothing to 'true' needs a restart"));
	assert_null(strstr(world->said, "sync"));
	assert_null(strstr(world->said, "listen"));
	say_fixed(world, read, read);
	assert_string_equal(world->said, "");
	config_close(read);
	config_close(config);
}

static void test_near_words_are_few_letters_apart(void **state)
{
	(void)state;
	assert_int_equal(near_distance("", ""), 0);
	assert_int_equal(near_distance("listen", "listen"), 0);
	assert_int_equal(near_distance("listen", "lsten"), 1);
	assert_int_equal(near_distance("listen", "litsen"), 2);
	assert_int_equal(near_distance("kitten", "sitting"), 3);
	assert_int_equal(near_distance("", "abc"), 3);
	assert_int_equal(near_distance("a", "0123456789012345678901234567890123456789012345678"),
			 NEAR_WORD_MAX);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_later_files_read_over_earlier_ones),
		TEST(test_values_are_all_that_is_behind_the_sign),
		TEST(test_the_command_line_reads_over_files),
		TEST(test_without_files_nothing_is_read_again),
		TEST(test_a_file_may_be_missing_where_that_is_said),
		TEST(test_what_is_wrong_is_said_with_file_and_line),
		TEST(test_bytes_that_are_no_text_are_refused),
		TEST(test_all_that_is_wrong_is_said_at_once),
		TEST(test_what_is_missing_is_said),
		TEST(test_what_does_not_fit_is_said_with_file_and_line),
		TEST(test_what_the_command_line_says_has_no_file),
		TEST(test_sections_are_told_to_whose_they_are),
		TEST(test_only_what_needs_a_restart_is_named),
		cmocka_unit_test(test_near_words_are_few_letters_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
