/* SPDX-License-Identifier: MIT */
/* What the kernel does when somebody opens the device, on rings in a memfd. */
#ifndef RECORDS_SETTLE_H
#define RECORDS_SETTLE_H

#include <stdbool.h>

/*
 * Each ring goes on where the reader before left it. False: it left a ring in
 * such a way that the kernel would skip what it holds; which one, and why, was
 * said on standard error.
 */
bool settle_rings(int memory);

#endif
