/* SPDX-License-Identifier: MIT */
/* What the collector proves with who it is, and whom it believes. */
#ifndef COLLECTOR_TRUST_H
#define COLLECTOR_TRUST_H

#include <stdbool.h>

#include "common/tls.h"

struct options;

/* Read the files that @options name, whose texts outlive @tls. False: it was logged. */
bool trust_open(struct tls *tls, const struct options *options);

#endif
