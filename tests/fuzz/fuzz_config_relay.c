// SPDX-License-Identifier: MIT
/* Files of the relay's options. */
#include "config.h"
#include "fuzz.h"
#include "options.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct fuzz_program program = {
		.fine = "target = x:1\ndevice = /dev/x\n",
		.size = sizeof(struct options),
	};

	fuzz_config(&program, bytes, size);
	return 0;
}
