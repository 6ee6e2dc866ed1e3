// SPDX-License-Identifier: MIT
#include "options_files.h"

#include <string.h>

#include "common/size.h"
#include "files/template.h"

#define OPTIONS_ROTATE_SIZE_MIN	4096			/* bytes */
#define OPTIONS_ROTATE_TIME_MAX	(366 * 86400)		/* seconds */
#define OPTIONS_COUNT_MAX	UINT64_C(1000000000000)

static uint64_t options_bytes(const char *option, const char *value, uint64_t least,
			      struct argp_state *state)
{
	uint64_t bytes = 0;

	if (!size_parse(value, &bytes) || bytes < least)
		argp_error(state, "%s %s: give it bytes, at least %ju, such as 100M", option,
			   value, (uintmax_t)least);
	return bytes;
}

static uint64_t options_count(const char *option, const char *value, struct argp_state *state)
{
	uint64_t number = 0;

	if (!number_parse(value, 1, OPTIONS_COUNT_MAX, &number))
		argp_error(state, "%s %s: give it a number, at least 1", option, value);
	return number;
}

static uint64_t options_time(const char *value, struct argp_state *state)
{
	uint64_t seconds = 0;

	if (!seconds_parse(value, &seconds) || seconds > OPTIONS_ROTATE_TIME_MAX)
		argp_error(state, "--rotate-time %s: give it seconds, or minutes as 5m, hours as 1h, days as 1d; at most 366d",
			   value);
	return seconds;
}

static const char *options_name(const char *value, struct argp_state *state)
{
	const char *why;
	struct template *template = template_parse(value, &why);

	if (!template)
		argp_error(state, "--name %s: %s", value, why);
	template_free(template);
	return value;
}

/* Names of a series differ by a time. */
static bool options_timed(const char *name)
{
	while ((name = strchr(name, '%'))) {
		if (name[1] != '%' && name[1] != '{')
			return true;
		name += 2;
	}
	return false;
}

error_t options_files_one(struct options_files *files, int key, const char *value,
			  struct argp_state *state)
{
	switch (key) {
	case OPTIONS_DIRECTORY:
		files->directory = value;
		return 0;
	case OPTIONS_NAME:
		files->name = options_name(value, state);
		return 0;
	case OPTIONS_ROTATE_SIZE:
		files->rotate_size = options_bytes("--rotate-size", value,
						   OPTIONS_ROTATE_SIZE_MIN, state);
		return 0;
	case OPTIONS_ROTATE_TIME:
		files->rotate_time = options_time(value, state);
		return 0;
	case OPTIONS_ROTATE_PACKETS:
		files->rotate_packets = options_count("--rotate-packets", value, state);
		return 0;
	case OPTIONS_KEEP_FILES:
		files->keep_files = options_count("--keep-files", value, state);
		return 0;
	case OPTIONS_KEEP_SIZE:
		files->keep_size = options_bytes("--keep-size", value, 1, state);
		return 0;
	case OPTIONS_FREE_SPACE:
		files->free_space = options_bytes("--free-space", value, 1, state);
		return 0;
	case OPTIONS_COMPRESS:
		if (strcmp(value, "zstd"))
			argp_error(state, "--compress %s: zstd is the only one there is", value);
		files->compress = true;
		return 0;
	case OPTIONS_AFTER_ROTATE:
		if (!value[strspn(value, " \t")])
			argp_error(state, "--after-rotate '': name a command");
		files->after_rotate = value;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

void options_files_check(const struct options_files *files, const char *write,
			 struct argp_state *state)
{
	const struct {
		const char *option;
		bool given;
	} others[] = {
		{ "--name", files->name },
		{ "--rotate-size", files->rotate_size },
		{ "--rotate-time", files->rotate_time },
		{ "--rotate-packets", files->rotate_packets },
		{ "--keep-files", files->keep_files },
		{ "--keep-size", files->keep_size },
		{ "--compress", files->compress },
		{ "--after-rotate", files->after_rotate },
	};

	if (!write && !files->directory)
		argp_error(state, "--directory DIR or --write FILE is missing: give one of them, - for standard output");
	if (write && files->directory)
		argp_error(state, "--directory %s and --write %s: give one of them",
			   files->directory, write);
	for (size_t i = 0; !files->directory && i < sizeof(others) / sizeof(*others); i++)
		if (others[i].given)
			argp_error(state, "%s is for files in a directory: give it --directory DIR instead of --write",
				   others[i].option);
	if (files->keep_files && files->name && !options_timed(files->name))
		argp_error(state, "--keep-files tells files by their times: --name %s has none, such as %%s",
			   files->name);
}
