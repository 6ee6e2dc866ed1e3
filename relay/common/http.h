/* SPDX-License-Identifier: MIT */
/*
 * Pages over HTTP, for who looks at the program: the only file that knows
 * libmicrohttpd. A thread of its own serves them, so that nobody who asks slowly
 * keeps packets waiting; it comes round, as keeper.h has it.
 */
#ifndef COMMON_HTTP_H
#define COMMON_HTTP_H

#include <stdbool.h>
#include <stdio.h>

struct http;

/**
 * struct http_page - what is at a path
 * @path: "/metrics"
 * @type: of the content
 * @write: writes it, in the thread of the server. False: there is nothing to say yet
 * @context: @write's
 */
struct http_page {
	const char *path;
	const char *type;
	bool (*write)(void *context, FILE *out);
	void *context;
};

/**
 * struct http_config - where, and for whom; the texts are options' values
 * @listen: ADDR:PORT; port 0: any that is free
 * @certificate, @key: files, for TLS; NULL: in the clear
 * @token_file: who asks has to have the token in it; NULL: anybody. It is read
 *	for each request
 * @pages: end with one of no path
 */
struct http_config {
	const char *listen;
	const char *certificate;
	const char *key;
	const char *token_file;
	const struct http_page *pages;
};

#define HTTP_FAULT_MAX	512

/*
 * Can this be served: an address, which others reach only with TLS and a token?
 * False: @fault says what is wrong, and what to do.
 */
bool http_check(const struct http_config *config, char fault[HTTP_FAULT_MAX]);

/* Are its files what they have to be, where it is to be served? False: it was logged. */
bool http_check_files(const struct http_config *config);

/* Serve; @config's texts and pages outlive it. NULL: what is wrong was logged. */
struct http *http_open(const struct http_config *config);

/* No page is being written any more when it returns. NULL is fine. */
void http_close(struct http *http);

#endif
