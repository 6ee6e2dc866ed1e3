// SPDX-License-Identifier: GPL-2.0-only
/* Link types, as libpcap 1.10 chooses them for the device. */

#include <linux/if_arp.h>
#include <linux/netdevice.h>

#include "fixture.h"
#include "linktype.h"

/* Numbers as https://www.tcpdump.org/linktypes.html has them. */
static const struct {
	u16 type;
	u32 linktype;
	enum pcapring_framing framing;
} linktype_of[] = {
	{ ARPHRD_ETHER, 1, PCAPRING_FRAMING_ETHERNET },
	{ ARPHRD_LOOPBACK, 1, PCAPRING_FRAMING_ETHERNET },
	{ ARPHRD_NONE, 101, PCAPRING_FRAMING_PLAIN },
	{ ARPHRD_TUNNEL, 101, PCAPRING_FRAMING_PLAIN },
	{ ARPHRD_SIT, 101, PCAPRING_FRAMING_PLAIN },
	{ ARPHRD_SLIP, 101, PCAPRING_FRAMING_PLAIN },
	{ ARPHRD_RAWHDLC, 101, PCAPRING_FRAMING_PLAIN },
	{ ARPHRD_PPP, 113, PCAPRING_FRAMING_SLL },
	{ ARPHRD_IPGRE, 113, PCAPRING_FRAMING_SLL },
	{ ARPHRD_TUNNEL6, 113, PCAPRING_FRAMING_SLL },
	{ ARPHRD_INFINIBAND, 113, PCAPRING_FRAMING_SLL },
	{ ARPHRD_VOID, 113, PCAPRING_FRAMING_SLL },
	{ ARPHRD_IEEE80211, 105, PCAPRING_FRAMING_PLAIN },
	{ ARPHRD_IEEE80211_PRISM, 119, PCAPRING_FRAMING_PLAIN },
	{ ARPHRD_IEEE80211_RADIOTAP, 127, PCAPRING_FRAMING_PLAIN },
	{ ARPHRD_CAN, 227, PCAPRING_FRAMING_CAN },
	{ ARPHRD_IEEE802154, 230, PCAPRING_FRAMING_PLAIN },
	{ ARPHRD_NETLINK, 253, PCAPRING_FRAMING_SLL },
	{ ARPHRD_VSOCKMON, 271, PCAPRING_FRAMING_PLAIN },
	{ ARPHRD_FDDI, 10, PCAPRING_FRAMING_PLAIN },
};

static void linktype_table(struct kunit *test)
{
	struct fixture *fixture = test->priv;
	u32 linktype;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(linktype_of); i++) {
		fixture->dev->type = linktype_of[i].type;
		linktype = pcapring_linktype_of(fixture->dev);
		KUNIT_EXPECT_EQ_MSG(test, linktype, linktype_of[i].linktype, "type %u",
				    linktype_of[i].type);
		KUNIT_EXPECT_EQ_MSG(test, pcapring_linktype_framing(linktype),
				    linktype_of[i].framing, "type %u", linktype_of[i].type);
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
