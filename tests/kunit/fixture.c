// SPDX-License-Identifier: GPL-2.0-only

#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

#include "fixture.h"

#define FIXTURE_NAME "kunit0"

static void fixture_dev_setup(struct net_device *dev)
{
	ether_setup(dev);
}

static struct net_device *fixture_dev(u16 type)
{
	struct net_device *dev = alloc_netdev(0, FIXTURE_NAME, NET_NAME_UNKNOWN, fixture_dev_setup);

	if (!dev)
		return NULL;
	dev->type = type;
	if (type == ARPHRD_NONE)
		dev->header_ops = NULL;
	if (type == ARPHRD_LOOPBACK)
		dev->flags = IFF_LOOPBACK;
	return dev;
}

void fixture_config(struct pcapring_config *config)
{
	pcapring_config_defaults(config);
	strscpy(config->ifname, FIXTURE_NAME, sizeof(config->ifname));
	config->rings = 1;
	config->ring_bytes = PAGE_SIZE;
	config->snaplen = PAGE_SIZE - sizeof(struct pcapring_record);
}

static void fixture_attach(struct fixture *fixture)
{
	rtnl_lock();
	mutex_lock(&pcapring_captures_lock);
	fixture->capture->announced = true;
	pcapring_capture_attach(fixture->capture, fixture->dev);
	mutex_unlock(&pcapring_captures_lock);
	rtnl_unlock();
}

struct fixture *fixture_open(struct kunit *test, const struct pcapring_config *config, u16 type)
{
	struct fixture *fixture = kunit_kzalloc(test, sizeof(*fixture), GFP_KERNEL);
	struct pcapring_fault fault = {};

	KUNIT_ASSERT_NOT_NULL(test, fixture);
	test->priv = fixture;
	pcapring_capture_max_bytes = U32_MAX;
	fixture->dev = fixture_dev(type);
	KUNIT_ASSERT_NOT_NULL(test, fixture->dev);
	fixture->capture = pcapring_capture_create(&init_net, config, &fault);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fixture->capture);
	fixture_attach(fixture);
	return fixture;
}

int fixture_init(struct kunit *test)
{
	struct pcapring_config config;

	fixture_config(&config);
	fixture_open(test, &config, ARPHRD_ETHER);
	return 0;
}

void fixture_close(struct kunit *test)
{
	struct fixture *fixture = test->priv;

	if (!fixture)
		return;
	test->priv = NULL;
	if (!IS_ERR_OR_NULL(fixture->capture)) {
		rtnl_lock();
		mutex_lock(&pcapring_captures_lock);
		pcapring_capture_detach(fixture->capture, NULL);
		mutex_unlock(&pcapring_captures_lock);
		rtnl_unlock();
		pcapring_capture_put(fixture->capture);
	}
	if (fixture->dev)
		free_netdev(fixture->dev);
}

void fixture_start_at(struct fixture *fixture, u64 position)
{
	struct pcapring_ring *ring = fixture_ring(fixture);

	ring->head = position;
	ring->tail = position;
	ring->producer->head = position;
	ring->consumer->seen = position;
	ring->consumer->tail = position;
}

void fixture_receive(struct fixture *fixture, struct sk_buff *skb)
{
	struct packet_type *hook = &fixture->capture->tap.hook;

	local_bh_disable();
	rcu_read_lock();
	hook->func(skb, fixture->dev, hook, fixture->dev);
	rcu_read_unlock();
	local_bh_enable();
}

/* The test holds it, too, and finds every bit of it as it was. */
static void fixture_receive_shared(struct kunit *test, struct sk_buff *skb)
{
	struct sk_buff *before = kunit_kmalloc(test, sizeof(*before), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, before);
	memcpy(before, skb, sizeof(*before));
	fixture_receive(test->priv, skb_get(skb));
	KUNIT_EXPECT_EQ(test, memcmp(before, skb, sizeof(*before)), 0);
	kunit_kfree(test, before);
}

/* Another skb has the same data, and finds every byte of it as it was. */
static void fixture_receive_cloned(struct kunit *test, const struct packet *packet,
				   struct sk_buff *skb)
{
	struct sk_buff *twin = skb_clone(skb, GFP_KERNEL);
	u8 *before = kunit_kmalloc(test, skb->len, GFP_KERNEL);
	u8 *after = kunit_kmalloc(test, skb->len, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, twin);
	KUNIT_ASSERT_NOT_NULL(test, before);
	KUNIT_ASSERT_NOT_NULL(test, after);
	KUNIT_ASSERT_EQ(test, skb_copy_bits(twin, 0, before, twin->len), 0);
	fixture_receive(test->priv, skb);
	KUNIT_ASSERT_EQ(test, skb_copy_bits(twin, 0, after, twin->len), 0);
	KUNIT_EXPECT_EQ(test, memcmp(before, after, twin->len), 0);
	KUNIT_EXPECT_FALSE(test, skb_cloned(twin));
	consume_skb(twin);
	kunit_kfree(test, after);
	kunit_kfree(test, before);
}

void fixture_feed(struct kunit *test, const struct packet *packet)
{
	struct fixture *fixture = test->priv;
	struct sk_buff *skb = packet_skb(test, packet, fixture->dev);

	switch (packet->shape) {
	case PACKET_SHARED:
		fixture_receive_shared(test, skb);
		KUNIT_EXPECT_FALSE(test, skb_shared(skb));
		consume_skb(skb);
		break;
	case PACKET_CLONED:
		fixture_receive_cloned(test, packet, skb);
		break;
	default:
		fixture_receive(fixture, skb);
	}
}

static void fixture_expect_bytes(struct kunit *test, const u8 *data, const struct packet *packet,
				 u32 caplen)
{
	u8 *wire = kvmalloc(max(caplen, 1u), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, wire);
	packet_wire(packet, 0, wire, caplen);
	KUNIT_EXPECT_EQ_MSG(test, memcmp(data, wire, caplen), 0,
			    "%s, %s, %u bytes, %u tags, outer %x, caplen %u",
			    packet_shape_name[packet->shape], packet->out ? "out" : "in",
			    packet->bytes, packet->tags, packet->outer_tag, caplen);
	kvfree(wire);
}

u64 fixture_expect(struct kunit *test, u64 position, const struct packet *packet, u32 caplen)
{
	struct pcapring_ring *ring = fixture_ring(test->priv);
	struct pcapring_record record = {};

	KUNIT_ASSERT_TRUE(test, pcapring_ring_peek(ring, position, ring->producer->head, &record));
	KUNIT_ASSERT_EQ(test, record.caplen, caplen);
	KUNIT_EXPECT_EQ(test, record.len, packet_length(packet));
	if (packet->stamp) {
		KUNIT_EXPECT_EQ(test, (u64)record.ts_sec, packet->stamp / NSEC_PER_SEC);
		KUNIT_EXPECT_EQ(test, (u64)record.ts_nsec, packet->stamp % NSEC_PER_SEC);
	}
	fixture_expect_bytes(test, (u8 *)pcapring_ring_at(ring, position) + sizeof(record),
			     packet, caplen);
	return position + sizeof(record) + caplen;
}
