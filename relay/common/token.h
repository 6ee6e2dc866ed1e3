/* SPDX-License-Identifier: MIT */
/*
 * A bearer token (RFC 6750) in a file: one line, of letters, digits and -._~+/=.
 * It is read again when the file changes, never logged, and wiped from memory.
 */
#ifndef COMMON_TOKEN_H
#define COMMON_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "stamp.h"

#define TOKEN_MAX	1025	/* bytes, with the NUL */

/**
 * struct token - a token, and its file as it was when it was read last
 * @option: what messages call the file, e.g. "--token-file"
 */
struct token {
	const char *option;
	const char *path;
	struct stamp stamp;
	char text[TOKEN_MAX];
};

/* Both texts outlive the token. False: what is wrong was logged. */
bool token_open(struct token *token, const char *option, const char *path);
void token_close(struct token *token);

/*
 * Read the file again if it has changed. True: the token is another. A file that
 * is wrong, perhaps half-written, is logged once for each change, and changes
 * nothing.
 */
bool token_refresh(struct token *token);

/* Are these bytes all of a token? */
bool token_is_valid(const char *text, size_t length);

#endif
