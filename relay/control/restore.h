/* SPDX-License-Identifier: MIT */
/* Captures that are to be there: which of them are, and the others made. */
#ifndef CONTROL_RESTORE_H
#define CONTROL_RESTORE_H

#include "control/capture.h"

struct netlink;

/*
 * All of @wanted, or nothing: what was made before one that failed is deleted.
 * Each that is there already, made alike, stands for one of them. Says a line
 * for each. False: standard error has said why.
 */
bool restore_captures(struct netlink *netlink, const struct capture_request_list *wanted);

#endif
