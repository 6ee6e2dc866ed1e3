// SPDX-License-Identifier: MIT

#include <err.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>

#include "policy.h"

static void policy_see_attribute(const struct nlattr *attribute,
				 struct policy *policy)
{
	int number = mnl_attr_get_type(attribute);
	const struct nlattr *fact;

	if (number > PCAPRING_A_MAX)
		return;
	mnl_attr_for_each_nested(fact, attribute) {
		switch (mnl_attr_get_type(fact)) {
		case NL_POLICY_TYPE_ATTR_TYPE:
			policy->attribute[number].type = mnl_attr_get_u32(fact);
			break;
		case NL_POLICY_TYPE_ATTR_MAX_LENGTH:
			policy->attribute[number].bytes = mnl_attr_get_u32(fact);
			break;
		}
	}
}

/* CTRL_ATTR_POLICY is a nest of policies, each a nest of attributes. */
static int policy_see(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *attribute, *policy, *described;

	mnl_attr_for_each(attribute, message, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attribute) != CTRL_ATTR_POLICY)
			continue;
		mnl_attr_for_each_nested(policy, attribute)
			mnl_attr_for_each_nested(described, policy)
				policy_see_attribute(described, data);
	}
	return MNL_CB_OK;
}

void policy_ask(struct family *family, struct policy *policy)
{
	struct nlmsghdr *message;
	uint16_t id = family->id;

	memset(policy, 0, sizeof(*policy));
	family->id = GENL_ID_CTRL;
	message = family_begin(family, CTRL_CMD_GETPOLICY, NLM_F_DUMP);
	family->id = id;
	mnl_attr_put_strz(message, CTRL_ATTR_FAMILY_NAME, PCAPRING_GENL_NAME);
	errno = family_exchange(family, message, policy_see, policy);
	if (errno || policy->attribute[PCAPRING_A_ID].type != NL_ATTR_TYPE_U32)
		err(1, "the kernel does not describe the family %s",
		    PCAPRING_GENL_NAME);
}
