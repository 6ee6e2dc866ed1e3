// SPDX-License-Identifier: MIT
#include "common/service.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>
#include <time.h>

#include "common/log.h"

/* Makes an id of ours out of the machine's, which is confidential. */
#define SERVICE_APP	SD_ID128_MAKE(6d,0f,2b,1c,57,a8,4e,93,9d,51,c3,70,e4,18,2f,ba)

static int service_take(const sigset_t *set)
{
	errno = pthread_sigmask(SIG_BLOCK, set, NULL);
	return errno ? -1 : signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int service_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -1;
	return service_take(&set);
}

int service_reloads(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	return service_take(&set);
}

bool service_listen(struct service_heard *heard, bool reloads)
{
	heard->end = service_signals();
	heard->reloads = reloads ? service_reloads() : -1;
	if (heard->end >= 0 && (heard->reloads >= 0 || !reloads))
		return true;
	log_error("cannot receive signals: %m");
	return false;
}

void service_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   now.tv_sec * 1000000ULL + now.tv_nsec / 1000);
}

void service_ready(void)
{
	sd_notify(0, "READY=1");
}

/* @lock guards the others. */
static struct service_told {
	pthread_mutex_t lock;
	char status[512];
	char figures[256];
} service_told = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void service_tell(void)
{
	const struct service_told *told = &service_told;

	sd_notifyf(0, "STATUS=%s%s%s", told->status,
		   *told->status && *told->figures ? "; " : "", told->figures);
}

void service_status(const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&service_told.lock);
	va_start(args, format);
	vsnprintf(service_told.status, sizeof(service_told.status), format, args);
	va_end(args);
	service_tell();
	pthread_mutex_unlock(&service_told.lock);
}

void service_figures(const char *figures)
{
	pthread_mutex_lock(&service_told.lock);
	if (strcmp(figures, service_told.figures)) {
		snprintf(service_told.figures, sizeof(service_told.figures), "%s", figures);
		service_tell();
	}
	pthread_mutex_unlock(&service_told.lock);
}

void service_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

bool service_machine(char *identity)
{
	sd_id128_t id;

	if (sd_id128_get_machine_app_specific(SERVICE_APP, &id))
		return false;
	sd_id128_to_string(id, identity);
	return true;
}
