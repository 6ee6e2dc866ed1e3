/* SPDX-License-Identifier: MIT */
/* The options that tell where, and for whom, pages are served: struct http_config. */
#ifndef COMMON_HTTP_OPTIONS_H
#define COMMON_HTTP_OPTIONS_H

#include "common/http.h"

enum {
	HTTP_OPTION_LISTEN = 0x6000,
	HTTP_OPTION_CERTIFICATE,
	HTTP_OPTION_KEY,
	HTTP_OPTION_TOKEN_FILE,
};

/* For the list of argp's, in @group; @what is served, a text. */
#define HTTP_OPTIONS_LIST(what, group) \
	{ "metrics", HTTP_OPTION_LISTEN, "ADDR:PORT", 0, \
	  what "; where others can reach it, the following three are needed", group }, \
	{ "metrics-tls-cert", HTTP_OPTION_CERTIFICATE, "FILE", 0, \
	  "Serve them by TLS, with this certificate (PEM)", group }, \
	{ "metrics-tls-key", HTTP_OPTION_KEY, "FILE", 0, "... and its key (PEM)", group }, \
	{ "metrics-token-file", HTTP_OPTION_TOKEN_FILE, "FILE", 0, \
	  "Serve them to who has the token in FILE (one line)", group }

/* Where the option's value goes. NULL: it is another one. */
static inline const char **http_option(struct http_config *config, int key)
{
	switch (key) {
	case HTTP_OPTION_LISTEN:
		return &config->listen;
	case HTTP_OPTION_CERTIFICATE:
		return &config->certificate;
	case HTTP_OPTION_KEY:
		return &config->key;
	case HTTP_OPTION_TOKEN_FILE:
		return &config->token_file;
	default:
		return NULL;
	}
}

#endif
