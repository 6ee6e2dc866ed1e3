/* SPDX-License-Identifier: MIT */
/*
 * What a program says on standard error: one line a message, prefixed with the
 * program's name, or with the journal's priority ("<4>", sd-daemon(3)) where
 * standard error is the journal.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

/* @program outlives all calls. @verbose: log_debug() is heard, too. */
void log_open(const char *program, int verbose);

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
