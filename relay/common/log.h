/* SPDX-License-Identifier: MIT */
/*
 * What a program says on standard error: one line a message, prefixed with the
 * program's name, or with the journal's priority ("<4>", sd-daemon(3)) where
 * standard error is the journal; or in a file, prefixed with the time. Control
 * characters, and bytes that are no UTF-8, become "?". Of more than LOG_BURST
 * messages in LOG_PERIOD seconds, what is not debugged for is left out, and counted.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

#define LOG_BURST	1000
#define LOG_PERIOD	10

/* @program outlives all calls. @verbose: log_debug() is heard, too. */
void log_open(const char *program, int verbose);

/* The same later, from any thread. */
void log_set_verbose(int verbose);

/*
 * From now on to the end of a file, which is made, and opened anew by each call;
 * NULL: to standard error again. False: @path cannot be, errno says why, and all
 * stays as it is.
 */
bool log_to(const char *path);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * What stands below all that is said, on a terminal, until it is something else.
 * NULL: nothing.
 */
void log_live(const char *text);

#endif
