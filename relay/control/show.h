/* SPDX-License-Identifier: MIT */
/* Captures and events as text for people, on standard output. */
#ifndef CONTROL_SHOW_H
#define CONTROL_SHOW_H

#include "control/capture.h"

void show_captures(const struct capture_list *list);

/* A table: a line for each capture, and one for each of its rings. */
void show_stats(const struct capture_list *list);

/* A line: packets and bytes of @capture per second, as a mean over @seconds. */
void show_rates(const struct capture *capture, const struct capture *before,
		double seconds);

/* A line for an event; @name as "attached". */
void show_event(const char *name, const struct capture *capture);

#endif
