// SPDX-License-Identifier: MIT

#include <err.h>
#include <inttypes.h>
#include <linux/genetlink.h>
#include <string.h>

#include "account.h"

struct stats {
	uint64_t value[PCAPRING_STAT_MAX + 1];
};

static int account_see_stat(const struct nlattr *attribute, void *data)
{
	struct stats *stats = data;
	int type = mnl_attr_get_type(attribute);

	if (type <= PCAPRING_STAT_MAX && type != PCAPRING_STAT_PAD)
		stats->value[type] = mnl_attr_get_u64(attribute);
	return MNL_CB_OK;
}

static void account_check(const struct nlattr *nest, uint32_t id,
			  const char *what)
{
	struct stats stats = {};
	const uint64_t *value = stats.value;

	mnl_attr_parse_nested(nest, account_see_stat, &stats);
	if (value[PCAPRING_STAT_SEEN] ==
	    value[PCAPRING_STAT_CAPTURED] + value[PCAPRING_STAT_FILTERED] +
	    value[PCAPRING_STAT_SAMPLED] + value[PCAPRING_STAT_PAUSED] +
	    value[PCAPRING_STAT_DROPPED])
		return;
	errx(1, "capture %u, %s: seen %" PRIu64 " is not captured %" PRIu64
	     " + filtered %" PRIu64 " + sampled %" PRIu64 " + paused %" PRIu64
	     " + dropped %" PRIu64, id, what, value[PCAPRING_STAT_SEEN],
	     value[PCAPRING_STAT_CAPTURED], value[PCAPRING_STAT_FILTERED],
	     value[PCAPRING_STAT_SAMPLED], value[PCAPRING_STAT_PAUSED],
	     value[PCAPRING_STAT_DROPPED]);
}

static void account_check_ring(const struct nlattr *ring, uint32_t id)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested(attribute, ring) {
		if (mnl_attr_get_type(attribute) == PCAPRING_RING_STATS)
			account_check(attribute, id, "a ring");
	}
}

static int account_see(const struct nlmsghdr *message, void *data)
{
	struct account *account = data;
	const struct nlattr *attribute;
	uint32_t id = 0;

	mnl_attr_for_each(attribute, message, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attribute)) {
		case PCAPRING_A_ID:
			id = mnl_attr_get_u32(attribute);
			if (account->count < ACCOUNT_CAPTURES)
				account->id[account->count] = id;
			account->count++;
			break;
		case PCAPRING_A_STATS:
			account_check(attribute, id, "the sum");
			break;
		case PCAPRING_A_RING:
			account_check_ring(attribute, id);
			break;
		}
	}
	return MNL_CB_OK;
}

int account_audit(struct family *family, struct account *account)
{
	struct nlmsghdr *message = family_begin(family, PCAPRING_CMD_GET,
						NLM_F_DUMP);

	memset(account, 0, sizeof(*account));
	return family_exchange(family, message, account_see, account);
}
