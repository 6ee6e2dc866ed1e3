// SPDX-License-Identifier: MIT
#include "control/request.h"

#include <linux/netlink.h>
#include <string.h>

/* @size: of the number, or of the flag, at @offset of struct capture_request */
static const struct request_field {
	const char *name;
	size_t offset;
	size_t size;
} request_fields[PCAPRING_A_MAX + 1] = {
#define FIELD(name, member) { name, offsetof(struct capture_request, member), \
			      sizeof(((struct capture_request *)NULL)->member) }
	[PCAPRING_A_ID] = FIELD(NULL, id),
	[PCAPRING_A_IFNAME] = { "IFACE", 0, 0 },
	[PCAPRING_A_SNAPLEN] = FIELD("snaplen", snaplen),
	[PCAPRING_A_RING_BYTES] = FIELD("ring-bytes", ring_bytes),
	[PCAPRING_A_RINGS] = FIELD("rings", rings),
	[PCAPRING_A_STEER] = FIELD("steer", steer),
	[PCAPRING_A_DIRECTION] = FIELD("direction", direction),
	[PCAPRING_A_PROMISC] = FIELD("promisc", promisc),
	[PCAPRING_A_FILTER] = { "filter", 0, 0 },
	[PCAPRING_A_MODE] = FIELD("mode", mode),
	[PCAPRING_A_ALLMULTI] = FIELD("allmulti", allmulti),
	[PCAPRING_A_TSTAMP] = FIELD("tstamp", tstamp),
	[PCAPRING_A_SAMPLE] = FIELD("sample", sample),
	[PCAPRING_A_FROZEN] = FIELD("freeze", frozen),
	[PCAPRING_A_FILTER_FD] = FIELD("filter bpf", filter_fd),
	[PCAPRING_A_LIMIT_PACKETS] = FIELD("limit packets", limit_packets),
	[PCAPRING_A_LIMIT_BYTES] = FIELD("limit bytes", limit_bytes),
	[PCAPRING_A_LIMIT_SECONDS] = FIELD("limit seconds", limit_seconds),
#undef FIELD
};

const char *request_name(uint16_t attribute)
{
	return attribute <= PCAPRING_A_MAX ? request_fields[attribute].name : NULL;
}

/* The bytes of an attribute's value. */
static const void *request_value(const struct capture_request *request, int type,
				 size_t *length)
{
	switch (type) {
	case PCAPRING_A_IFNAME:
		*length = strlen(request->ifname) + 1;
		return request->ifname;
	case PCAPRING_A_FILTER:
		*length = request->filter_length * sizeof(*request->filter);
		return request->filter;
	default:
		*length = request_fields[type].size;
		return (const uint8_t *)request + request_fields[type].offset;
	}
}

static void request_put(uint8_t *at, uint16_t type, const void *value, size_t length)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + length, .nla_type = type };

	memset(at, 0, NLA_HDRLEN + NLA_ALIGN(length));
	memcpy(at, &attr, sizeof(attr));
	if (length)
		memcpy(at + NLA_HDRLEN, value, length);
}

size_t request_encode(const struct capture_request *request, void *attributes)
{
	size_t total = 0, length;

	for (int type = PCAPRING_A_ID; type <= PCAPRING_A_MAX; type++) {
		const void *value;

		if (!(request->given & CAPTURE_GIVEN(type)))
			continue;
		value = request_value(request, type, &length);
		if (attributes)
			request_put((uint8_t *)attributes + total, type, value, length);
		total += NLA_HDRLEN + NLA_ALIGN(length);
	}
	return total;
}
