// SPDX-License-Identifier: GPL-2.0-only

#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/pcapring.h>
#include <linux/string.h>
#include <linux/stringify.h>

#include "config.h"

#define PCAPRING_CONFIG_FIELD(attr, member, ...)				\
	{ .attribute = (attr), .offset = offsetof(struct pcapring_config, member),	\
	  .bytes = sizeof_field(struct pcapring_config, member), __VA_ARGS__ }

const struct pcapring_config_field pcapring_config_fields[PCAPRING_CONFIG_FIELDS] = {
	PCAPRING_CONFIG_FIELD(PCAPRING_A_SNAPLEN, snaplen),
	PCAPRING_CONFIG_FIELD(PCAPRING_A_RING_BYTES, ring_bytes, .constant = true),
	PCAPRING_CONFIG_FIELD(PCAPRING_A_RINGS, rings, .constant = true),
	PCAPRING_CONFIG_FIELD(PCAPRING_A_STEER, steer, .constant = true),
	PCAPRING_CONFIG_FIELD(PCAPRING_A_MODE, mode, .constant = true),
	PCAPRING_CONFIG_FIELD(PCAPRING_A_DIRECTION, direction),
	PCAPRING_CONFIG_FIELD(PCAPRING_A_PROMISC, promisc),
	PCAPRING_CONFIG_FIELD(PCAPRING_A_ALLMULTI, allmulti),
	PCAPRING_CONFIG_FIELD(PCAPRING_A_TSTAMP, tstamp),
	PCAPRING_CONFIG_FIELD(PCAPRING_A_SAMPLE, sample),
	PCAPRING_CONFIG_FIELD(PCAPRING_A_LIMIT_PACKETS, limit_packets, .optional = true),
	PCAPRING_CONFIG_FIELD(PCAPRING_A_LIMIT_BYTES, limit_bytes, .optional = true),
	PCAPRING_CONFIG_FIELD(PCAPRING_A_LIMIT_SECONDS, limit_seconds, .optional = true),
};

static bool pcapring_config_refuse(struct pcapring_fault *fault, u32 attribute, const char *reason)
{
	fault->attribute = attribute;
	fault->reason = reason;
	return false;
}

void pcapring_config_defaults(struct pcapring_config *config)
{
	*config = (struct pcapring_config) {
		.snaplen = PCAPRING_SNAPLEN_MAX,
		.ring_bytes = PCAPRING_RING_BYTES_DEFAULT,
		.steer = PCAPRING_STEER_CPU,
		.mode = PCAPRING_MODE_NORMAL,
		.direction = PCAPRING_DIRECTION_BOTH,
		.tstamp = PCAPRING_TSTAMP_SOFTWARE,
		.sample = 1,
	};
}

void pcapring_config_know_any(struct pcapring_config *config)
{
	config->any = !strcmp(config->ifname, "any");
}

void pcapring_config_merge(struct pcapring_config *config, const struct pcapring_config *from,
			   u64 given)
{
	const struct pcapring_config_field *field = pcapring_config_fields;
	int i;

	for (i = 0; i < PCAPRING_CONFIG_FIELDS; i++, field++) {
		if (given & BIT_ULL(field->attribute))
			memcpy((u8 *)config + field->offset, (u8 *)from + field->offset,
			       field->bytes);
	}
}

static bool pcapring_config_name_fits(const struct pcapring_config *config,
				      struct pcapring_fault *fault)
{
	if (!dev_valid_name(config->ifname))
		return pcapring_config_refuse(fault, PCAPRING_A_IFNAME,
					      "must be an interface name: 1 to 15 characters, no '/', ':' or space");
	if (config->any && config->promisc)
		return pcapring_config_refuse(fault, PCAPRING_A_PROMISC,
					      "must be 0 for all interfaces (any)");
	if (config->any && config->allmulti)
		return pcapring_config_refuse(fault, PCAPRING_A_ALLMULTI,
					      "must be 0 for all interfaces (any)");
	return true;
}

static bool pcapring_config_rings_fit(const struct pcapring_config *config,
				      struct pcapring_fault *fault)
{
	if (!is_power_of_2(config->ring_bytes) || config->ring_bytes < PAGE_SIZE ||
	    config->ring_bytes > PCAPRING_RING_BYTES_MAX)
		return pcapring_config_refuse(fault, PCAPRING_A_RING_BYTES,
					      "must be a power of two, one page to 1 GiB");
	if (config->rings > PCAPRING_RINGS_MAX)
		return pcapring_config_refuse(fault, PCAPRING_A_RINGS,
					      "must be 0 (one for each receive queue) to "
					      __stringify(PCAPRING_RINGS_MAX));
	if (config->steer > PCAPRING_STEER_FLOW)
		return pcapring_config_refuse(fault, PCAPRING_A_STEER,
					      "must be 0 (cpu) or 1 (flow)");
	if (config->mode > PCAPRING_MODE_OVERWRITE)
		return pcapring_config_refuse(fault, PCAPRING_A_MODE,
					      "must be 0 (normal) or 1 (overwrite)");
	return true;
}

static bool pcapring_config_snaplen_fits(const struct pcapring_config *config,
					 struct pcapring_fault *fault)
{
	if (!config->snaplen || config->snaplen > PCAPRING_SNAPLEN_MAX)
		return pcapring_config_refuse(fault, PCAPRING_A_SNAPLEN,
					      "must be 1 to 262144 bytes");
	if (config->ring_bytes < sizeof(struct pcapring_record) + config->snaplen)
		return pcapring_config_refuse(fault, PCAPRING_A_RING_BYTES,
					      "must be at least 16 + snaplen bytes");
	return true;
}

static bool pcapring_config_packets_fit(const struct pcapring_config *config,
					struct pcapring_fault *fault)
{
	if (config->direction > PCAPRING_DIRECTION_OUT)
		return pcapring_config_refuse(fault, PCAPRING_A_DIRECTION,
					      "must be 0 (both), 1 (in) or 2 (out)");
	if (config->tstamp > PCAPRING_TSTAMP_HARDWARE)
		return pcapring_config_refuse(fault, PCAPRING_A_TSTAMP,
					      "must be 0 (software) or 1 (hardware)");
	if (config->tstamp == PCAPRING_TSTAMP_HARDWARE &&
	    config->direction != PCAPRING_DIRECTION_IN)
		return pcapring_config_refuse(fault, PCAPRING_A_TSTAMP,
					      "can be hardware only with direction in: packets that go out have no stamp of the card yet");
	if (!config->sample)
		return pcapring_config_refuse(fault, PCAPRING_A_SAMPLE,
					      "must be 1 (each packet) or more");
	return true;
}

int pcapring_config_check(const struct pcapring_config *config, struct pcapring_fault *fault)
{
	if (!pcapring_config_name_fits(config, fault) ||
	    !pcapring_config_rings_fit(config, fault) ||
	    !pcapring_config_snaplen_fits(config, fault) ||
	    !pcapring_config_packets_fit(config, fault))
		return -EINVAL;
	return 0;
}
