/* SPDX-License-Identifier: MIT */
#ifndef COLLECTOR_OPTIONS_H
#define COLLECTOR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/http.h"
#include "gate.h"
#include "options_files.h"

struct options {
	const char *listen;	/* ADDR:PORT */
	const char *write;	/* FILE, or "-"; NULL: there is a directory */
	struct options_files files;
	uint64_t hold_back;	/* nanoseconds */
	uint64_t sync;		/* nanoseconds */
	const char *tls_certificate;	/* FILE; NULL: no TLS */
	const char *tls_key;		/* FILE */
	const char *tls_client_ca;	/* FILE; NULL: sensors need no certificate */
	const char *report;	/* FILE: print its account, instead of all else */
	struct http_config metrics;	/* its listen NULL: none are served */
	bool quiet;		/* no live line on a terminal */
	bool verbose;
	struct limits limits;
	struct access_rules access;	/* access_free() it */
};

struct config;

/*
 * Fill in @options, whose texts live as long as the config (common/config.h).
 * Exits with status 0 after --help, 2 when something is wrong.
 */
struct config *options_open(struct options *options, int argc, char **argv);

/* The same again, from the same files. NULL: it was logged what is wrong. */
struct config *options_again(struct options *options, const struct config *config);

#endif
