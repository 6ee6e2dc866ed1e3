/* SPDX-License-Identifier: MIT */
/* A service's place in the system: its signals, what systemd hears of it. */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

/*
 * Block SIGTERM and SIGINT in this thread and all that it starts (call it
 * first), ignore SIGPIPE, and return a signalfd that becomes readable when one
 * of the two arrives. -1: errno says why.
 */
int service_signals(void);

/* sd_notify(3): READY=1, STATUS=, STOPPING=1. Nothing happens elsewhere. */
void service_ready(void);
void service_status(const char *format, ...) __attribute__((format(printf, 1, 2)));
void service_stopping(void);

#endif
