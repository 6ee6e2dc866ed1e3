// SPDX-License-Identifier: MIT
/* Files of the collector's options. */
#include "config.h"
#include "fuzz.h"
#include "collector/options.h"

static void forget(void *context)
{
	struct options *options = context;

	access_free(&options->access);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct fuzz_program program = {
		.fine = "listen = x:1\nwrite = x\n",
		.size = sizeof(struct options),
		.forget = forget,
	};

	fuzz_config(&program, bytes, size);
	return 0;
}
