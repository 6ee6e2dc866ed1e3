// SPDX-License-Identifier: MIT
#include "exclude_list.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/size.h"

#define EXCLUDE_LIST_BYTES_MAX	(1 << 20)
#define EXCLUDE_LIST_ENTRY_MAX	64	/* bytes of an entry, with its NUL */

/**
 * struct exclude_list - a file that is being read
 * @path, @line: for errors
 * @p, @end: what is left of it
 * @side: "src" or "dst", of the array that is read
 * @out: the expressions so far
 * @entries: in them
 */
struct exclude_list {
	const char *path;
	unsigned int line;
	const char *p;
	const char *end;
	const char *side;
	FILE *out;
	unsigned int entries;
};

static bool exclude_list_error(const struct exclude_list *list, const char *expected)
{
	log_error("--exclude-list %s: line %u: expected %s", list->path, list->line,
		  expected);
	return false;
}

/* Over blanks, ends of lines and comments. */
static void exclude_list_skip(struct exclude_list *list)
{
	for (; list->p < list->end; list->p++) {
		if (*list->p == '#') {
			while (list->p < list->end && *list->p != '\n')
				list->p++;
			if (list->p == list->end)
				return;
		}
		if (!strchr(" \t\r\n", *list->p) || !*list->p)
			return;
		list->line += *list->p == '\n';
	}
}

static bool exclude_list_take(struct exclude_list *list, char c)
{
	exclude_list_skip(list);
	if (list->p == list->end || *list->p != c)
		return false;
	list->p++;
	return true;
}

/* A string's bytes; no entry needs an escape. */
static bool exclude_list_string(struct exclude_list *list, char *entry)
{
	char quote = list->p < list->end ? *list->p : '\0';
	size_t length = 0;

	if (quote != '"' && quote != '\'')
		return false;
	while (++list->p < list->end && *list->p != quote &&
	       isprint((unsigned char)*list->p) &&
	       length < EXCLUDE_LIST_ENTRY_MAX - 1)
		entry[length++] = *list->p;
	entry[length] = '\0';
	if (list->p == list->end || *list->p != quote)
		return false;
	list->p++;
	return true;
}

static bool exclude_list_is_mac(const char *entry)
{
	if (strlen(entry) != 17)
		return false;
	for (int i = 0; i < 17; i++)
		if (i % 3 == 2 ? entry[i] != ':' : !isxdigit((unsigned char)entry[i]))
			return false;
	return true;
}

static bool exclude_list_is_address(int family, const char *entry)
{
	struct in6_addr address;

	return inet_pton(family, entry, &address) == 1;
}

/* Cut "192.0.2.1:53" or "[::1]:53" in two. False: neither. */
static bool exclude_list_split(char *entry, char **address, char **port)
{
	char *colon = strrchr(entry, ':');
	uint64_t number;
	int family = AF_INET;

	/* a zero in front would make it octal, to libpcap */
	if (!colon || colon[1] == '0' ||
	    !number_parse(colon + 1, 1, 65535, &number))
		return false;
	*colon = '\0';
	*port = colon + 1;
	*address = entry;
	if (*entry == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		++*address;
		family = AF_INET6;
	}
	return exclude_list_is_address(family, *address);
}

static bool exclude_list_entry(struct exclude_list *list)
{
	static const char expected[] =
		"a string that is a MAC address, an address, or address:port, such as \"192.0.2.1:53\" or \"[2001:db8::1]:53\"";
	char entry[EXCLUDE_LIST_ENTRY_MAX];
	char *address, *port;

	if (!exclude_list_string(list, entry))
		return exclude_list_error(list, expected);
	if (list->entries)
		fputs(list->entries % EXCLUDE_LIST_TOGETHER ? " or " : "\n", list->out);
	list->entries++;
	if (exclude_list_is_mac(entry))
		fprintf(list->out, "ether %s %s", list->side, entry);
	else if (exclude_list_is_address(AF_INET, entry) ||
		 exclude_list_is_address(AF_INET6, entry))
		fprintf(list->out, "%s host %s", list->side, entry);
	else if (exclude_list_split(entry, &address, &port))
		fprintf(list->out, "(%s host %s and %s port %s)", list->side,
			address, list->side, port);
	else
		return exclude_list_error(list, expected);
	return true;
}

static bool exclude_list_array(struct exclude_list *list)
{
	if (!exclude_list_take(list, '=') || !exclude_list_take(list, '['))
		return exclude_list_error(list, "'= [' behind 'from' or 'into'");
	while (!exclude_list_take(list, ']')) {
		if (!exclude_list_entry(list))
			return false;
		if (exclude_list_take(list, ','))
			exclude_list_skip(list);
		else if (!exclude_list_take(list, ']'))
			return exclude_list_error(list, "',' or ']' behind an entry");
		else
			break;
	}
	return true;
}

/* The arrays, each at most once. */
static bool exclude_list_arrays(struct exclude_list *list)
{
	static const struct {
		const char *name, *side;
	} arrays[] = { { "from", "src" }, { "into", "dst" } };
	unsigned int seen = 0;

	for (exclude_list_skip(list); list->p < list->end; exclude_list_skip(list)) {
		unsigned int i = 0;

		while (i < 2 && (list->end - list->p < 5 ||
				 strncmp(list->p, arrays[i].name, 4) ||
				 !strchr(" \t=", list->p[4]) || seen & 1U << i))
			i++;
		if (i == 2)
			return exclude_list_error(list, "'from = [...]' or 'into = [...]', each once");
		seen |= 1U << i;
		list->side = arrays[i].side;
		list->p += 4;
		if (!exclude_list_array(list))
			return false;
	}
	return true;
}

bool exclude_list_parse(const char *path, const char *text, size_t size,
			char **expressions)
{
	struct exclude_list list = {
		.path = path,
		.line = 1,
		.p = text,
		.end = text + size,
	};
	size_t length;
	bool done;

	list.out = open_memstream(expressions, &length);
	if (!list.out)
		abort();
	done = exclude_list_arrays(&list);
	if (fclose(list.out))
		abort();
	if (!done) {
		free(*expressions);
		*expressions = NULL;
	}
	return done;
}

bool exclude_list_read(const char *path, char **expressions)
{
	char *text = malloc(EXCLUDE_LIST_BYTES_MAX + 1);
	FILE *file = fopen(path, "re");
	bool done = false;
	size_t size;

	*expressions = NULL;
	if (!text)
		abort();
	if (!file) {
		log_error("--exclude-list %s: %s", path, strerror(errno));
		goto out;
	}
	size = fread(text, 1, EXCLUDE_LIST_BYTES_MAX + 1, file);
	if (ferror(file))
		log_error("--exclude-list %s: %s", path, strerror(errno));
	else if (size > EXCLUDE_LIST_BYTES_MAX)
		log_error("--exclude-list %s: is larger than 1 MiB", path);
	else
		done = exclude_list_parse(path, text, size, expressions);
	fclose(file);
out:
	free(text);
	return done;
}
