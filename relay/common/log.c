// SPDX-License-Identifier: MIT
#include "common/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#define LOG_LINE_MAX	2048
#define LOG_LIVE_MAX	256
#define LOG_ERASE	"\r\033[K"	/* what stands on the terminal's line */

static const char *log_program = "pcapring";
static int log_verbose;
static bool log_journal;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_live_line[LOG_LIVE_MAX];	/* on the terminal; guarded by the lock */

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
static void log_put(char *text, size_t length)
{
	struct iovec parts[] = {
		{ LOG_ERASE, strlen(LOG_ERASE) }, { text, length },
		{ log_live_line, 0 },
	};
	int first;

	pthread_mutex_lock(&log_lock);
	parts[2].iov_len = strlen(log_live_line);
	first = !parts[2].iov_len;
	if (writev(STDERR_FILENO, parts + first, 3 - first) < 0)
		first = 0;	/* nowhere left to say it */
	pthread_mutex_unlock(&log_lock);
}

/* A line that is longer than the terminal's would stay. */
static size_t log_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return LOG_LIVE_MAX;
	return size.ws_col;
}

void log_live(const char *text)
{
	size_t columns = log_columns();
	char line[LOG_LIVE_MAX + sizeof(LOG_ERASE)];

	if (columns > LOG_LIVE_MAX)
		columns = LOG_LIVE_MAX;
	pthread_mutex_lock(&log_lock);
	snprintf(log_live_line, columns, "%s", text ? text : "");
	snprintf(line, sizeof(line), LOG_ERASE "%s", log_live_line);
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		*log_live_line = '\0';
	pthread_mutex_unlock(&log_lock);
}

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
	log_put(line, length);
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

	if (!__atomic_load_n(&log_verbose, __ATOMIC_RELAXED))
		return;
	va_start(args, format);
	log_write(LOG_DEBUG, format, args);
	va_end(args);
}
