/* SPDX-License-Identifier: MIT */
/* The identity of the counters, as anyone can check it in a reply. */
#ifndef STRESS_ACCOUNT_H
#define STRESS_ACCOUNT_H

#include <stdint.h>

#include "family.h"

#define ACCOUNT_CAPTURES	64

/**
 * struct account - the captures that there are
 * @count: of them, those past ACCOUNT_CAPTURES included
 * @id: their numbers
 */
struct account {
	unsigned int count;
	uint32_t id[ACCOUNT_CAPTURES];
};

/*
 * Dump all captures, and exit with status 1 where a packet was seen that is
 * not accounted for, in a ring or in a capture. 0 or errno.
 */
int account_audit(struct family *family, struct account *account);

#endif
