/* SPDX-License-Identifier: MIT */
/*
 * An INI file, line by line; the only one that knows inih:
 *
 *	# a comment, as with ";"; nothing else on its line
 *	key = value, up to the end of the line
 *	[section]
 *
 * A tab is a blank; other control characters are none.
 */
#ifndef COMMON_INIFILE_H
#define COMMON_INIFILE_H

#include <stddef.h>

#define INIFILE_BYTES_MAX	(1 << 20)
#define INIFILE_LINE_MAX	4096	/* bytes */

/**
 * struct inifile_line - what a line says
 * @number: of the line, the first one is 1
 * @section: what is between [ and ]; NULL: no section began
 * @key, @value: without blanks around them; both NULL: the section begins here
 */
struct inifile_line {
	unsigned int number;
	const char *section;
	const char *key;
	const char *value;
};

/**
 * struct inifile_taker - who is told
 * @take: of a line; its texts last as long as the call
 * @fault: of one that is wrong, and what was expected
 */
struct inifile_taker {
	void (*take)(void *context, const struct inifile_line *line);
	void (*fault)(void *context, unsigned int number, const char *expected);
	void *context;
};

/* The file's text for free(), @size bytes and a NUL. NULL: errno says why. */
char *inifile_read(const char *path, size_t *size);

/* Tell of all lines. */
void inifile_parse(const char *text, size_t size, const struct inifile_taker *taker);

#endif
