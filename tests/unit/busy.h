/* SPDX-License-Identifier: MIT */
/* A thread that works: processor time, not the clock's. */
#ifndef UNIT_BUSY_H
#define UNIT_BUSY_H

/* The calling thread, until it has taken so much more. */
void busy_for(unsigned int milliseconds);

#endif
