// SPDX-License-Identifier: MIT
#include "common/service.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>

/* Makes an id of ours out of the machine's, which is confidential. */
#define SERVICE_APP	SD_ID128_MAKE(6d,0f,2b,1c,57,a8,4e,93,9d,51,c3,70,e4,18,2f,ba)

int service_signals(void)
{
	sigset_t set;
	int error;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	error = pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (error) {
		errno = error;
		return -1;
	}
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void service_ready(void)
{
	sd_notify(0, "READY=1");
}

void service_status(const char *format, ...)
{
	char status[512];
	va_list args;

	va_start(args, format);
	vsnprintf(status, sizeof(status), format, args);
	va_end(args);
	sd_notifyf(0, "STATUS=%s", status);
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
