// SPDX-License-Identifier: MIT
#include "common/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define LOG_LINE_MAX	2048

static const char *log_program = "pcapring";
static int log_verbose;
static bool log_journal;

/* systemd names the journal's socket "device:inode" in JOURNAL_STREAM. */
static bool log_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char mine[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st))
		return false;
	snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino);
	return !strcmp(stream, mine);
}

void log_open(const char *program, int verbose)
{
	log_program = program;
	log_verbose = verbose;
	log_journal = log_is_journal();
}

/* One write a line, so that lines of several programs do not mix. */
static void log_write(int priority, const char *format, va_list args)
{
	char line[LOG_LINE_MAX];
	int prefix, length;

	if (log_journal)
		prefix = snprintf(line, sizeof(line), "<%d>", priority);
	else
		prefix = snprintf(line, sizeof(line), "%s: ", log_program);
	length = vsnprintf(line + prefix, sizeof(line) - prefix - 1, format, args);
	if (length < 0)
		return;
	length += prefix;
	if (length > LOG_LINE_MAX - 2)
		length = LOG_LINE_MAX - 2;
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, length) < 0)
		return;	/* nowhere left to say it */
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_write(LOG_ERR, format, args);
	va_end(args);
}

void log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_write(LOG_WARNING, format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_write(LOG_INFO, format, args);
	va_end(args);
}

void log_debug(const char *format, ...)
{
	va_list args;

	if (!log_verbose)
		return;
	va_start(args, format);
	log_write(LOG_DEBUG, format, args);
	va_end(args);
}
