/* SPDX-License-Identifier: MIT */
/* What the relay and its receiver prove with who they are. */
#ifndef RELAY_TRUST_H
#define RELAY_TRUST_H

#include <stdbool.h>

#include "common/tls.h"
#include "common/token.h"

struct options;

struct trust {
	struct tls tls;
	struct token token;
};

/* Read the files that @options name, whose texts outlive it. False: it was logged. */
bool trust_open(struct trust *trust, const struct options *options);
void trust_close(struct trust *trust);

#endif
