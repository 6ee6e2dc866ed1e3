// SPDX-License-Identifier: GPL-2.0-only
/* Records of packets of every shape. */

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/ktime.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include "fixture.h"

#define RECORD_RING_BYTES 0x100000

/* Room for the largest packet there is. */
static void record_open(struct kunit *test, u16 type)
{
	struct pcapring_config config;

	fixture_config(&config);
	config.ring_bytes = RECORD_RING_BYTES;
	config.snaplen = PCAPRING_SNAPLEN_MAX;
	fixture_open(test, &config, type);
}

static int record_init(struct kunit *test)
{
	record_open(test, ARPHRD_ETHER);
	return 0;
}

/* Capture @packet at @snaplen into an empty ring; the record must be right. */
static void record_check(struct kunit *test, const struct packet *packet, u32 snaplen)
{
	struct fixture *fixture = test->priv;
	u32 caplen = min(packet_length(packet), snaplen);
	u64 end;

	fixture_start_at(fixture, 0);
	fixture->capture->tap.snaplen = snaplen;
	fixture_feed(test, packet);
	end = fixture_expect(test, 0, packet, caplen);
	KUNIT_EXPECT_EQ(test, fixture_ring(fixture)->head, end);
}

static void record_every_shape(struct kunit *test)
{
	static const u32 sizes[] = { 15, 60, 1514, 9014, 65535 };
	static const u32 snaplens[] = { 1, 13, 14, 15, 16, 96, 1514, PCAPRING_SNAPLEN_MAX };
	struct packet packet = {};
	size_t i, j;

	for (packet.shape = 0; packet.shape < PACKET_SHAPES; packet.shape++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			for (j = 0; j < ARRAY_SIZE(snaplens); j++) {
				packet.bytes = sizes[i];
				packet.out = true;
				record_check(test, &packet, snaplens[j]);
				/* what comes in has its link header beside the skb */
				packet.out = false;
				if (packet.shape != PACKET_ALL_PAGED)
					record_check(test, &packet, snaplens[j]);
			}
}

/* In and out in turn, but what has no link header beside its pages goes out. */
static void record_check_at_each_byte(struct kunit *test, struct packet *packet)
{
	u32 snaplen;

	for (snaplen = 1; snaplen < 40; snaplen++) {
		packet->out = snaplen % 2 || packet->shape == PACKET_ALL_PAGED;
		record_check(test, packet, snaplen);
	}
	record_check(test, packet, PCAPRING_SNAPLEN_MAX);
}

/* One tag may stand beside the data, others in it; cut at each byte around them. */
static void record_tags_at_each_depth(struct kunit *test)
{
	static const u16 outer[] = { 0, ETH_P_8021Q, ETH_P_8021AD };
	struct packet packet = { .bytes = 70 };
	size_t i;

	for (packet.shape = 0; packet.shape < PACKET_SHAPES; packet.shape++)
		for (i = 0; i < ARRAY_SIZE(outer); i++)
			for (packet.tags = 0; packet.tags <= PACKET_TAGS_MAX; packet.tags++) {
				packet.outer_tag = outer[i];
				record_check_at_each_byte(test, &packet);
			}
}

/* Shorter than a link header, down to nothing. */
static void record_runts(struct kunit *test)
{
	struct packet packet = {};

	for (packet.bytes = 0; packet.bytes <= ETH_HLEN; packet.bytes++) {
		packet.out = true;
		record_check(test, &packet, PCAPRING_SNAPLEN_MAX);
		packet.out = false;
		record_check(test, &packet, PCAPRING_SNAPLEN_MAX);
	}
}

/* A tag beside the data has a place behind the addresses, or none. */
static void record_a_tag_without_addresses(struct kunit *test)
{
	struct packet packet = { .out = true, .outer_tag = ETH_P_8021Q };
	struct fixture *fixture = test->priv;
	struct pcapring_record record;

	for (packet.bytes = 0; packet.bytes < 2 * ETH_ALEN; packet.bytes++) {
		fixture_start_at(fixture, 0);
		fixture_receive(fixture, packet_skb(test, &packet, fixture->dev));
		memcpy(&record, fixture_ring(fixture)->data, sizeof(record));
		KUNIT_EXPECT_EQ(test, record.caplen, packet.bytes);
		KUNIT_EXPECT_EQ(test, record.len, packet.bytes);
	}
	record_check(test, &packet, PCAPRING_SNAPLEN_MAX);
}

/* Superframes are cut at the most that libpcap accepts; their length stays true. */
static void record_superframes(struct kunit *test)
{
	static const u32 sizes[] = {
		65549, PCAPRING_SNAPLEN_MAX - 1, PCAPRING_SNAPLEN_MAX, PCAPRING_SNAPLEN_MAX + 1,
		300000, 524280 + ETH_HLEN,
	};
	struct packet packet = { .gso_bytes = 1448 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		packet.bytes = sizes[i];
		packet.shape = PACKET_PAGED;
		record_check(test, &packet, PCAPRING_SNAPLEN_MAX);
		packet.shape = PACKET_FRAG_LIST_PAGED;
		record_check(test, &packet, PCAPRING_SNAPLEN_MAX);
		packet.outer_tag = ETH_P_8021Q;
		record_check(test, &packet, PCAPRING_SNAPLEN_MAX);
		packet.outer_tag = 0;
	}
}

static void record_without_a_mac_header(struct kunit *test)
{
	struct packet packet = { .bytes = 100, .unset_mac = true };

	for (packet.shape = 0; packet.shape < PACKET_SHAPES; packet.shape++)
		record_check(test, &packet, PCAPRING_SNAPLEN_MAX);
}

/* Whatever the skb says of a link header; there is no place for a tag either. */
static void record_of_a_device_without_header(struct kunit *test)
{
	struct packet packet = { .bare = true, .bytes = 1400 };

	fixture_close(test);
	record_open(test, ARPHRD_NONE);
	for (packet.shape = 0; packet.shape < PACKET_SHAPES; packet.shape++) {
		packet.out = false;
		record_check(test, &packet, PCAPRING_SNAPLEN_MAX);
		packet.out = true;
		record_check(test, &packet, PCAPRING_SNAPLEN_MAX);
	}
}

/* Headers alone: no configuration asks for it; if one did, the record is sound. */
static void record_of_nothing(struct kunit *test)
{
	struct packet packet = { .bytes = 100 };
	struct pcapring_config config;
	struct pcapring_fault fault;

	record_check(test, &packet, 0);
	packet.outer_tag = ETH_P_8021Q;
	record_check(test, &packet, 0);

	fixture_config(&config);
	config.snaplen = 0;
	KUNIT_EXPECT_EQ(test, pcapring_config_check(&config, &fault), -EINVAL);
}

static void record_keeps_the_packets_stamp(struct kunit *test)
{
	static const u64 stamps[] = {
		1, NSEC_PER_SEC - 1, NSEC_PER_SEC, 1700000000123456789ull,
		/* past what a signed word holds */
		((1ull << 31) + 5) * NSEC_PER_SEC + 999999999,
	};
	struct packet packet = { .bytes = 60 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(stamps); i++) {
		packet.stamp = stamps[i];
		record_check(test, &packet, PCAPRING_SNAPLEN_MAX);
	}
}

/* The time of the record is between two looks at the clock. */
static void record_expect_now(struct kunit *test, struct sk_buff *skb)
{
	struct fixture *fixture = test->priv;
	u64 before = ktime_get_real_ns();
	struct pcapring_record record;
	u64 stamp;

	fixture_start_at(fixture, 0);
	fixture_receive(fixture, skb);
	memcpy(&record, fixture_ring(fixture)->data, sizeof(record));
	stamp = (u64)record.ts_sec * NSEC_PER_SEC + record.ts_nsec;
	KUNIT_EXPECT_GE(test, stamp, before);
	KUNIT_EXPECT_LE(test, stamp, ktime_get_real_ns());
	KUNIT_EXPECT_LT(test, record.ts_nsec, (u32)NSEC_PER_SEC);
}

static void record_stamps_packets_without_one(struct kunit *test)
{
	struct packet packet = { .bytes = 60 };
	struct fixture *fixture = test->priv;
	struct sk_buff *skb;

	record_expect_now(test, packet_skb(test, &packet, fixture->dev));
	/* when to send it, on another clock, is no stamp */
	skb = packet_skb(test, &packet, fixture->dev);
	skb_set_delivery_time(skb, 12345, true);
	record_expect_now(test, skb);
}

static struct kunit_case record_cases[] = {
	KUNIT_CASE(record_every_shape),
	KUNIT_CASE(record_tags_at_each_depth),
	KUNIT_CASE(record_runts),
	KUNIT_CASE(record_a_tag_without_addresses),
	KUNIT_CASE(record_superframes),
	KUNIT_CASE(record_without_a_mac_header),
	KUNIT_CASE(record_of_a_device_without_header),
	KUNIT_CASE(record_of_nothing),
	KUNIT_CASE(record_keeps_the_packets_stamp),
	KUNIT_CASE(record_stamps_packets_without_one),
	{}
};

static struct kunit_suite record_suite = {
	.name = "record",
	.init = record_init,
	.exit = fixture_close,
	.test_cases = record_cases,
};

kunit_test_suites(&record_suite);
