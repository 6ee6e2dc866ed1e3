/* SPDX-License-Identifier: MIT */
/*
 * What files say, for config.c: options as arguments that argp reads, sections
 * told to whose they are.
 */
#ifndef COMMON_SETTINGS_H
#define COMMON_SETTINGS_H

#include <stdarg.h>

#include "common/config.h"

/**
 * struct setting - a line of a file
 * @path: the file
 * @begin: in a section, the setting that began it; 0: an option
 * @key: NULL: a section begins, whose name is @value
 * @argument: of an option, "--key=value" or "--key"; NULL: none
 */
struct setting {
	const char *path;
	unsigned int line;
	size_t begin;
	char *key;
	char *value;
	char *argument;
};

/**
 * struct settings - those of all files, in order
 * @program: whose they are; @options: all that it has
 * @input: for its sections
 * @failed: something was wrong, and logged
 * @list: @count of them, of which the first is none
 * @path: of the file that is read
 * @begin: the setting that began the section that is read; 0: none
 * @section: its kind; NULL: one that nobody knows
 */
struct settings {
	const struct config_program *program;
	const struct argp_option *options;
	void *input;
	bool failed;
	struct setting *list;
	size_t count;
	const char *path;
	size_t begin;
	const struct config_section *section;
};

void settings_open(struct settings *settings, const struct config_program *program,
		   const struct argp_option *options, void *input);
void settings_close(struct settings *settings);

/* Add what a file says; @path outlives the settings. "-" before it: if it is there. */
void settings_read(struct settings *settings, const char *path);

/* The same, where its @size bytes are at hand. */
void settings_take(struct settings *settings, const char *path, const char *text,
		   size_t size);

/* Log what is wrong with a file. */
void settings_fault(struct settings *settings, const char *path, unsigned int line,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

static inline bool settings_is_end(const struct argp_option *option)
{
	return !option->name && !option->key && !option->doc;
}

#endif
