/* SPDX-License-Identifier: MIT */
/* Which code of the kernel this thread reaches (KCOV). */
#ifndef STRESS_COVERAGE_H
#define STRESS_COVERAGE_H

#include <stdbool.h>

/* False: the kernel has no KCOV. What is called next then does nothing. */
bool coverage_open(void);

/* Count from here on. */
void coverage_begin(void);

/* How many places were reached since then that never were before. */
unsigned int coverage_end(void);

/* How many places were reached ever. */
unsigned int coverage_total(void);

#endif
