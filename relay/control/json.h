/* SPDX-License-Identifier: MIT */
/*
 * All that the control program knows of jansson: the same as show.h, as JSON.
 * Names and units are those of linux/pcapring.h in lower case; what is not
 * known is null. False, all: no memory, or standard output failed.
 */
#ifndef CONTROL_JSON_H
#define CONTROL_JSON_H

#include "control/capture.h"

/* An array of objects. */
bool json_captures(const struct capture_list *list);
bool json_stats(const struct capture_list *list);

/* An object, in one line. */
bool json_rates(const struct capture *capture, const struct capture *before,
		double seconds);
bool json_event(const char *name, const struct capture *capture);

#endif
