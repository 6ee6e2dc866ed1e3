// SPDX-License-Identifier: MIT
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/http.h"
#include "common/version.h"
#include "fuzz.h"

/* Both programs have these, with options of their own. */
struct options;
struct config *options_open(struct options *options, int argc, char **argv);
struct config *options_again(struct options *options, const struct config *config);

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

static void *new_options(const struct fuzz_program *program)
{
	void *options = malloc(program->size);

	FUZZ_TRUE(options);
	return options;
}

/* Always the same file, with another content. */
static void put(int fd, const void *bytes, size_t size)
{
	FUZZ_TRUE(!ftruncate(fd, 0));
	FUZZ_TRUE(pwrite(fd, bytes, size, 0) == (ssize_t)size);
}

static struct config *begin(const struct fuzz_program *program, int *fd)
{
	static char path[32];
	char *argv[] = { "program", "--config", path, NULL };
	static char *lasting[4];

	*fd = fuzz_file((const uint8_t *)program->fine, strlen(program->fine), path);
	memcpy(lasting, argv, sizeof(argv));
	return options_open(new_options(program), 3, lasting);
}

static bool is_taken(const struct fuzz_program *program, const struct config *first,
		     int fd, const void *bytes, size_t size)
{
	void *options = new_options(program);
	struct config *config;

	put(fd, bytes, size);
	config = options_again(options, first);
	if (program->forget)
		program->forget(options);
	free(options);
	if (config)
		config_close(config);
	return config;
}

/* "\r\n" for "\n". */
static size_t ends(const uint8_t *bytes, size_t size, uint8_t *out)
{
	uint8_t *p = out;

	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n')
			*p++ = '\r';
		*p++ = bytes[i];
	}
	return p - out;
}

void fuzz_config(const struct fuzz_program *program, const uint8_t *bytes, size_t size)
{
	static const char comment[] = "\n ; [x\n";
	static struct config *first;
	static int fd;
	uint8_t *more = malloc(2 * size + sizeof(comment));
	bool taken;

	if (!first)
		first = begin(program, &fd);
	FUZZ_TRUE(more);
	taken = is_taken(program, first, fd, bytes, size);
	memcpy(more, size ? bytes : more, size);
	memcpy(more + size, comment, strlen(comment));
	FUZZ_TRUE(is_taken(program, first, fd, more, size + strlen(comment)) == taken);
	if (!memchr(bytes ? bytes : more, '\r', size))
		FUZZ_TRUE(is_taken(program, first, fd, more, ends(bytes, size, more)) == taken);
	free(more);
}
