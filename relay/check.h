/* SPDX-License-Identifier: MIT */
/* Is what options name in order? Nothing is opened but files that are read. */
#ifndef RELAY_CHECK_H
#define RELAY_CHECK_H

#include <stdbool.h>
#include <stdint.h>

struct options;

/*
 * @linktype: of the packets, for what is left out of them; as far as it is known.
 * False: all that is wrong was logged.
 */
bool check_options(const struct options *options, uint32_t linktype);

#endif
