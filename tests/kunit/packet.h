/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets made for a test, in every shape that an skb can have. */
#ifndef TESTS_KUNIT_PACKET_H
#define TESTS_KUNIT_PACKET_H

#include <linux/types.h>

struct kunit;
struct net_device;
struct sk_buff;

/* Where an skb keeps its bytes, and who else holds them. */
enum packet_shape {
	PACKET_LINEAR,		/* all beside its header */
	PACKET_PAGED,		/* the link header there, the rest in pages */
	PACKET_ALL_PAGED,	/* not even the link header there */
	PACKET_FRAG_LIST,	/* in a chain of further skbs */
	PACKET_FRAG_LIST_PAGED,	/* in a chain of skbs that have pages */
	PACKET_CLONED,		/* another skb has the same data */
	PACKET_SHARED,		/* others hold this very skb */
	PACKET_SHAPES
};

extern const char *const packet_shape_name[PACKET_SHAPES];

#define PACKET_TAGS_MAX 3

/**
 * struct packet - what a packet is like
 * @shape: see there
 * @out: it goes out: the skb begins with the link header
 * @bare: the device knows no link header
 * @unset_mac: nobody said where the link header is
 * @bytes: on the wire, with link header, without the tags
 * @tags: number of VLAN tags in the data
 * @outer_tag: TPID of a further tag, beside the data, or 0
 * @gso_bytes: of a superframe's segments, or 0
 * @stamp: nanoseconds since the epoch, 0: none
 */
struct packet {
	enum packet_shape shape;
	bool out;
	bool bare;
	bool unset_mac;
	u32 bytes;
	u32 tags;
	u16 outer_tag;
	u16 gso_bytes;
	u64 stamp;
};

#define PACKET_OUTER_TCI 0x6123

/* Bytes on the wire, with all tags. */
u32 packet_length(const struct packet *packet);

/* Those bytes, from @offset on, as a sender would have seen them. */
void packet_wire(const struct packet *packet, u32 offset, u8 *to, u32 count);

/*
 * The skb as a tap gets it; the test owns the one reference. Who else holds it
 * (PACKET_CLONED, PACKET_SHARED) is for the one who hands it on.
 */
struct sk_buff *packet_skb(struct kunit *test, const struct packet *packet,
			   struct net_device *dev);

#endif /* TESTS_KUNIT_PACKET_H */
