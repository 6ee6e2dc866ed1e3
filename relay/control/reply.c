// SPDX-License-Identifier: MIT
#include "control/reply.h"

#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

enum reply_kind { REPLY_UNKNOWN, REPLY_NUMBER, REPLY_FLAG, REPLY_BYTES, REPLY_TEXT };

/* Where the value of an attribute goes. */
struct reply_field {
	enum reply_kind kind;
	size_t offset;
	size_t size;
};

#define REPLY_FIELD(kind, type, member) \
	{ kind, offsetof(struct type, member), sizeof(((struct type *)NULL)->member) }

static const struct reply_field reply_capture_fields[PCAPRING_A_MAX + 1] = {
#define FIELD(kind, member) REPLY_FIELD(REPLY_##kind, capture, member)
	[PCAPRING_A_ID] = FIELD(NUMBER, id),
	[PCAPRING_A_UUID] = FIELD(BYTES, uuid),
	[PCAPRING_A_IFNAME] = FIELD(TEXT, ifname),
	[PCAPRING_A_IFINDEX] = FIELD(NUMBER, ifindex),
	[PCAPRING_A_LINKTYPE] = FIELD(NUMBER, linktype),
	[PCAPRING_A_SNAPLEN] = FIELD(NUMBER, snaplen),
	[PCAPRING_A_RING_BYTES] = FIELD(NUMBER, ring_bytes),
	[PCAPRING_A_STEER] = FIELD(NUMBER, steer),
	[PCAPRING_A_DIRECTION] = FIELD(NUMBER, direction),
	[PCAPRING_A_PROMISC] = FIELD(FLAG, promisc),
	[PCAPRING_A_READER] = FIELD(FLAG, reader),
	[PCAPRING_A_REASON] = FIELD(TEXT, reason),
	[PCAPRING_A_MODE] = FIELD(NUMBER, mode),
	[PCAPRING_A_ALLMULTI] = FIELD(FLAG, allmulti),
	[PCAPRING_A_TSTAMP] = FIELD(NUMBER, tstamp),
	[PCAPRING_A_SAMPLE] = FIELD(NUMBER, sample),
	[PCAPRING_A_FROZEN] = FIELD(FLAG, frozen),
	[PCAPRING_A_FILTER_ID] = FIELD(NUMBER, filter_id),
	[PCAPRING_A_LIMIT_PACKETS] = FIELD(NUMBER, limit_packets),
	[PCAPRING_A_LIMIT_BYTES] = FIELD(NUMBER, limit_bytes),
	[PCAPRING_A_LIMIT_SECONDS] = FIELD(NUMBER, limit_seconds),
#undef FIELD
};

static const struct reply_field reply_ring_fields[PCAPRING_RING_MAX + 1] = {
#define FIELD(member) REPLY_FIELD(REPLY_NUMBER, capture_ring, member)
	[PCAPRING_RING_INDEX] = FIELD(index),
	[PCAPRING_RING_HEAD] = FIELD(head),
	[PCAPRING_RING_SEEN] = FIELD(seen),
	[PCAPRING_RING_TAIL] = FIELD(tail),
	[PCAPRING_RING_OLDEST] = FIELD(oldest),
#undef FIELD
};

static uint16_t reply_type(const struct nlattr *attr)
{
	return attr->nla_type & NLA_TYPE_MASK;
}

static const uint8_t *reply_payload(const struct nlattr *attr)
{
	return (const uint8_t *)attr + NLA_HDRLEN;
}

static size_t reply_length(const struct nlattr *attr)
{
	return attr->nla_len - NLA_HDRLEN;
}

typedef bool (*reply_taker)(const struct nlattr *attr, void *object);

static bool reply_each(const void *bytes, size_t length, reply_taker take, void *object)
{
	const uint8_t *at = bytes, *end = at + length;

	while (end - at >= NLA_HDRLEN) {
		const struct nlattr *attr = (const void *)at;

		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > end - at)
			return false;
		if (!take(attr, object))
			return false;
		if (NLA_ALIGN(attr->nla_len) >= end - at)
			break;
		at += NLA_ALIGN(attr->nla_len);
	}
	return true;
}

static bool reply_nest(const struct nlattr *attr, reply_taker take, void *object)
{
	return reply_each(reply_payload(attr), reply_length(attr), take, object);
}

/* A text that is longer than its place is cut. */
static bool reply_text(const struct nlattr *attr, char *text, size_t size)
{
	size_t length = strnlen((const char *)reply_payload(attr), reply_length(attr));

	if (length == reply_length(attr))
		return false;
	if (length > size - 1)
		length = size - 1;
	memcpy(text, reply_payload(attr), length);
	text[length] = '\0';
	return true;
}

static bool reply_store(const struct nlattr *attr, const struct reply_field *field,
			void *object)
{
	void *member = (uint8_t *)object + field->offset;

	if (field->kind == REPLY_TEXT)
		return reply_text(attr, member, field->size);
	if (field->kind == REPLY_UNKNOWN)
		return true;
	if (reply_length(attr) != field->size)
		return false;
	if (field->kind == REPLY_FLAG)
		*(bool *)member = *reply_payload(attr);
	else
		memcpy(member, reply_payload(attr), field->size);
	return true;
}

static bool reply_stat(const struct nlattr *attr, void *object)
{
	uint16_t type = reply_type(attr);
	uint64_t *stats = object;

	if (type <= PCAPRING_STAT_PAD || type > PCAPRING_STAT_MAX)
		return true;
	if (reply_length(attr) != sizeof(*stats))
		return false;
	memcpy(&stats[type], reply_payload(attr), sizeof(*stats));
	return true;
}

static bool reply_ring_attribute(const struct nlattr *attr, void *object)
{
	struct capture_ring *ring = object;
	uint16_t type = reply_type(attr);

	if (type > PCAPRING_RING_MAX)
		return true;
	if (type == PCAPRING_RING_STATS)
		return reply_nest(attr, reply_stat, ring->stats);
	return reply_store(attr, &reply_ring_fields[type], ring);
}

static bool reply_ring(const struct nlattr *attr, struct capture *capture)
{
	if (capture->ring_count == PCAPRING_RINGS_MAX)
		return false;
	return reply_nest(attr, reply_ring_attribute,
			  &capture->rings[capture->ring_count++]);
}

static bool reply_filter(const struct nlattr *attr, struct capture *capture)
{
	size_t length = reply_length(attr);

	if (capture->filter || length % sizeof(*capture->filter))
		return false;
	capture->filter_length = length / sizeof(*capture->filter);
	if (!length)
		return true;
	capture->filter = malloc(length);
	if (!capture->filter)
		return false;
	memcpy(capture->filter, reply_payload(attr), length);
	return true;
}

static bool reply_attribute(const struct nlattr *attr, void *object)
{
	struct capture *capture = object;
	uint16_t type = reply_type(attr);

	if (type > PCAPRING_A_MAX)
		return true;
	switch (type) {
	case PCAPRING_A_FILTER:
		return reply_filter(attr, capture);
	case PCAPRING_A_STATS:
		return reply_nest(attr, reply_stat, capture->stats);
	case PCAPRING_A_RING:
		return reply_ring(attr, capture);
	}
	return reply_store(attr, &reply_capture_fields[type], capture);
}

bool reply_decode(const void *bytes, size_t length, struct capture *capture)
{
	return reply_each(bytes, length, reply_attribute, capture);
}
