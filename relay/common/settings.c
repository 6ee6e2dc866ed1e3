// SPDX-License-Identifier: MIT
#include "common/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/inifile.h"
#include "common/log.h"
#include "common/near.h"

static char *settings_copy(const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		abort();
	return copy;
}

void settings_fault(struct settings *settings, const char *path, unsigned int line,
		    const char *format, ...)
{
	char fault[2 * CONFIG_FAULT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(fault, sizeof(fault), format, arguments);
	va_end(arguments);
	log_error("%s:%u: %s", path, line, fault);
	settings->failed = true;
}

static const struct argp_option *settings_find(const struct argp_option *options,
					       const char *key)
{
	for (; !settings_is_end(options); options++)
		if (options->name && !strcmp(options->name, key))
			return options;
	return NULL;
}

/* The key that may have been meant; NULL: none is near. */
static const char *settings_near(const struct argp_option *options, const char *key)
{
	unsigned int best = 1 + strlen(key) / 3;
	const char *near = NULL;

	for (; !settings_is_end(options); options++) {
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
static const struct argp_option *settings_option(struct settings *settings,
						 const struct inifile_line *line)
{
	const struct argp_option *option = settings_find(settings->options, line->key);
	const char *near = settings_near(settings->options, line->key);

	if (option && !(option->flags & CONFIG_COMMAND_LINE))
		return option;
	if (option)
		settings_fault(settings, settings->path, line->number,
			       "'%s' is for the command line only", line->key);
	else if (near)
		settings_fault(settings, settings->path, line->number,
			       "unknown key '%s'; did you mean '%s'?", line->key, near);
	else
		settings_fault(settings, settings->path, line->number,
			       "unknown key '%s'; expected a long option of %s --help, without its --",
			       line->key, settings->program->name);
	return NULL;
}

/* The line of the same key, or section, in this file; NULL: it is new. */
static const struct setting *settings_twice(const struct settings *settings,
					    const struct inifile_line *line)
{
	for (size_t i = 1; i < settings->count; i++) {
		const struct setting *setting = &settings->list[i];

		if (setting->path != settings->path)
			continue;
		if (line->key ? setting->key && setting->begin == settings->begin &&
				!strcmp(setting->key, line->key) :
				!setting->key && !strcmp(setting->value, line->section))
			return setting;
	}
	return NULL;
}

/* NULL: it was said that it is there twice. */
static struct setting *settings_add(struct settings *settings,
				    const struct inifile_line *line)
{
	const struct setting *twice = settings_twice(settings, line);
	size_t i = settings->count;

	if (twice) {
		settings_fault(settings, settings->path, line->number,
			       "%s is there twice, first in line %u",
			       line->key ? line->key : line->section, twice->line);
		return NULL;
	}
	settings->list = reallocarray(settings->list, i + 1, sizeof(*settings->list));
	if (!settings->list)
		abort();
	settings->count++;
	settings->list[i] = (struct setting) {
		.path = settings->path,
		.line = line->number,
		.begin = settings->begin,
		.key = settings_copy(line->key),
		.value = settings_copy(line->key ? line->value : line->section),
	};
	return &settings->list[i];
}

/* A flag is what the last file says. */
static void settings_drop(struct settings *settings, const char *key)
{
	for (size_t i = 1; i < settings->count; i++) {
		struct setting *setting = &settings->list[i];

		if (setting->begin || !setting->key || strcmp(setting->key, key))
			continue;
		free(setting->argument);
		setting->argument = NULL;
	}
}

static void settings_take_flag(struct settings *settings, struct setting *setting)
{
	settings_drop(settings, setting->key);
	if (!strcmp(setting->value, "true")) {
		if (asprintf(&setting->argument, "--%s", setting->key) < 0)
			abort();
	} else if (strcmp(setting->value, "false")) {
		settings_fault(settings, setting->path, setting->line,
			       "%s '%s': expected true or false", setting->key,
			       setting->value);
	}
}

static void settings_take_option(struct settings *settings,
				 const struct inifile_line *line)
{
	const struct argp_option *option = settings_option(settings, line);
	struct setting *setting = option ? settings_add(settings, line) : NULL;

	if (!setting)
		return;
	if (!option->arg)
		settings_take_flag(settings, setting);
	else if (asprintf(&setting->argument, "--%s=%s", line->key, line->value) < 0)
		abort();
}

/* What is behind the word and blanks; NULL: it is another word. */
static const char *settings_name(const char *section, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(section, word, length) || (section[length] && section[length] != ' '))
		return NULL;
	return section + length + strspn(section + length, " ");
}

/* NULL: it was said that the program does not know this section. */
static const struct config_section *settings_kind(struct settings *settings,
						  const struct inifile_line *line)
{
	const struct config_section *kinds = settings->program->sections, *kind = kinds;

	while (kind && kind->word && !settings_name(line->section, kind->word))
		kind++;
	if (kind && kind->word)
		return kind;
	if (kinds)
		settings_fault(settings, settings->path, line->number,
			       "unknown section [%s]; expected [%s NAME]",
			       line->section, kinds->word);
	else
		settings_fault(settings, settings->path, line->number,
			       "unknown section [%s]; %s has none", line->section,
			       settings->program->name);
	return NULL;
}

static void settings_tell(struct settings *settings, const struct setting *setting)
{
	const struct config_section *section = settings->section;
	char fault[CONFIG_FAULT_MAX] = "";
	const struct config_line line = {
		.file = setting->path,
		.line = setting->line,
		.name = settings_name(settings->list[settings->begin].value, section->word),
		.key = setting->key,
		.value = setting->key ? setting->value : NULL,
	};

	if (!section->take(settings->input, &line, fault))
		settings_fault(settings, setting->path, setting->line, "%s", fault);
}

static void settings_take_section(struct settings *settings,
				  const struct inifile_line *line)
{
	struct setting *setting;

	if (!line->key) {
		settings->begin = 0;
		settings->section = settings_kind(settings, line);
	}
	setting = settings->section ? settings_add(settings, line) : NULL;
	if (!line->key) {
		settings->begin = settings->count - 1;
		settings->section = setting ? settings->section : NULL;
	}
	if (setting)
		settings_tell(settings, setting);
}

static void settings_take_line(void *context, const struct inifile_line *line)
{
	if (line->section)
		settings_take_section(context, line);
	else
		settings_take_option(context, line);
}

static void settings_expected(void *context, unsigned int number, const char *expected)
{
	struct settings *settings = context;

	settings_fault(settings, settings->path, number, "expected %s", expected);
}

void settings_take(struct settings *settings, const char *path, const char *text,
		   size_t size)
{
	settings->path = path;
	settings->begin = 0;
	settings->section = NULL;
	inifile_parse(text, size, &(struct inifile_taker){
		.take = settings_take_line,
		.fault = settings_expected,
		.context = settings,
	});
}

void settings_read(struct settings *settings, const char *path)
{
	bool optional = path[0] == '-';
	size_t size;
	char *text;

	path += optional;
	text = inifile_read(path, &size);
	if (!text && optional && errno == ENOENT)
		return;
	if (!text) {
		log_error("--config %s: %s%s", path, strerror(errno), errno == EFBIG ?
			  ": it may have 1 MiB" : errno == EACCES ?
			  "; make it readable for the service's group (chgrp, then chmod 0640)" : "");
		settings->failed = true;
		return;
	}
	settings_take(settings, path, text, size);
	free(text);
}

void settings_open(struct settings *settings, const struct config_program *program,
		   const struct argp_option *options, void *input)
{
	*settings = (struct settings) {
		.program = program,
		.options = options,
		.input = input,
		.list = calloc(1, sizeof(*settings->list)),
		.count = 1,
	};
	if (!settings->list)
		abort();
}

void settings_close(struct settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		free(settings->list[i].key);
		free(settings->list[i].value);
		free(settings->list[i].argument);
	}
	free(settings->list);
}
