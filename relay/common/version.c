// SPDX-License-Identifier: MIT
#include "common/version.h"

#include <stdio.h>

#include "build-id.h"

const char *version_text(const char *program)
{
	static char text[256];

	snprintf(text, sizeof(text), "%s " PCAPRING_VERSION_STRING "\nbuild " PCAPRING_BUILD_ID,
		 program);
	return text;
}

const char *version_build(void)
{
	return PCAPRING_BUILD_ID;
}
