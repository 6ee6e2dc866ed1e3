/* SPDX-License-Identifier: MIT */
/* The attributes that the family takes, as the running kernel describes them. */
#ifndef STRESS_POLICY_H
#define STRESS_POLICY_H

#include <stdint.h>

#include "family.h"

/**
 * struct policy - one for each attribute
 * @type: enum netlink_attribute_type; NL_ATTR_TYPE_INVALID: it takes none
 * @bytes: most that its value may have, for those of variable length
 */
struct policy {
	struct {
		uint32_t type;
		uint32_t bytes;
	} attribute[PCAPRING_A_MAX + 1];
};

/* Ask the kernel (CTRL_CMD_GETPOLICY, since 5.7); dies where it does not say. */
void policy_ask(struct family *family, struct policy *policy);

#endif
