/* SPDX-License-Identifier: MIT */
/*
 * Standard output, which the takers of calls share: once one of them has begun,
 * there is its header, so that it stays with that one.
 */
#ifndef COLLECTOR_OUTPUT_H
#define COLLECTOR_OUTPUT_H

#include <stdbool.h>

#include "call.h"

/**
 * struct output - standard output
 * @stop_fd: readable once the program has to stop
 * @stop: asks the program to stop
 * @package: of the protocol whose packets are there; NULL: nothing is
 */
struct output {
	int stop_fd;
	void (*stop)(void);
	const char *package;
};

/* May packets of this protocol go there? False: @status says why not. */
bool output_fits(const struct output *output, const char *package,
		 struct call_status *status);

/*
 * A descriptor of our own, where that can be: others keep their pipe blocking.
 * -1: errno says why.
 */
int output_open(void);

/* Wait until a pipe takes more. False: the program stops, and nobody reads. */
bool output_wait(int fd, int stop_fd);

/*
 * It cannot be written to, for @error: that is the end of the program. @text
 * says so, where somebody still reads.
 */
void output_fail(struct output *output, int error, const char *text);

#endif
