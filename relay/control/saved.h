/* SPDX-License-Identifier: MIT */
/*
 * Captures in a file, so that they survive the module, and the machine's end.
 * json.h has what stands in it.
 */
#ifndef CONTROL_SAVED_H
#define CONTROL_SAVED_H

#include "control/capture.h"

/*
 * The machine's own settings, which its administrator may change by hand, are
 * below /etc, where pcapring's others are; nothing writes there unasked.
 */
#define SAVED_FOLDER	"/etc/pcapring"
#define SAVED_FILE	SAVED_FOLDER "/captures.json"

/*
 * False, both: standard error has said why. @path: "-" is standard output or
 * input.
 */

/*
 * The file is on disk before it has its name; whatever goes wrong, what had the
 * name before is whole. SAVED_FOLDER is made if there is none.
 */
bool saved_write(const struct capture_list *list, const char *path);

/* As requests that the kernel can be sent; what was read stays @list's. */
bool saved_read(const char *path, struct capture_request_list *list);

#endif
