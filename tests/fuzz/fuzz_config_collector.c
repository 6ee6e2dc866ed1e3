// SPDX-License-Identifier: MIT
/* Files of the collector's options. */
#include "common/http.h"
#include "common/version.h"
#include "config.h"
#include "fuzz.h"
#include "collector/options.h"

/* What the parser asks, and is not of it. */
bool http_check(const struct http_config *config, char fault[HTTP_FAULT_MAX])
{
	(void)config;
	(void)fault;
	return true;
}

const char *version_text(const char *program)
{
	return program;
}

static struct config *config_first(int argc, char **argv)
{
	static struct options options;

	return options_open(&options, argc, argv);
}

static struct config *config_next(const struct config *first)
{
	struct options options;
	struct config *config = options_again(&options, first);

	access_free(&options.access);
	return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct fuzz_program program = {
		"listen = x:1\nwrite = x\n", config_first, config_next,
	};

	fuzz_config(&program, bytes, size);
	return 0;
}
