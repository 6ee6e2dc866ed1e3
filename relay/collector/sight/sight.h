/* SPDX-License-Identifier: MIT */
/*
 * What others see of the collector while it serves, made of the roster: metrics for
 * Prometheus, a page for people and the same as JSON over HTTP, and a line on a
 * terminal.
 */
#ifndef SIGHT_SIGHT_H
#define SIGHT_SIGHT_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/http.h"

/* The page asks for itself again so often, in seconds. */
#define SIGHT_REFRESH	"5"
#define SIGHT_PAGES	6

struct live;
struct live_numbers;
struct roster;

/**
 * struct sight - what pages are made of, and who serves them
 * @folder: whose disk is told of; "": none
 */
struct sight {
	struct roster *roster;
	char folder[PATH_MAX];
	struct http_page pages[SIGHT_PAGES];
	struct http *http;
	struct live *live;
};

/**
 * struct sight_config - for whom
 * @http: where; its listen NULL: nowhere; its pages are not looked at
 * @write: FILE; "-": no disk of its own; NULL: @directory
 * @quiet: no line on a terminal
 * @wake: lets the loop answer, with @context, from any thread
 */
struct sight_config {
	struct http_config http;
	const char *write;
	const char *directory;
	bool quiet;
	void (*wake)(void *context);
	void *context;
};

/* Begin; the roster outlives it. False: it was logged. */
bool sight_open(struct sight *sight, struct roster *roster, const struct sight_config *config);

/* The loop has ended, or did not begin. After sight_open(), whatever it said. */
void sight_close(struct sight *sight);

/* As struct http_page has them; @context is a struct sight. */
bool sight_write_metrics(void *context, FILE *out);
bool sight_write_page(void *context, FILE *out);
bool sight_write_style(void *context, FILE *out);
bool sight_write_json(void *context, FILE *out);

/* For the live line (common/live.h). */
bool sight_look(void *context, struct live_numbers *numbers);

#endif
