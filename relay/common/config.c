// SPDX-License-Identifier: MIT
#include "common/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/inifile.h"
#include "common/log.h"
#include "common/near.h"

#define CONFIG_FILES_MAX	16
#define CONFIG_USAGE		2	/* exit status */

enum { CONFIG_KEY_FILE = 0x7000, CONFIG_KEY_CHECK };

/**
 * struct config_entry - a line of a file
 * @file: its number
 * @begin: in a section, the entry that began it; 0: an option
 * @key: NULL: a section begins, whose name is @value
 * @argument: of an option, as argp reads it; NULL: none
 */
struct config_entry {
	unsigned int file;
	unsigned int line;
	size_t begin;
	char *key;
	char *value;
	char *argument;
};

/**
 * struct config - all that was read
 * @argc, @argv: the command line
 * @files: names that it has
 * @file: the one that is read
 * @check: there is --check-config
 * @failed: something was wrong, and said
 * @entries: of all files, in order; the first one is none
 * @begin: the entry that began the section that is read; 0: none
 * @section: its kind; NULL: one that nobody knows
 * @options: the program's and those of ours
 * @values: of each of them what argp read last; NULL: it was not there
 * @arguments: what argp reads: the program, those of entries, the command line
 * @origins: of the former, the entries
 * @said: what argp_error() says
 */
struct config {
	const struct config_program *program;
	void *input;
	int argc;
	char **argv;
	char *files[CONFIG_FILES_MAX];
	unsigned int file_count;
	unsigned int file;
	bool check;
	bool failed;
	struct config_entry *entries;
	size_t entry_count;
	size_t begin;
	const struct config_section *section;
	struct argp_option *options;
	const char **values;
	char **arguments;
	size_t *origins;
	int origin_count;
	FILE *said;
	char *said_text;
	size_t said_size;
};

static const struct argp_option config_options[] = {
	{ "config", CONFIG_KEY_FILE, "FILE", CONFIG_COMMAND_LINE,
	  "Read options from FILE, too, by the same names; a second FILE reads over "
	  "the first, the command line over both", 90 },
	{ "check-config", CONFIG_KEY_CHECK, NULL, CONFIG_COMMAND_LINE,
	  "Say what is wrong with all of that, and end", 90 },
	{ 0 }
};

static void *config_alloc(void *memory, size_t count, size_t size)
{
	memory = reallocarray(memory, count, size);
	if (!memory)
		abort();
	return memory;
}

static char *config_copy(const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		abort();
	return copy;
}

static void config_fault(struct config *config, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void config_fault(struct config *config, unsigned int line, const char *format, ...)
{
	char fault[2 * CONFIG_FAULT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(fault, sizeof(fault), format, arguments);
	va_end(arguments);
	log_error("%s:%u: %s", config->files[config->file], line, fault);
	config->failed = true;
}

static bool config_is_end(const struct argp_option *option)
{
	return !option->name && !option->key && !option->doc;
}

static const struct argp_option *config_find(const struct argp_option *options,
					     const char *key)
{
	for (; !config_is_end(options); options++)
		if (options->name && !strcmp(options->name, key))
			return options;
	return NULL;
}

/* The key that may have been meant; NULL: none is near. */
static const char *config_near(const struct argp_option *options, const char *key)
{
	unsigned int best = 1 + strlen(key) / 3;
	const char *near = NULL;

	for (; !config_is_end(options); options++) {
		unsigned int distance;

		if (!options->name || options->flags & CONFIG_COMMAND_LINE)
			continue;
		distance = near_distance(options->name, key);
		if (distance > best || (near && distance == best))
			continue;
		best = distance;
		near = options->name;
	}
	return near;
}

/* The option of a key that files may have. */
static const struct argp_option *config_option(struct config *config,
					       const struct inifile_line *line)
{
	const struct argp_option *option = config_find(config->options, line->key);
	const char *near;

	if (option && !(option->flags & CONFIG_COMMAND_LINE))
		return option;
	near = config_near(config->options, line->key);
	if (option)
		config_fault(config, line->number, "'%s' is for the command line only",
			     line->key);
	else if (near)
		config_fault(config, line->number, "unknown key '%s'; did you mean '%s'?",
			     line->key, near);
	else
		config_fault(config, line->number, "unknown key '%s'; expected a long option of %s --help, without its --",
			     line->key, config->program->name);
	return NULL;
}

/* The line of the same key, or section, in this file; NULL: it is new. */
static const struct config_entry *config_twice(const struct config *config,
					       const struct inifile_line *line,
					       const char *section)
{
	for (size_t i = 1; i < config->entry_count; i++) {
		const struct config_entry *entry = &config->entries[i];

		if (entry->file != config->file)
			continue;
		if (line->key ? entry->key && entry->begin == config->begin &&
				!strcmp(entry->key, line->key) :
				!entry->key && !strcmp(entry->value, section))
			return entry;
	}
	return NULL;
}

/* False: it was said that it is there twice. @value: the line's, or the section. */
static bool config_add(struct config *config, const struct inifile_line *line,
		       const char *value)
{
	const struct config_entry *twice = config_twice(config, line, value);

	if (twice) {
		config_fault(config, line->number, "%s is there twice, first in line %u",
			     line->key ? line->key : line->section, twice->line);
		return false;
	}
	config->entries = config_alloc(config->entries, config->entry_count + 1,
				       sizeof(*config->entries));
	config->entries[config->entry_count++] = (struct config_entry) {
		.file = config->file,
		.line = line->number,
		.begin = config->begin,
		.key = config_copy(line->key),
		.value = config_copy(value),
	};
	return true;
}

/* Flags of files before this one are out of force: one of them may say "false". */
static void config_drop(struct config *config, const char *key)
{
	for (size_t i = 1; i < config->entry_count; i++) {
		struct config_entry *entry = &config->entries[i];

		if (entry->begin || !entry->key || strcmp(entry->key, key))
			continue;
		free(entry->argument);
		entry->argument = NULL;
	}
}

static void config_take_option(struct config *config, const struct inifile_line *line)
{
	const struct argp_option *option = config_option(config, line);
	char **argument;

	if (!option || !config_add(config, line, line->value))
		return;
	argument = &config->entries[config->entry_count - 1].argument;
	if (option->arg) {
		if (asprintf(argument, "--%s=%s", line->key, line->value) < 0)
			abort();
		return;
	}
	config_drop(config, line->key);
	if (!strcmp(line->value, "true")) {
		if (asprintf(argument, "--%s", line->key) < 0)
			abort();
	} else if (strcmp(line->value, "false")) {
		config_fault(config, line->number, "%s '%s': expected true or false",
			     line->key, line->value);
	}
}

/* What is behind the word and blanks; NULL: it is another word. */
static const char *config_name(const char *section, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(section, word, length) || (section[length] && section[length] != ' '))
		return NULL;
	return section + length + strspn(section + length, " ");
}

/* Its own section, without NULL, and the name in it. */
static const struct config_section *config_kind(const struct config *config,
						const char *section)
{
	const struct config_section *kind = config->program->sections;

	for (; kind && kind->word; kind++)
		if (config_name(section, kind->word))
			return kind;
	return NULL;
}

static void config_take_begin(struct config *config, const struct inifile_line *line)
{
	const struct config_section *first = config->program->sections;
	size_t begin = config->entry_count;

	config->section = config_kind(config, line->section);
	config->begin = 0;
	if (!config->section && first)
		config_fault(config, line->number, "unknown section [%s]; expected [%s NAME]",
			     line->section, first->word);
	else if (!config->section)
		config_fault(config, line->number, "section [%s]: %s has none",
			     line->section, config->program->name);
	else if (!config_add(config, line, line->section))
		config->section = NULL;
	config->begin = begin;
}

static void config_take_section(struct config *config, const struct inifile_line *line)
{
	const struct config_entry *entry;
	char fault[CONFIG_FAULT_MAX] = "";

	if (!line->key)
		config_take_begin(config, line);
	if (!config->section ||
	    (line->key && !config_add(config, line, line->value)))
		return;
	entry = &config->entries[config->entry_count - 1];
	if (!config->section->take(config->input, &(struct config_line){
			.file = config->files[config->file],
			.line = line->number,
			.name = config_name(config->entries[config->begin].value,
					    config->section->word),
			.key = entry->key,
			.value = entry->key ? entry->value : NULL,
		}, fault))
		config_fault(config, line->number, "%s", fault);
}

static void config_take(void *context, const struct inifile_line *line)
{
	struct config *config = context;

	if (line->section)
		config_take_section(config, line);
	else
		config_take_option(config, line);
}

static void config_expected(void *context, unsigned int number, const char *expected)
{
	config_fault(context, number, "expected %s", expected);
}

static void config_read_file(struct config *config)
{
	const char *path = config->files[config->file];
	size_t size;
	char *text = inifile_read(path, &size);

	if (!text) {
		log_error("%s: %s%s", path, strerror(errno), errno == EFBIG ?
			  ": it may have 1 MiB" : errno == EACCES ?
			  "; make it readable for the service's group (chgrp, then chmod 0640)" : "");
		config->failed = true;
		return;
	}
	config->begin = 0;
	inifile_parse(text, size, &(struct inifile_taker){
		.take = config_take, .fault = config_expected, .context = config,
	});
	free(text);
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
static const struct config_entry *config_origin(const struct config *config, int key,
						const struct argp_state *state)
{
	int i = state->next - 2;

	if (key == ARGP_KEY_ARG || key >= ARGP_KEY_END || i < 0 ||
	    i >= config->origin_count)
		return NULL;
	return &config->entries[config->origins[i]];
}

/* What argp_error() said since the last time; it begins with ": --". */
static void config_hear(struct config *config, const struct config_entry *entry)
{
	char *fault;

	fflush(config->said);
	if (!config->said_size)
		return;
	fault = config->said_text + strspn(config->said_text, ": ");
	fault[strcspn(fault, "\n")] = '\0';
	if (entry) {
		config->file = entry->file;
		config_fault(config, entry->line, "%s", fault + strspn(fault, "-"));
	} else {
		log_error("%s", fault);
	}
	config->failed = true;
	rewind(config->said);
}

static void config_remember(struct config *config, int key, const char *arg)
{
	for (size_t i = 0; !config_is_end(&config->options[i]); i++)
		if (config->options[i].key == key)
			config->values[i] = arg ? arg : "true";
}

/*
 * The program's parser, and around it what tells argp_error() where to write, and
 * to come back: all that is wrong with files is said, not only the first.
 */
static error_t config_parse(int key, char *arg, struct argp_state *state)
{
	struct config *config = state->input;
	const struct config_entry *entry = config_origin(config, key, state);
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
	error = config->program->argp->parser(key, arg, state);
	if (config->file_count)
		config_hear(config, entry);
	if (key != ARGP_KEY_ARG && !error)
		config_remember(config, key, arg);
	return error;
}

/* The program's name, what files say, what the command line says, NULL. */
static int config_collect(struct config *config)
{
	int count = 0;

	config->arguments = config_alloc(NULL, config->entry_count + config->argc + 1,
					 sizeof(*config->arguments));
	config->origins = config_alloc(NULL, config->entry_count, sizeof(*config->origins));
	config->arguments[count++] = config->argv[0];
	for (size_t i = 1; i < config->entry_count; i++) {
		if (!config->entries[i].argument)
			continue;
		config->origins[config->origin_count++] = i;
		config->arguments[count++] = config->entries[i].argument;
	}
	for (int i = 1; i < config->argc; i++)
		config->arguments[count++] = config->argv[i];
	config->arguments[count] = NULL;
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
	char **argv = config_alloc(NULL, config->argc + 1, sizeof(*argv));

	memcpy(argv, config->argv, (config->argc + 1) * sizeof(*argv));
	config_run(config, config_look, config->argc, argv);
	free(argv);
}

static void config_join_options(struct config *config)
{
	const struct argp_option *options = config->program->argp->options;
	size_t own = sizeof(config_options) / sizeof(*config_options), count = 0;

	while (!config_is_end(&options[count]))
		count++;
	config->options = config_alloc(NULL, count + own, sizeof(*options));
	memcpy(config->options, options, count * sizeof(*options));
	memcpy(config->options + count, config_options, sizeof(config_options));
	config->values = config_alloc(NULL, count + own, sizeof(*config->values));
	memset(config->values, 0, (count + own) * sizeof(*config->values));
}

static struct config *config_read(const struct config_program *program, int argc,
				  char **argv, void *input)
{
	struct config *config = config_alloc(NULL, 1, sizeof(*config));

	*config = (struct config) {
		.program = program,
		.input = input,
		.argc = argc,
		.argv = argv,
		.entries = config_alloc(NULL, 1, sizeof(*config->entries)),
		.entry_count = 1,
	};
	config->entries[0] = (struct config_entry) {};
	config->said = open_memstream(&config->said_text, &config->said_size);
	if (!config->said)
		abort();
	config_join_options(config);
	config_look_for_files(config);
	for (; config->file < config->file_count; config->file++)
		config_read_file(config);
	argc = config_collect(config);
	config_run(config, config_parse, argc, config->arguments);
	return config;
}

struct config *config_open(const struct config_program *program, int argc,
			   char **argv, void *input)
{
	struct config *config = config_read(program, argc, argv, input);

	if (config->failed)
		exit(CONFIG_USAGE);
	return config;
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
	for (size_t i = 0; i < config->entry_count; i++) {
		free(config->entries[i].key);
		free(config->entries[i].value);
		free(config->entries[i].argument);
	}
	fclose(config->said);
	free(config->said_text);
	free(config->entries);
	free(config->options);
	free(config->values);
	free(config->arguments);
	free(config->origins);
	free(config);
}

bool config_has_files(const struct config *config)
{
	return config->file_count;
}

bool config_is_check(const struct config *config)
{
	return config->check;
}

void config_say_fixed(const struct config *old, const struct config *config)
{
	for (size_t i = 0; !config_is_end(&config->options[i]); i++) {
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
