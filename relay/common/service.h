/* SPDX-License-Identifier: MIT */
/* A service's place in the system: its signals, what systemd hears of it. */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

#include <stdbool.h>

/*
 * Block SIGTERM and SIGINT in this thread and all that it starts (call it
 * first), ignore SIGPIPE, and return a signalfd that becomes readable when one
 * of the two arrives. -1: errno says why.
 */
int service_signals(void);

/*
 * The same with SIGHUP, for a program that has something to reload; otherwise it
 * ends a program whose terminal is gone.
 */
int service_reloads(void);

/* What a program hears: .end of service_signals(), .reloads of service_reloads(). */
struct service_heard {
	int end;
	int reloads;
};

/* @reloads: there is something to reload; else .reloads is -1. False: it was logged. */
bool service_listen(struct service_heard *heard, bool reloads);

/* sd_notify(3): RELOADING=1, until service_ready(). */
void service_reloading(void);

/* sd_notify(3): READY=1, STATUS=, STOPPING=1. Nothing happens elsewhere. */
void service_ready(void);
void service_status(const char *format, ...) __attribute__((format(printf, 1, 2)));
void service_stopping(void);

/* What stands behind the status, as far as systemd is told. */
void service_figures(const char *figures);

#define SERVICE_MACHINE_BYTES	33	/* with the NUL */

/*
 * An identity of this machine for pcapring: 32 hexadecimal digits, the same
 * after a restart and under another host name. False: the machine has no id
 * (machine-id(5)).
 */
bool service_machine(char *identity);

#endif
