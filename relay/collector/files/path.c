// SPDX-License-Identifier: MIT
#include "path.h"

#include <stdio.h>
#include <string.h>

/* Characters of a name that is too long: before "~" and 16 digits. */
#define PATH_PART_KEPT	(PATH_PART_MAX - 17)

static const char path_plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz0123456789_-";

void path_encode(const char *name, char *out)
{
	static const char digits[] = "0123456789ABCDEF";
	bool dots = name[strspn(name, ".")] == '\0';

	for (; *name; name++) {
		unsigned char byte = *name;

		if (strchr(path_plain, byte) || (byte == '.' && !dots)) {
			*out++ = byte;
			continue;
		}
		*out++ = '%';
		*out++ = digits[byte >> 4];
		*out++ = digits[byte & 15];
	}
	*out = '\0';
}

uint64_t path_hash(uint64_t hash, const char *text, size_t length)
{
	while (length--)
		hash = (hash ^ (unsigned char)*text++) * 0x100000001b3;
	return hash;
}

/* '~' stands in no encoded name: a cut one is like no other. */
void path_part(const char *name, char part[PATH_PART_MAX + 1])
{
	if (strlen(name) <= PATH_PART_MAX)
		strcpy(part, name);
	else
		snprintf(part, PATH_PART_MAX + 1, "%.*s~%016jx", PATH_PART_KEPT,
			 name, (uintmax_t)path_hash(PATH_HASH, name, strlen(name)));
}

/* Length of @path without its extension. */
static int path_stem(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');

	return dot && dot != base ? dot - path : (int)strlen(path);
}

bool path_make(char *out, size_t size, const char *path, const char *sensor,
	       const char *interface, unsigned int number)
{
	char names[2 * PATH_PART_MAX + 3] = "";
	char part[PATH_PART_MAX + 1];
	char suffix[16] = "";
	int stem = path_stem(path);

	if (sensor) {
		path_part(sensor, part);
		sprintf(names, "-%s", part);
	}
	if (sensor && *interface) {
		path_part(interface, part);
		sprintf(names + strlen(names), "-%s", part);
	}
	if (number)
		sprintf(suffix, ".%u", number);
	return snprintf(out, size, "%.*s%s%s%s", stem, path, names, suffix,
			path + stem) < (int)size;
}
