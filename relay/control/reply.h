/* SPDX-License-Identifier: MIT */
/* What the kernel says of a capture: attributes of linux/pcapring.h. Pure. */
#ifndef CONTROL_REPLY_H
#define CONTROL_REPLY_H

#include "control/capture.h"

/*
 * @bytes: @length bytes of attributes, aligned as struct nlattr. Those that
 * are not known are passed over. False: they are not what the header says, or
 * there is no memory; @capture may own something all the same.
 */
bool reply_decode(const void *bytes, size_t length, struct capture *capture);

#endif
