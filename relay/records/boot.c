// SPDX-License-Identifier: MIT
#include "boot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"

bool boot_read(uint8_t *id)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	FILE *file = fopen(path, "re");
	char text[64] = "";
	unsigned int n = 0;

	if (file && fgets(text, sizeof(text), file))
		for (char *p = text; n < MESSAGE_ID_BYTES; n++, p += 2) {
			p += *p == '-';
			if (sscanf(p, "%2hhx", &id[n]) != 1)
				break;
		}
	if (file)
		fclose(file);
	if (n == MESSAGE_ID_BYTES)
		return true;
	log_error("cannot read %s, which names what is captured: %s", path,
		  file ? "not an id" : strerror(errno));
	return false;
}
