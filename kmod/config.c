// SPDX-License-Identifier: GPL-2.0-only

#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/pcapring.h>
#include <linux/stringify.h>

#include "config.h"

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
		.direction = PCAPRING_DIRECTION_BOTH,
	};
}

bool pcapring_config_snaplen_fits(u32 snaplen, u64 ring_bytes, struct pcapring_fault *fault)
{
	if (!snaplen || snaplen > PCAPRING_SNAPLEN_MAX)
		return pcapring_config_refuse(fault, PCAPRING_A_SNAPLEN,
					      "must be 1 to 262144 bytes");
	if (ring_bytes < sizeof(struct pcapring_record) + snaplen)
		return pcapring_config_refuse(fault, PCAPRING_A_RING_BYTES,
					      "must be at least 16 + snaplen bytes");
	return true;
}

bool pcapring_config_direction_fits(u32 direction, struct pcapring_fault *fault)
{
	if (direction > PCAPRING_DIRECTION_OUT)
		return pcapring_config_refuse(fault, PCAPRING_A_DIRECTION,
					      "must be 0 (both), 1 (in) or 2 (out)");
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
	return true;
}

int pcapring_config_check(const struct pcapring_config *config, struct pcapring_fault *fault)
{
	if (!dev_valid_name(config->ifname)) {
		pcapring_config_refuse(fault, PCAPRING_A_IFNAME,
				       "must be an interface name: 1 to 15 characters, no '/', ':' or space");
		return -EINVAL;
	}
	if (!pcapring_config_rings_fit(config, fault) ||
	    !pcapring_config_snaplen_fits(config->snaplen, config->ring_bytes, fault) ||
	    !pcapring_config_direction_fits(config->direction, fault))
		return -EINVAL;
	return 0;
}
