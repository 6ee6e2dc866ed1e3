/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A capture of a device that was never registered: what the packet path does,
 * without a network. One at a time, in test->priv.
 */
#ifndef TESTS_KUNIT_FIXTURE_H
#define TESTS_KUNIT_FIXTURE_H

#include <kunit/test.h>
#include <linux/pcapring.h>

#include "capture.h"
#include "packet.h"

struct fixture {
	struct net_device *dev;
	struct pcapring_capture *capture;
};

/* Defaults, with one ring of one page, on an interface that fixture_open() makes. */
void fixture_config(struct pcapring_config *config);

/* @type: ARPHRD_*. For suites' init and exit, the latter also after a failure. */
struct fixture *fixture_open(struct kunit *test, const struct pcapring_config *config, u16 type);
void fixture_close(struct kunit *test);

/* Ethernet, with fixture_config(). */
int fixture_init(struct kunit *test);

static inline struct pcapring_ring *fixture_ring(const struct fixture *fixture)
{
	return fixture->capture->rings;
}

/* All positions at @position, as if so much had gone through the ring. */
void fixture_start_at(struct fixture *fixture, u64 position);

/* Hand the packet to the hook, which owns the skb from then on. */
void fixture_receive(struct fixture *fixture, struct sk_buff *skb);

/*
 * Make the packet, hand it to the hook; where others hold it, too, check that
 * they find it as it was.
 */
void fixture_feed(struct kunit *test, const struct packet *packet);

/* Check that the record at @position is the packet's, cut at @caplen; its end. */
u64 fixture_expect(struct kunit *test, u64 position, const struct packet *packet, u32 caplen);

#endif /* TESTS_KUNIT_FIXTURE_H */
