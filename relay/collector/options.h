/* SPDX-License-Identifier: MIT */
#ifndef COLLECTOR_OPTIONS_H
#define COLLECTOR_OPTIONS_H

#include <stdint.h>

struct options {
	const char *listen;	/* ADDR:PORT */
	const char *write;	/* FILE, or "-" */
	uint64_t hold_back;	/* nanoseconds */
	uint64_t sync;		/* nanoseconds */
	const char *tls_certificate;	/* FILE; NULL: no TLS */
	const char *tls_key;		/* FILE */
	const char *tls_client_ca;	/* FILE; NULL: sensors need no certificate */
	const char *report;	/* FILE: print its account, instead of all else */
	int verbose;
};

/* Exits with status 2 when the command line is wrong. */
void options_parse(struct options *options, int argc, char **argv);

#endif
