// SPDX-License-Identifier: GPL-2.0-only
/* Link types, as libpcap 1.10 chooses them for the device. */

#include <linux/if_arp.h>
#include <linux/netdevice.h>

#include "fixture.h"
#include "linktype.h"

static const struct {
	u16 type;
	u32 linktype;
} linktype_of[] = {
	{ ARPHRD_ETHER, 1 },
	{ ARPHRD_LOOPBACK, 1 },
	{ ARPHRD_NONE, 101 },
};

static void linktype_table(struct kunit *test)
{
	struct fixture *fixture = test->priv;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(linktype_of); i++) {
		fixture->dev->type = linktype_of[i].type;
		KUNIT_EXPECT_EQ_MSG(test, pcapring_linktype_of(fixture->dev),
				    linktype_of[i].linktype, "type %u", linktype_of[i].type);
	}
	fixture->dev->type = ARPHRD_ETHER;
}

static struct kunit_case linktype_cases[] = {
	KUNIT_CASE(linktype_table),
	{}
};

static struct kunit_suite linktype_suite = {
	.name = "linktype",
	.init = fixture_init,
	.exit = fixture_close,
	.test_cases = linktype_cases,
};

kunit_test_suites(&linktype_suite);
