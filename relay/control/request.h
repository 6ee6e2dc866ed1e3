/* SPDX-License-Identifier: MIT */
/* What the kernel is asked for, as attributes of linux/pcapring.h. Pure. */
#ifndef CONTROL_REQUEST_H
#define CONTROL_REQUEST_H

#include "control/capture.h"

/* What is given of @request; the length in bytes, with @attributes or without. */
size_t request_encode(const struct capture_request *request, void *attributes);

/* What the user calls an attribute; NULL: nothing. */
const char *request_name(uint16_t attribute);

#endif
