// SPDX-License-Identifier: MIT
/*
 * Names that peers chose, in paths: they stay in one folder, cannot move a
 * terminal's cursor, and two of them never become one.
 */
#include "fuzz.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/files/path.h"

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789._-";

/* What was encoded, told from @text alone. */
static void decode(const char *text, char *out)
{
	unsigned int byte;

	for (; *text; text++) {
		byte = (unsigned char)*text;
		if (byte == '%') {
			FUZZ_TRUE(sscanf(text + 1, "%2X", &byte) == 1);
			text += 2;
		} else {
			FUZZ_TRUE(strchr(plain, byte));
		}
		*out++ = byte;
	}
	*out = '\0';
}

/* @out has the size that the caller of path_encode() has to give it. */
static char *encode(const char *name)
{
	char *out = malloc(PATH_NAME_MAX);
	char decoded[256];

	FUZZ_TRUE(out);
	path_encode(name, out);
	decode(out, decoded);
	FUZZ_TRUE(!strcmp(decoded, name));
	FUZZ_TRUE(strcmp(out, ".") && strcmp(out, ".."));
	return out;
}

/* @return for free(); "" when it does not fit. */
static char *make(const char *path, const char *sensor, const char *interface,
		  unsigned int number, size_t size)
{
	char *out = malloc(size + !size);
	bool fits = path_make(out, size, path, sensor, interface, number);

	FUZZ_TRUE(size || !fits);
	if (!fits && size)
		*out = '\0';
	if (fits)
		FUZZ_TRUE(strlen(out) < size);
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char path[] = "/folder.d/x.pcap";
	struct fuzz_input in = { bytes, size };
	unsigned int number = fuzz_number(&in, 2);
	size_t room = fuzz_number(&in, 1);
	char name[2][256], given[256];
	char *text[2], *whole[2], *little;

	fuzz_text(&in, given, "");
	fuzz_text(&in, name[0], "");
	fuzz_text(&in, name[1], "");
	for (int i = 0; i < 2; i++) {
		text[i] = encode(name[i]);
		whole[i] = make(path, text[i], "", number, PATH_MAX);
		FUZZ_TRUE(!strncmp(whole[i], "/folder.d/x-", 12));
		FUZZ_TRUE(!strchr(whole[i] + 12, '/'));
		FUZZ_TRUE(strlen(whole[i] + 11) < 100);
		FUZZ_TRUE(!strcmp(whole[i] + strlen(whole[i]) - 5, ".pcap"));
	}
	FUZZ_TRUE(!strcmp(name[0], name[1]) == !strcmp(text[0], text[1]));
	FUZZ_TRUE(!strcmp(name[0], name[1]) == !strcmp(whole[0], whole[1]));
	/* into too little room, beside any path */
	little = make(given, text[0], text[1], number, room);
	free(little);
	for (int i = 0; i < 2; i++) {
		free(text[i]);
		free(whole[i]);
	}
	return 0;
}
