// SPDX-License-Identifier: MIT
#include "common/log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
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
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX	2048
#define LOG_LIVE_MAX	256
#define LOG_ERASE	"\r\033[K"	/* what stands on the terminal's line */

static const char *log_program = "pcapring";
static int log_verbose;
static bool log_journal;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by the lock: */
static char log_live_line[LOG_LIVE_MAX];	/* on the terminal */
static int log_file = -1;			/* -1: standard error */
static time_t log_since;			/* of the period, CLOCK_MONOTONIC */
static unsigned int log_count;			/* messages in it */

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
	log_set_verbose(verbose);
	log_journal = log_is_journal();
}

void log_set_verbose(int verbose)
{
	__atomic_store_n(&log_verbose, verbose, __ATOMIC_RELAXED);
}

bool log_to(const char *path)
{
	int fd = -1, old;

	if (path) {
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
		if (fd < 0)
			return false;
	}
	pthread_mutex_lock(&log_lock);
	old = log_file;
	log_file = fd;
	pthread_mutex_unlock(&log_lock);
	if (old >= 0)
		close(old);
	return true;
}

/* One write a line, so that lines of several programs do not mix. */
static void log_put(char *text, size_t length)
{
	struct iovec parts[] = {
		{ LOG_ERASE, strlen(LOG_ERASE) }, { text, length },
		{ log_live_line, 0 },
	};
	int first;

	parts[2].iov_len = strlen(log_live_line);
	first = !parts[2].iov_len;
	if (log_file >= 0 ? write(log_file, text, length) < 0 :
			    writev(STDERR_FILENO, parts + first, 3 - first) < 0)
		return;	/* nowhere left to say it */
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

static int log_prefix(char *line, int priority)
{
	struct timespec now;
	char day[32];
	struct tm tm;

	if (log_file >= 0) {
		clock_gettime(CLOCK_REALTIME, &now);
		gmtime_r(&now.tv_sec, &tm);
		strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
		return snprintf(line, LOG_LINE_MAX, "%s.%03ldZ %s: ", day,
				now.tv_nsec / 1000000, log_program);
	}
	if (log_journal)
		return snprintf(line, LOG_LINE_MAX, "<%d>", priority);
	return snprintf(line, LOG_LINE_MAX, "%s: ", log_program);
}

/* Bytes of the character at @text, in UTF-8; 0: none that only shows something. */
static int log_character(const unsigned char *text, int length)
{
	int bytes = *text < 0x80 ? 1 : *text < 0xc2 ? 0 : *text < 0xe0 ? 2 :
		    *text < 0xf0 ? 3 : *text < 0xf5 ? 4 : 0;

	if (bytes > length || iscntrl(*text))
		return 0;
	/* U+0080 to U+009F are orders, too */
	if (*text == 0xc2 && text[1] < 0xa0)
		return 0;
	for (int i = 1; i < bytes; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return bytes;
}

/* What others wrote neither begins lines nor tells terminals what to do. */
static void log_tame(char *text, int length)
{
	for (int i = 0; i < length;) {
		int bytes = log_character((unsigned char *)text + i, length - i);

		if (!bytes)
			text[i] = '?';
		i += bytes ? bytes : 1;
	}
}

static void log_format(int priority, const char *format, va_list args)
{
	char line[LOG_LINE_MAX];
	int prefix = log_prefix(line, priority), length;

	length = vsnprintf(line + prefix, sizeof(line) - prefix - 1, format, args);
	if (length < 0)
		return;
	length += prefix;
	if (length > LOG_LINE_MAX - 2)
		length = LOG_LINE_MAX - 2;
	log_tame(line + prefix, length - prefix);
	line[length++] = '\n';
	log_put(line, length);
}

static void log_say(int priority, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void log_say(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_format(priority, format, args);
	va_end(args);
}

/* May this one be said, within the limit? */
static bool log_may(int priority)
{
	struct timespec now;

	if (priority == LOG_DEBUG)
		return true;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec - log_since >= LOG_PERIOD) {
		if (log_count > LOG_BURST)
			log_say(LOG_WARNING, "%u messages were left out",
					 log_count - LOG_BURST);
		log_since = now.tv_sec;
		log_count = 0;
	}
	return ++log_count <= LOG_BURST;
}

static void log_write(int priority, const char *format, va_list args)
{
	int error = errno;

	pthread_mutex_lock(&log_lock);
	if (log_may(priority)) {
		errno = error;	/* %m */
		log_format(priority, format, args);
	}
	pthread_mutex_unlock(&log_lock);
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
