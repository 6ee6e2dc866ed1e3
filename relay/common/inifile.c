// SPDX-License-Identifier: MIT
#include "common/inifile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/**
 * struct inifile - a file that is being parsed
 * @p, @end: what is left
 * @number: of the line that inih has
 * @section: the one that the line is in
 * @known: there is one
 */
struct inifile {
	const struct inifile_taker *taker;
	const char *p;
	const char *end;
	unsigned int number;
	char section[INIFILE_LINE_MAX];
	bool known;
};

static bool inifile_read_fd(int fd, char *text, size_t *size)
{
	ssize_t n = 1;

	*size = 0;
	while (n > 0 && *size <= INIFILE_BYTES_MAX) {
		n = read(fd, text + *size, INIFILE_BYTES_MAX + 1 - *size);
		if (n > 0)
			*size += n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	if (!n)
		text[*size] = '\0';
	else if (n > 0)
		errno = EFBIG;
	return !n;
}

char *inifile_read(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text;

	if (fd < 0)
		return NULL;
	text = malloc(INIFILE_BYTES_MAX + 1);
	if (!text)
		abort();
	if (!inifile_read_fd(fd, text, size)) {
		free(text);
		text = NULL;
	}
	close(fd);
	return text;
}

static void inifile_fault(struct inifile *file, const char *expected)
{
	file->taker->fault(file->taker->context, file->number, expected);
}

static void inifile_tell(struct inifile *file, const char *key, const char *value)
{
	const struct inifile_line line = {
		.number = file->number,
		.section = file->known ? file->section : NULL,
		.key = key,
		.value = value,
	};

	file->taker->take(file->taker->context, &line);
}

/*
 * inih cuts the names of sections, and does not tell of empty ones: they are read
 * here. @line: from "[" on.
 */
static void inifile_begin(struct inifile *file, const char *line)
{
	size_t length = strcspn(++line, "]");

	file->known = true;
	memcpy(file->section, line, length);
	file->section[length] = '\0';
	if (line[length] && !line[length + 1 + strspn(line + length + 1, " \r")])
		inifile_tell(file, NULL, NULL);
	else
		inifile_fault(file, "[SECTION] on a line of its own");
}

/* Bytes that no terminal takes for orders, in any character set of today's. */
static bool inifile_is_text(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (iscntrl((unsigned char)line[i]) && line[i] != '\t' &&
		    (line[i] != '\r' || i + 1 < length))
			return false;
	return true;
}

/* What inih reads lines with: @room bytes for one and its end. */
static char *inifile_next(char *line, int room, void *context)
{
	struct inifile *file = context;
	const char *from = file->p;
	const char *end = memchr(from, '\n', file->end - from);
	size_t length = (end ? end : file->end) - from;
	const char *expected = NULL;

	if (from == file->end)
		return NULL;
	file->number++;
	file->p = end ? end + 1 : file->end;
	if (length > (size_t)room - 3)
		expected = "a line of at most 4093 bytes";
	else if (!inifile_is_text(from, length))
		expected = "text: there is a control character or a zero byte";
	if (expected) {
		inifile_fault(file, expected);
		length = 0;
	}
	memcpy(line, from, length);
	strcpy(line + length, "\n");
	for (char *tab = line; (tab = strchr(tab, '\t')); tab++)
		*tab = ' ';
	from = line + strspn(line, " ");
	if (*from != '[')
		return line;
	line[strlen(line) - 1] = '\0';
	inifile_begin(file, from);
	return strcpy(line, "\n");
}

static int inifile_pair(void *context, const char *section, const char *key,
			const char *value)
{
	struct inifile *file = context;

	(void)section;
	if (value && *key)
		inifile_tell(file, key, value);
	else
		inifile_fault(file, "KEY = VALUE");
	return 1;
}

void inifile_parse(const char *text, size_t size, const struct inifile_taker *taker)
{
	struct inifile file = { .taker = taker, .p = text, .end = text + size };

	_Static_assert(INIFILE_LINE_MAX == 4096, "said in inifile_next()");
	/* Debian's inih has these for the whole process; nobody else uses it. */
	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	ini_allow_no_value = true;
	ini_use_stack = false;
	ini_max_line = INIFILE_LINE_MAX;
	ini_initial_alloc = INIFILE_LINE_MAX;
	if (ini_parse_stream(inifile_next, &file, inifile_pair, &file))
		abort();	/* no memory: lines are never refused */
}
