/* SPDX-License-Identifier: MIT */
/* A capture is told to write no more, as 'pcapring freeze' does. */
#ifndef RELAY_FREEZE_H
#define RELAY_FREEZE_H

#include <linux/pcapring.h>

/*
 * Freeze the capture of an open device, which takes CAP_NET_ADMIN, and say so; or
 * why it goes on.
 */
void freeze_capture(const char *device, const struct pcapring_info *info);

#endif
