/* SPDX-License-Identifier: MIT */
/* Captures, live. */
#ifndef CONTROL_TOP_H
#define CONTROL_TOP_H

#include <stdbool.h>
#include <stdint.h>

struct netlink;

/*
 * Every @interval nanoseconds, @count times (0: without end): on a terminal in
 * its place, with keys; elsewhere as lines, one below the other. False: standard
 * error has said why.
 */
bool top_run(struct netlink *netlink, uint64_t interval, uint32_t count);

#endif
