/* SPDX-License-Identifier: MIT */
/* Files of options, as both programs read them. */
#ifndef FUZZ_CONFIG_H
#define FUZZ_CONFIG_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct fuzz_program - whose files
 * @fine: a file that it takes
 * @size: of its struct options, bytes
 * @forget: what these own; NULL: nothing
 */
struct fuzz_program {
	const char *fine;
	size_t size;
	void (*forget)(void *options);
};

/*
 * The file is taken or refused, and nothing else: so is it with a comment more,
 * and with other ends of lines.
 */
void fuzz_config(const struct fuzz_program *program, const uint8_t *bytes, size_t size);

#endif
