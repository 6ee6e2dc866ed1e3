// SPDX-License-Identifier: MIT
#include "common/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/settings.h"

#define CONFIG_FILES_MAX	16
#define CONFIG_USAGE		2	/* exit status */

enum { CONFIG_KEY_FILE = 0x7000, CONFIG_KEY_CHECK, CONFIG_KEY_LOG };

/**
 * struct config - all that was read
 * @argc, @argv: the command line
 * @files: names that it has
 * @check: it has --check-config
 * @log_file: where to log; NULL: to standard error
 * @failed: something was wrong, and said
 * @options: the program's and those of ours
 * @values: of each of them what argp read last; NULL: it was not there
 * @sources: ... where; NULL: not in a file
 * @settings: of the files
 * @arguments: what argp reads: the program, those of settings, the command line
 * @origins: of the former, the settings
 * @said: what argp_error() says
 */
struct config {
	const struct config_program *program;
	void *input;
	int argc;
	char **argv;
	char *files[CONFIG_FILES_MAX];
	unsigned int file_count;
	bool check;
	const char *log_file;
	bool failed;
	struct argp_option *options;
	const char **values;
	const struct setting **sources;
	struct settings settings;
	char **arguments;
	const struct setting **origins;
	int origin_count;
	FILE *said;
	char *said_text;
	size_t said_size;
};

static const struct argp_option config_options[] = {
	{ "config", CONFIG_KEY_FILE, "FILE", CONFIG_COMMAND_LINE,
	  "Read options from FILE, too, by the same names (-FILE: if it is there); a "
	  "second FILE reads over the first, the command line over both", 90 },
	{ "check-config", CONFIG_KEY_CHECK, NULL, CONFIG_COMMAND_LINE,
	  "Say what is wrong with all of that, and end", 90 },
	{ "log-file", CONFIG_KEY_LOG, "FILE", CONFIG_RELOAD,
	  "Say all that to the end of FILE, instead of on standard error", 90 },
	{ 0 }
};

static void *config_alloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		abort();
	return memory;
}

/* First of all, argp looks for files. */
static error_t config_look(int key, char *arg, struct argp_state *state)
{
	struct config *config = state->input;

	if (key == CONFIG_KEY_CHECK)
		config->check = true;
	if (key != CONFIG_KEY_FILE)
		return 0;
	if (config->file_count == CONFIG_FILES_MAX)
		argp_error(state, "--config %s: these are more than %d files", arg,
			   CONFIG_FILES_MAX);
	config->files[config->file_count++] = arg;
	return 0;
}

/* Where the option that argp reads comes from; NULL: not from a file. */
static const struct setting *config_origin(const struct config *config, int key,
					   const struct argp_state *state)
{
	int i = state->next - 2;

	if (key == ARGP_KEY_ARG || key >= ARGP_KEY_END || i < 0 ||
	    i >= config->origin_count)
		return NULL;
	return config->origins[i];
}

/* Where the option is from that "--option ..." begins with; NULL: not from a file. */
static const struct setting *config_source(const struct config *config, const char *fault)
{
	size_t length = strcspn(fault, " ");

	for (size_t i = 0; !settings_is_end(&config->options[i]); i++) {
		const char *name = config->options[i].name;

		if (name && length == strlen(name) + 2 && !strncmp(fault, "--", 2) &&
		    !strncmp(fault + 2, name, length - 2))
			return config->sources[i];
	}
	return NULL;
}

static void config_tell(struct config *config, const struct setting *setting,
			const char *fault)
{
	if (!setting)
		setting = config_source(config, fault);
	if (setting)
		settings_fault(&config->settings, setting->path, setting->line, "%s",
			       fault + strspn(fault, "-"));
	else
		log_error("%s", fault);
	config->failed = true;
}

/* All that argp_error() said since the last time: ": --...", and a line of its own. */
static void config_hear(struct config *config, const struct setting *setting)
{
	char *rest, *line;

	fflush(config->said);
	if (!config->said_size)
		return;
	rest = config->said_text;
	while ((line = strsep(&rest, "\n")))
		if (!strncmp(line, ": ", 2))
			config_tell(config, setting, line + 2);
	rewind(config->said);
}

static void config_remember(struct config *config, int key, const char *arg,
			    const struct setting *setting)
{
	for (size_t i = 0; !settings_is_end(&config->options[i]); i++) {
		if (config->options[i].key != key)
			continue;
		config->values[i] = arg ? arg : "true";
		config->sources[i] = setting;
	}
}

static error_t config_take_log(struct config *config, const char *arg,
			       struct argp_state *state)
{
	if (!*arg)
		argp_error(state, "--log-file '' is not a file");
	config->log_file = arg;
	return 0;
}

/*
 * The program's parser, and around it what tells argp_error() where to write, and
 * to come back: all that is wrong with files is said, not only the first.
 */
static error_t config_parse(int key, char *arg, struct argp_state *state)
{
	struct config *config = state->input;
	const struct setting *setting = config_origin(config, key, state);
	error_t error;

	if (key == CONFIG_KEY_FILE || key == CONFIG_KEY_CHECK ||
	    (key == ARGP_KEY_END && config->failed))
		return 0;
	if (config->file_count) {
		state->name = "";
		state->err_stream = config->said;
		state->flags |= ARGP_NO_EXIT;
	}
	state->input = config->input;
	if (key == CONFIG_KEY_LOG)
		error = config_take_log(config, arg, state);
	else
		error = config->program->argp->parser(key, arg, state);
	if (config->file_count)
		config_hear(config, setting);
	if (key != ARGP_KEY_ARG && !error)
		config_remember(config, key, arg, setting);
	return error;
}

/* The program's name, what files say, what the command line says, NULL. */
static int config_collect(struct config *config)
{
	const struct settings *settings = &config->settings;
	int count = 0;

	config->arguments = config_alloc(settings->count + config->argc + 1,
					 sizeof(*config->arguments));
	config->origins = config_alloc(settings->count, sizeof(*config->origins));
	config->arguments[count++] = config->argv[0];
	for (size_t i = 1; i < settings->count; i++) {
		if (!settings->list[i].argument)
			continue;
		config->origins[config->origin_count++] = &settings->list[i];
		config->arguments[count++] = settings->list[i].argument;
	}
	for (int i = 1; i < config->argc; i++)
		config->arguments[count++] = config->argv[i];
	return count;
}

static void config_run(struct config *config, argp_parser_t parser, int argc, char **argv)
{
	struct argp argp = *config->program->argp;

	argp.options = config->options;
	argp.parser = parser;
	argp_err_exit_status = CONFIG_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, config))
		config->failed = true;
}

/* argp sorts what it reads. */
static void config_look_for_files(struct config *config)
{
	char **argv = config_alloc(config->argc + 1, sizeof(*argv));

	memcpy(argv, config->argv, config->argc * sizeof(*argv));
	config_run(config, config_look, config->argc, argv);
	free(argv);
}

static void config_join_options(struct config *config)
{
	const struct argp_option *options = config->program->argp->options;
	size_t own = sizeof(config_options) / sizeof(*config_options), count = 0;

	while (!settings_is_end(&options[count]))
		count++;
	config->options = config_alloc(count + own, sizeof(*options));
	memcpy(config->options, options, count * sizeof(*options));
	memcpy(config->options + count, config_options, sizeof(config_options));
	config->values = config_alloc(count + own, sizeof(*config->values));
	config->sources = config_alloc(count + own, sizeof(*config->sources));
}

static struct config *config_read(const struct config_program *program, int argc,
				  char **argv, void *input)
{
	struct config *config = config_alloc(1, sizeof(*config));

	config->program = program;
	config->input = input;
	config->argc = argc;
	config->argv = argv;
	config->said = open_memstream(&config->said_text, &config->said_size);
	if (!config->said)
		abort();
	config_join_options(config);
	config_look_for_files(config);
	settings_open(&config->settings, program, config->options, input);
	for (unsigned int i = 0; i < config->file_count; i++)
		settings_read(&config->settings, config->files[i]);
	config->failed = config->settings.failed;
	argc = config_collect(config);
	config_run(config, config_parse, argc, config->arguments);
	return config;
}

struct config *config_open(const struct config_program *program, int argc,
			   char **argv, void *input)
{
	struct config *config = config_read(program, argc, argv, input);

	if (!config->failed)
		return config;
	config_close(config);
	exit(CONFIG_USAGE);
}

struct config *config_again(const struct config *config, void *input)
{
	struct config *again = config_read(config->program, config->argc, config->argv,
					   input);

	if (!again->failed)
		return again;
	config_close(again);
	return NULL;
}

void config_close(struct config *config)
{
	fclose(config->said);
	free(config->said_text);
	settings_close(&config->settings);
	free(config->options);
	free(config->values);
	free(config->sources);
	free(config->arguments);
	free(config->origins);
	free(config);
}

bool config_can_reload(const struct config *config)
{
	return config->file_count || config->log_file;
}

bool config_log(const struct config *config)
{
	if (log_to(config->log_file))
		return true;
	log_error("--log-file %s: %s", config->log_file, strerror(errno));
	return false;
}

bool config_is_check(const struct config *config)
{
	return config->check;
}

int config_say_checked(bool fine)
{
	if (fine && (puts("configuration ok") == EOF || fflush(stdout)))
		return EXIT_FAILURE;
	return fine ? EXIT_SUCCESS : CONFIG_USAGE;
}

void config_say_fixed(const struct config *old, const struct config *config)
{
	for (size_t i = 0; !settings_is_end(&config->options[i]); i++) {
		const char *was = old->values[i], *is = config->values[i];

		if (config->options[i].flags & CONFIG_RELOAD ||
		    (was && is ? !strcmp(was, is) : was == is))
			continue;
		log_warning("%s: from %s%s%s to %s%s%s needs a restart",
			    config->options[i].name,
			    was ? "'" : "", was ? was : "nothing", was ? "'" : "",
			    is ? "'" : "", is ? is : "nothing", is ? "'" : "");
	}
}
