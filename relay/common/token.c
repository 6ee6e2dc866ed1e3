// SPDX-License-Identifier: MIT
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

#define TOKEN_FAULT_MAX	256

bool token_is_valid(const char *text, size_t length)
{
	static const char valid[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-._~+/=";

	if (!length || length >= TOKEN_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!text[i] || !strchr(valid, text[i]))
			return false;
	return true;
}

/* At most @size bytes. -1: errno says why. */
static ssize_t token_read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n;
	int error;

	if (fd < 0)
		return -1;
	do {
		n = read(fd, text, size);
	} while (n < 0 && errno == EINTR);
	error = errno;
	close(fd);
	errno = error;
	return n;
}

static bool token_fault(const struct token *token, char *fault, const char *why)
{
	snprintf(fault, TOKEN_FAULT_MAX, "%s %.128s: %s", token->option, token->path, why);
	return false;
}

/* Take what the file holds. False: @fault says why not. */
static bool token_read(struct token *token, char *fault)
{
	char text[TOKEN_MAX + 1];	/* and the line's end */
	ssize_t n = token_read_file(token->path, text, sizeof(text));
	bool valid;

	if (n < 0)
		return token_fault(token, fault, errno == EACCES ?
				   "Permission denied; make it readable for the service's group (chgrp, then chmod 0640)" :
				   strerror(errno));
	while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	valid = token_is_valid(text, n);
	if (valid) {
		memcpy(token->text, text, n);
		explicit_bzero(token->text + n, sizeof(token->text) - n);
	}
	explicit_bzero(text, sizeof(text));
	return valid ||
	       token_fault(token, fault, "is not one line of 1 to 1024 letters, digits and -._~+/=; 'openssl rand -hex 32' makes a token");
}

static void token_warn(const struct token *token)
{
	struct stat st;

	if (!stat(token->path, &st) && st.st_mode & S_IROTH)
		log_warning("%s %s can be read by everybody: chmod o= takes that away",
			    token->option, token->path);
}

bool token_open(struct token *token, const char *option, const char *path)
{
	char fault[TOKEN_FAULT_MAX];

	*token = (struct token) { .option = option, .path = path };
	stamp_take(&token->stamp, path);
	if (!token_read(token, fault)) {
		log_error("%s", fault);
		return false;
	}
	token_warn(token);
	return true;
}

void token_close(struct token *token)
{
	explicit_bzero(token->text, sizeof(token->text));
}

bool token_refresh(struct token *token)
{
	char fault[TOKEN_FAULT_MAX], before[TOKEN_MAX];
	bool news;

	if (!stamp_take(&token->stamp, token->path))
		return false;
	memcpy(before, token->text, sizeof(before));
	if (!token_read(token, fault))
		log_error("%s; the token that was read before stays in use", fault);
	news = memcmp(before, token->text, sizeof(before));
	explicit_bzero(before, sizeof(before));
	if (news) {
		log_info("%s was read again", token->option);
		token_warn(token);
	}
	return news;
}
