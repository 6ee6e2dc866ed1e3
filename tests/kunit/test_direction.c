// SPDX-License-Identifier: GPL-2.0-only
/* Which packets a capture wants. */

#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include "fixture.h"

#define BIT_OF(direction) BIT(PCAPRING_DIRECTION_##direction)

static const struct {
	u8 type;
	u8 wanted;	/* in which directions, a mask */
} direction_of[] = {
	{ PACKET_HOST, BIT_OF(BOTH) | BIT_OF(IN) },
	{ PACKET_BROADCAST, BIT_OF(BOTH) | BIT_OF(IN) },
	{ PACKET_MULTICAST, BIT_OF(BOTH) | BIT_OF(IN) },
	{ PACKET_OTHERHOST, BIT_OF(BOTH) | BIT_OF(IN) },
	{ PACKET_OUTGOING, BIT_OF(BOTH) | BIT_OF(OUT) },
	{ PACKET_LOOPBACK, 0 },
};

static void direction_check(struct kunit *test, u32 direction, u8 type, bool wanted)
{
	struct packet packet = { .bytes = 60, .out = type == PACKET_OUTGOING };
	struct fixture *fixture = test->priv;
	const struct pcapring_counters *count = &fixture_ring(fixture)->producer->count;
	struct pcapring_counters before = *count;
	struct sk_buff *skb = packet_skb(test, &packet, fixture->dev);

	fixture_start_at(fixture, 0);
	pcapring_tap_set_direction(&fixture->capture->tap, direction);
	skb->pkt_type = type;
	fixture_receive(fixture, skb);
	KUNIT_EXPECT_EQ_MSG(test, count->seen - before.seen, (u64)wanted,
			    "direction %u, type %u", direction, type);
	KUNIT_EXPECT_EQ(test, count->captured - before.captured, (u64)wanted);
}

static void direction_table(struct kunit *test)
{
	u32 direction;
	size_t i;

	for (direction = PCAPRING_DIRECTION_BOTH; direction <= PCAPRING_DIRECTION_OUT; direction++)
		for (i = 0; i < ARRAY_SIZE(direction_of); i++)
			direction_check(test, direction, direction_of[i].type,
					direction_of[i].wanted & BIT(direction));
}

/* It shows each packet twice; the one that comes in stands for both. */
static void direction_on_loopback(struct kunit *test)
{
	struct pcapring_config config;
	size_t i;

	fixture_close(test);
	fixture_config(&config);
	fixture_open(test, &config, ARPHRD_LOOPBACK);
	for (i = 0; i < ARRAY_SIZE(direction_of); i++)
		direction_check(test, PCAPRING_DIRECTION_BOTH, direction_of[i].type,
				direction_of[i].wanted & BIT_OF(IN));
}

/* The core need not clone what goes out where nobody wants it. */
static void direction_in_spares_the_clone(struct kunit *test)
{
	struct fixture *fixture = test->priv;
	struct pcapring_tap *tap = &fixture->capture->tap;

	pcapring_tap_set_direction(tap, PCAPRING_DIRECTION_IN);
	KUNIT_EXPECT_TRUE(test, tap->hook.ignore_outgoing);
	pcapring_tap_set_direction(tap, PCAPRING_DIRECTION_OUT);
	KUNIT_EXPECT_FALSE(test, tap->hook.ignore_outgoing);
	pcapring_tap_set_direction(tap, PCAPRING_DIRECTION_BOTH);
	KUNIT_EXPECT_FALSE(test, tap->hook.ignore_outgoing);
}

static struct kunit_case direction_cases[] = {
	KUNIT_CASE(direction_table),
	KUNIT_CASE(direction_on_loopback),
	KUNIT_CASE(direction_in_spares_the_clone),
	{}
};

static struct kunit_suite direction_suite = {
	.name = "direction",
	.init = fixture_init,
	.exit = fixture_close,
	.test_cases = direction_cases,
};

kunit_test_suites(&direction_suite);
