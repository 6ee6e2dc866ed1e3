// SPDX-License-Identifier: MIT
#include "template.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "path.h"

#define TEMPLATE_TOKENS	64

enum template_kind {
	TEMPLATE_TEXT,
	TEMPLATE_SENSOR,
	TEMPLATE_INTERFACE,
	TEMPLATE_RING,
	TEMPLATE_TIME,
};

/**
 * struct template_token - a piece of the name
 * @text: of TEMPLATE_TEXT, in the template's
 * @length: of it
 * @conversion: of TEMPLATE_TIME
 */
struct template_token {
	enum template_kind kind;
	const char *text;
	size_t length;
	char conversion;
};

struct template {
	unsigned int count;
	struct template_token tokens[TEMPLATE_TOKENS];
	char text[];
};

static const struct {
	const char *word;
	enum template_kind kind;
} template_names[] = {
	{ "%{sensor}", TEMPLATE_SENSOR },
	{ "%{interface}", TEMPLATE_INTERFACE },
	{ "%{ring}", TEMPLATE_RING },
};

static bool template_add(struct template *template, enum template_kind kind,
			 const char *text, size_t length)
{
	struct template_token *token = &template->tokens[template->count];

	if (template->count == TEMPLATE_TOKENS)
		return false;
	*token = (struct template_token){ .kind = kind, .text = text, .length = length,
		.conversion = kind == TEMPLATE_TIME ? text[1] : 0 };
	template->count++;
	return true;
}

/* What begins with a percent sign. @return its length; 0: it is not known. */
static size_t template_conversion(struct template *template, const char *p)
{
	for (size_t i = 0; i < sizeof(template_names) / sizeof(*template_names); i++) {
		size_t length = strlen(template_names[i].word);

		if (!strncmp(p, template_names[i].word, length))
			return template_add(template, template_names[i].kind, p, length) ?
			       length : 0;
	}
	if (p[1] == '%')
		return template_add(template, TEMPLATE_TEXT, p + 1, 1) ? 2 : 0;
	if (!p[1] || !strchr("YmdHMSjsF", p[1]))
		return 0;
	return template_add(template, TEMPLATE_TIME, p, 2) ? 2 : 0;
}

static const char *template_fault(const char *text)
{
	size_t length = strlen(text), extension = strlen(TEMPLATE_EXTENSION);
	const char *part;

	if (length <= extension || strcmp(text + length - extension, TEMPLATE_EXTENSION) ||
	    text[length - extension - 1] == '/')
		return "it has to end in a name with " TEMPLATE_EXTENSION;
	for (part = text; *part; part++)
		if ((unsigned char)*part < ' ' || *part == 0x7f)
			return "there are control characters in it";
	if (!ledger_name_fine(text))
		return "it has to be a relative path without . and ..";
	for (part = text; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
		if (*part == '.')
			return "no part of it may begin with a dot";
	return length >= LEDGER_NAME_MAX / 2 ? "it is too long" : NULL;
}

static bool template_take(struct template *template)
{
	char *p = template->text;

	while (*p) {
		size_t length = strcspn(p, "%");

		if (*p == '%')
			length = template_conversion(template, p);
		else if (!template_add(template, TEMPLATE_TEXT, p, length))
			return false;
		if (!length)
			return false;
		p += length;
	}
	return true;
}

struct template *template_parse(const char *text, const char **why)
{
	size_t length = strlen(text) - strlen(TEMPLATE_EXTENSION);
	struct template *template;

	*why = template_fault(text);
	if (*why)
		return NULL;
	template = calloc(1, sizeof(*template) + length + 1);
	*why = "there is no memory";
	if (!template)
		return NULL;
	memcpy(template->text, text, length);
	if (template_take(template))
		return template;
	*why = "after % there may be {sensor}, {interface}, {ring}, Y, m, d, H, M, S, j, s, F or %";
	free(template);
	return NULL;
}

void template_free(struct template *template)
{
	free(template);
}

/* A peer's word; where a part of the path begins, without a dot. */
static bool template_word(FILE *out, const char *word, bool first)
{
	char part[PATH_PART_MAX + 1];

	path_part(*word ? word : "none", part);
	return fprintf(out, "%s%s", first && *part == '.' ? "%2E" : "",
		       part + (first && *part == '.')) >= 0;
}

static bool template_time(FILE *out, char conversion, time_t time)
{
	const char format[] = { '%', conversion, '\0' };
	char text[32];
	struct tm tm;

	if (conversion == 's')
		return fprintf(out, "%jd", (intmax_t)time) >= 0;
	return gmtime_r(&time, &tm) && strftime(text, sizeof(text), format, &tm) &&
	       fputs(text, out) >= 0;
}

static bool template_put(FILE *out, const struct template_token *token,
			 const struct template_words *words, bool first)
{
	switch (token->kind) {
	case TEMPLATE_TEXT:
		return fwrite(token->text, 1, token->length, out) == token->length;
	case TEMPLATE_SENSOR:
		return template_word(out, words->sensor, first);
	case TEMPLATE_INTERFACE:
		return template_word(out, words->interface, first);
	case TEMPLATE_RING:
		return (words->ring == TEMPLATE_ALL ? fputs("all", out) :
			fprintf(out, "%u", words->ring)) >= 0;
	case TEMPLATE_TIME:
		return template_time(out, token->conversion, words->time);
	}
	return false;
}

/* No part of the path is longer than a file system takes it. */
static bool template_short(const char *name)
{
	const char *slash;

	for (; strcspn(name, "/") <= TEMPLATE_PART_MAX; name = slash + 1) {
		slash = strchr(name, '/');
		if (!slash)
			return true;
	}
	return false;
}

bool template_make(const struct template *template, const struct template_words *words,
		   unsigned int number, char *out, size_t size)
{
	FILE *stream = fmemopen(out, size, "w");
	bool first = true, done = stream;

	if (!stream)
		return false;
	setbuf(stream, NULL);
	for (unsigned int i = 0; done && i < template->count; i++) {
		const struct template_token *token = &template->tokens[i];

		done = template_put(stream, token, words, first);
		first = token->kind == TEMPLATE_TEXT && token->text[token->length - 1] == '/';
	}
	if (done && number)
		done = fprintf(stream, ".%u", number) >= 0;
	done = done && fputs(TEMPLATE_EXTENSION, stream) >= 0 && !fputc('\0', stream);
	done &= !fclose(stream);
	return done && template_short(out);
}

/* How many characters a time has at the beginning of @name; 0: it is none. */
static size_t template_time_length(char conversion, const char *name)
{
	static const char *const patterns[] = {
		['Y'] = "0000", ['m'] = "00", ['d'] = "00", ['H'] = "00", ['M'] = "00",
		['S'] = "00", ['j'] = "000", ['F'] = "0000-00-00",
	};
	const char *pattern;
	size_t n = 0;

	if (conversion == 's')
		return strspn(name, "0123456789");
	for (pattern = patterns[(int)conversion]; pattern[n]; n++)
		if (pattern[n] == '0' ? !isdigit((unsigned char)name[n]) : name[n] != '-')
			return 0;
	return n;
}

/* The longest that the token can be at the beginning of @name; *@least: and shorter. */
static size_t template_longest(const struct template_token *token, const char *name,
			       size_t *least)
{
	size_t length;

	if (token->kind == TEMPLATE_SENSOR || token->kind == TEMPLATE_INTERFACE) {
		*least = 1;
		return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789_-.%~");
	}
	if (token->kind == TEMPLATE_TEXT)
		length = strncmp(name, token->text, token->length) ? 0 : token->length;
	else if (token->kind == TEMPLATE_TIME)
		length = template_time_length(token->conversion, name);
	else
		length = strncmp(name, "all", 3) ? strspn(name, "0123456789") : 3;
	*least = token->kind == TEMPLATE_RING || token->conversion == 's' ? 1 : length;
	return length;
}

/* Nothing, or a number, and the extensions. */
static bool template_rest(const char *rest)
{
	size_t digits;

	if (*rest == '.' && isdigit((unsigned char)rest[1])) {
		digits = strspn(rest + 1, "0123456789");
		if (rest[1 + digits] == '.')
			rest += 1 + digits;
	}
	return !strcmp(rest, TEMPLATE_EXTENSION) ||
	       !strcmp(rest, TEMPLATE_EXTENSION TEMPLATE_PACKED);
}

/* From token @i on; @ends: where each of them ends in @name. */
static bool template_try(const struct template *template, unsigned int i,
			 const char *name, const char **ends)
{
	size_t least, length;

	if (i == template->count)
		return template_rest(name);
	length = template_longest(&template->tokens[i], name, &least);
	for (; length && length >= least; length--) {
		ends[i] = name + length;
		if (template_try(template, i + 1, name + length, ends))
			return true;
	}
	return false;
}

bool template_match(const struct template *template, const char *name, uint64_t *series)
{
	const char *ends[TEMPLATE_TOKENS];

	if (!template_try(template, 0, name, ends))
		return false;
	*series = PATH_HASH;
	for (unsigned int i = 0; i < template->count; name = ends[i++])
		if (template->tokens[i].kind != TEMPLATE_TIME)
			*series = path_hash(*series, name, ends[i] - name);
	return true;
}
