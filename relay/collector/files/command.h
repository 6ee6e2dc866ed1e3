/* SPDX-License-Identifier: MIT */
/* Runs an operator's command. No shell is between. */
#ifndef COLLECTOR_COMMAND_H
#define COLLECTOR_COMMAND_H

#include <stdbool.h>

/*
 * Run @command, words apart by blanks, with @folder/@name as the last one, and wait
 * for its end; a failure is logged. @stop: called now and then; true: let it be
 * ended, and where it takes its time with that, killed. False: it was.
 */
bool command_run(const char *command, const char *folder, const char *name,
		 bool (*stop)(void *context), void *context);

#endif
