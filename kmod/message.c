// SPDX-License-Identifier: GPL-2.0-only

#include <linux/lockdep.h>
#include <linux/pcapring.h>
#include <net/netlink.h>

#include "admin.h"
#include "capture.h"
#include "message.h"
#include "stats.h"

/* Enough for all attributes but RING and FILTER, and for a RING. */
#define PCAPRING_MESSAGE_SETTINGS_BYTES	1024
#define PCAPRING_MESSAGE_RING_BYTES	320

static int pcapring_message_put_stats(struct sk_buff *msg, int attribute,
				      const struct pcapring_ring_state *state)
{
	struct nlattr *nest = nla_nest_start(msg, attribute);
	const struct pcapring_stat_field *field = pcapring_stats;
	int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < PCAPRING_STATS; i++, field++) {
		if (nla_put_u64_64bit(msg, field->attribute, pcapring_stats_get(state, field),
				      PCAPRING_STAT_PAD))
			return -EMSGSIZE;
	}
	nla_nest_end(msg, nest);
	return 0;
}

static int pcapring_message_put_position(struct sk_buff *msg, int attribute, u64 position)
{
	return nla_put_u64_64bit(msg, attribute, position, PCAPRING_RING_PAD);
}

static int pcapring_message_put_ring(struct sk_buff *msg, u32 index, bool overwrite,
				     const struct pcapring_ring_state *state)
{
	struct nlattr *nest = nla_nest_start(msg, PCAPRING_A_RING);

	if (!nest ||
	    nla_put_u32(msg, PCAPRING_RING_INDEX, index) ||
	    pcapring_message_put_position(msg, PCAPRING_RING_HEAD, state->head) ||
	    pcapring_message_put_position(msg, PCAPRING_RING_SEEN, state->seen) ||
	    pcapring_message_put_position(msg, PCAPRING_RING_TAIL, state->tail) ||
	    pcapring_message_put_stats(msg, PCAPRING_RING_STATS, state))
		return -EMSGSIZE;
	if (overwrite && pcapring_message_put_position(msg, PCAPRING_RING_OLDEST, state->oldest))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int pcapring_message_put_rings(struct sk_buff *msg, const struct pcapring_capture *capture)
{
	bool overwrite = capture->mode == PCAPRING_MODE_OVERWRITE;
	struct pcapring_ring_state sum = {};
	struct pcapring_ring_state state;
	u32 i;

	for (i = 0; i < capture->tap.ring_count; i++) {
		pcapring_ring_look(&capture->tap.rings[i], &state);
		pcapring_stats_add(&sum, &state);
		if (pcapring_message_put_ring(msg, i, overwrite, &state))
			return -EMSGSIZE;
	}
	return pcapring_message_put_stats(msg, PCAPRING_A_STATS, &sum);
}

static int pcapring_message_put_identity(struct sk_buff *msg,
					 const struct pcapring_capture *capture)
{
	const struct net_device *dev = capture->tap.hook.dev;

	if (nla_put_u32(msg, PCAPRING_A_ID, capture->id) ||
	    nla_put(msg, PCAPRING_A_UUID, sizeof(capture->uuid), &capture->uuid) ||
	    nla_put_string(msg, PCAPRING_A_IFNAME, capture->ifname))
		return -EMSGSIZE;
	if (dev && nla_put_u32(msg, PCAPRING_A_IFINDEX, dev->ifindex))
		return -EMSGSIZE;
	if (capture->linktype != PCAPRING_LINKTYPE_NONE &&
	    nla_put_u32(msg, PCAPRING_A_LINKTYPE, capture->linktype))
		return -EMSGSIZE;
	return 0;
}

static int pcapring_message_put_field(struct sk_buff *msg, const struct pcapring_config *config,
				      const struct pcapring_config_field *field)
{
	const void *value = (const u8 *)config + field->offset;

	if (field->optional && !memchr_inv(value, 0, field->bytes))
		return 0;
	if (field->bytes == sizeof(u64))
		return nla_put_64bit(msg, field->attribute, sizeof(u64), value, PCAPRING_A_PAD);
	return nla_put(msg, field->attribute, field->bytes, value);
}

static int pcapring_message_put_settings(struct sk_buff *msg,
					 const struct pcapring_capture *capture)
{
	struct pcapring_config config;
	int i;

	pcapring_admin_config(capture, &config);
	for (i = 0; i < PCAPRING_CONFIG_FIELDS; i++) {
		if (pcapring_message_put_field(msg, &config, &pcapring_config_fields[i]))
			return -EMSGSIZE;
	}
	if (nla_put_u8(msg, PCAPRING_A_FROZEN, capture->frozen) ||
	    nla_put_u8(msg, PCAPRING_A_READER, capture->open))
		return -EMSGSIZE;
	return 0;
}

static int pcapring_message_put_filter(struct sk_buff *msg,
				       const struct pcapring_filter_slot *filter)
{
	if (filter->id)
		return nla_put_u32(msg, PCAPRING_A_FILTER_ID, filter->id);
	if (filter->length)
		return nla_put(msg, PCAPRING_A_FILTER,
			       filter->length * sizeof(struct sock_filter), filter->instructions);
	return 0;
}

size_t pcapring_message_bytes(const struct pcapring_capture *capture)
{
	lockdep_assert_held(&pcapring_captures_lock);
	return PCAPRING_MESSAGE_SETTINGS_BYTES +
	       capture->tap.ring_count * PCAPRING_MESSAGE_RING_BYTES +
	       capture->tap.filter.length * sizeof(struct sock_filter);
}

int pcapring_message_put(struct sk_buff *msg, const struct pcapring_capture *capture,
			 const char *reason)
{
	lockdep_assert_held(&pcapring_captures_lock);
	if (pcapring_message_put_identity(msg, capture) ||
	    pcapring_message_put_settings(msg, capture) ||
	    pcapring_message_put_filter(msg, &capture->tap.filter) ||
	    pcapring_message_put_rings(msg, capture) ||
	    (reason && nla_put_string(msg, PCAPRING_A_REASON, reason)))
		return -EMSGSIZE;
	return 0;
}
