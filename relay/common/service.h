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

/* sd_notify(3): READY=1, STATUS=, STOPPING=1. Nothing happens elsewhere. */
void service_ready(void);
void service_status(const char *format, ...) __attribute__((format(printf, 1, 2)));
void service_stopping(void);

#define SERVICE_MACHINE_BYTES	33	/* with the NUL */

/*
 * An identity of this machine for pcapring: 32 hexadecimal digits, the same
 * after a restart and under another host name. False: the machine has no id
 * (machine-id(5)).
 */
bool service_machine(char *identity);

#endif
