/* SPDX-License-Identifier: MIT */
/*
 * All that the control program knows of jansson: the same as show.h, as JSON.
 * Names and units are those of linux/pcapring.h in lower case; what is not
 * known is null. False, all: no memory, or standard output failed.
 *
 * And captures in a file: {"captures": [{"interface": NAME, KEY: VALUE, ...}]},
 * with the keys and values of add. Numbers and switches are JSON's own, or as
 * add takes them; "filter" is an expression or an array of instructions, each
 * as "tcpdump -ddd" prints it.
 */
#ifndef CONTROL_JSON_H
#define CONTROL_JSON_H

#include <stdio.h>

#include "control/capture.h"

/* An array of objects. */
bool json_captures(const struct capture_list *list);
bool json_stats(const struct capture_list *list);

/* An object, in one line. */
bool json_rates(const struct capture *capture, const struct capture *before,
		double seconds);
bool json_event(const char *name, const struct capture *capture);

/* What keeps @capture out of a file, a clause; NULL: nothing. */
const char *json_save_hint(const struct capture *capture);

/* All that nothing keeps out of it. False: no memory, or the file failed. */
bool json_save(const struct capture_list *list, FILE *file);

/*
 * The file's captures as requests, which stay @list's. False: standard error has
 * said what is wrong with it, where, and what would not be. @name: the file's.
 */
bool json_load(FILE *file, const char *name, struct capture_request_list *list);

#endif
