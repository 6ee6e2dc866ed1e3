// SPDX-License-Identifier: MIT
/*
 * Names of files that follow each other: what is made stays below its directory,
 * hides nothing and is known again; no name of others breaks what looks at it.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/files/ledger.h"
#include "collector/files/path.h"
#include "collector/files/template.h"

/* Up to an end of line, or the end. */
static char *line(const uint8_t **data, size_t *size, size_t most)
{
	const uint8_t *end = memchr(*data, '\n', *size);
	size_t length = end ? (size_t)(end - *data) : *size;
	char *out = malloc(most + 1);

	FUZZ_TRUE(out);
	snprintf(out, most + 1, "%.*s", (int)length, (const char *)*data);
	*size -= length + !!end;
	*data += length + !!end;
	return out;
}

static void make(const struct template *template, const char *sensor, const char *interface)
{
	char names[2][PATH_NAME_MAX], out[LEDGER_NAME_MAX];
	struct template_words words = { names[0], names[1], TEMPLATE_ALL, 1700000000 };
	uint64_t series, other;

	path_encode(sensor, names[0]);
	path_encode(interface, names[1]);
	if (!template_make(template, &words, 0, out, sizeof(out)))
		return;
	FUZZ_TRUE(ledger_name_fine(out) && *out != '.' && !strstr(out, "/."));
	FUZZ_TRUE(template_match(template, out, &series));
	words.time += 123456;
	FUZZ_TRUE(template_make(template, &words, 0, out, sizeof(out)));
	FUZZ_TRUE(template_match(template, out, &other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = line(&data, &size, 200), *sensor = line(&data, &size, 250);
	char *interface = line(&data, &size, 250), *name = line(&data, &size, 1000);
	const char *why;
	struct template *template = template_parse(text, &why);
	uint64_t series;

	if (!template)
		template = template_parse(TEMPLATE_DEFAULT, &why);
	make(template, sensor, interface);
	template_match(template, name, &series);
	template_free(template);
	free(text);
	free(sensor);
	free(interface);
	free(name);
	return 0;
}
