// SPDX-License-Identifier: GPL-2.0-only

#include <linux/err.h>
#include <linux/module.h>
#include <linux/pcapring.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <net/sock.h>

#include "admin.h"
#include "capture.h"
#include "message.h"
#include "netlink.h"

static struct genl_family pcapring_netlink_family;

static const struct nla_policy pcapring_netlink_policy[PCAPRING_A_MAX + 1] = {
	[PCAPRING_A_ID] = { .type = NLA_U32 },
	[PCAPRING_A_IFNAME] = { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 },
	[PCAPRING_A_SNAPLEN] = { .type = NLA_U32 },
	[PCAPRING_A_RING_BYTES] = { .type = NLA_U64 },
	[PCAPRING_A_RINGS] = { .type = NLA_U32 },
	[PCAPRING_A_STEER] = { .type = NLA_U32 },
	[PCAPRING_A_DIRECTION] = { .type = NLA_U32 },
	[PCAPRING_A_PROMISC] = NLA_POLICY_MAX(NLA_U8, 1),
	[PCAPRING_A_FILTER] = { .type = NLA_BINARY,
				.len = BPF_MAXINSNS * sizeof(struct sock_filter) },
	[PCAPRING_A_MODE] = { .type = NLA_U32 },
	[PCAPRING_A_ALLMULTI] = NLA_POLICY_MAX(NLA_U8, 1),
	[PCAPRING_A_TSTAMP] = { .type = NLA_U32 },
	[PCAPRING_A_SAMPLE] = { .type = NLA_U32 },
	[PCAPRING_A_FROZEN] = NLA_POLICY_MAX(NLA_U8, 1),
	[PCAPRING_A_FILTER_FD] = { .type = NLA_U32 },
	[PCAPRING_A_LIMIT_PACKETS] = { .type = NLA_U64 },
	[PCAPRING_A_LIMIT_BYTES] = { .type = NLA_U64 },
	[PCAPRING_A_LIMIT_SECONDS] = { .type = NLA_U32 },
};

static int pcapring_netlink_put(struct sk_buff *msg, u32 portid, u32 seq, int flags, u8 command,
				const struct pcapring_capture *capture, const char *reason)
{
	void *header = genlmsg_put(msg, portid, seq, &pcapring_netlink_family, flags, command);

	if (!header)
		return -EMSGSIZE;
	if (pcapring_message_put(msg, capture, reason)) {
		genlmsg_cancel(msg, header);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, header);
	return 0;
}

static struct sk_buff *pcapring_netlink_message(const struct pcapring_capture *capture)
{
	return genlmsg_new(pcapring_message_bytes(capture), GFP_KERNEL);
}

/* Called with pcapring_captures_lock held. Who misses a message can ask. */
static void pcapring_netlink_notify(const struct pcapring_capture *capture, u8 event,
				    const char *reason)
{
	struct sk_buff *msg;

	if (!genl_has_listeners(&pcapring_netlink_family, capture->net, 0))
		return;
	msg = pcapring_netlink_message(capture);
	if (!msg)
		return;
	if (pcapring_netlink_put(msg, 0, 0, 0, event, capture, reason)) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_multicast_netns(&pcapring_netlink_family, capture->net, msg, 0, 0, GFP_KERNEL);
}

static int pcapring_netlink_reply(struct genl_info *info, const struct pcapring_capture *capture)
{
	struct sk_buff *msg;
	int err;

	lockdep_assert_held(&pcapring_captures_lock);
	msg = pcapring_netlink_message(capture);
	if (!msg)
		return -ENOMEM;
	err = pcapring_netlink_put(msg, info->snd_portid, info->snd_seq, 0, info->genlhdr->cmd,
				   capture, NULL);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	return genlmsg_reply(msg, info);
}

static int pcapring_netlink_explain(struct genl_info *info, const struct pcapring_fault *fault,
				    int err)
{
	if (fault->reason && info->extack) {
		info->extack->_msg = fault->reason;
		if (fault->attribute)
			NL_SET_BAD_ATTR(info->extack, info->attrs[fault->attribute]);
	}
	return err;
}

/* Refuse what a command does not take, rather than ignore it. */
static int pcapring_netlink_only(struct genl_info *info, u64 allowed)
{
	int i;

	for (i = 1; i <= PCAPRING_A_MAX; i++) {
		if (info->attrs[i] && !(allowed & BIT_ULL(i))) {
			NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[i],
					    "the command does not take this attribute");
			return -EINVAL;
		}
	}
	return 0;
}

/* The family's flags let in who is privileged in the namespace's user namespace. */
static int pcapring_netlink_get_caller(struct sk_buff *skb, struct genl_info *info,
				       struct pcapring_caller *caller)
{
	caller->net = genl_info_net(info);
	caller->userns = !netlink_capable(skb, CAP_NET_ADMIN);
	if (caller->userns && !pcapring_capture_userns_bytes) {
		NL_SET_ERR_MSG(info->extack,
			       "captures of a user namespace need memory that the administrator allows: see the module's parameter userns_bytes");
		return -EPERM;
	}
	return 0;
}

static int pcapring_netlink_get_classic(struct genl_info *info, const struct nlattr *attr,
					struct pcapring_filter_new *filter)
{
	int err;

	if (nla_len(attr) % sizeof(struct sock_filter)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "must be an array of struct sock_filter, 8 bytes each");
		return -EINVAL;
	}
	err = pcapring_filter_prepare(filter, nla_data(attr),
				      nla_len(attr) / sizeof(struct sock_filter));
	if (err == -EINVAL)
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "is not a valid classic BPF program");
	return err;
}

static int pcapring_netlink_get_filter(struct genl_info *info, struct pcapring_filter_new *filter)
{
	const struct nlattr *classic = info->attrs[PCAPRING_A_FILTER];
	const struct nlattr *fd = info->attrs[PCAPRING_A_FILTER_FD];
	int err;

	memset(filter, 0, sizeof(*filter));
	if (classic && fd) {
		NL_SET_ERR_MSG_ATTR(info->extack, fd, "cannot be given together with FILTER");
		return -EINVAL;
	}
	if (classic)
		return pcapring_netlink_get_classic(info, classic, filter);
	if (!fd)
		return 0;
	err = pcapring_filter_prepare_fd(filter, nla_get_u32(fd));
	if (err)
		NL_SET_ERR_MSG_ATTR(info->extack, fd,
				    "is not the descriptor of an eBPF program of type socket filter");
	return err;
}

/* Of those fields that the command has taken. Returns which, as a set of bits. */
static u64 pcapring_netlink_get_config(struct genl_info *info, struct pcapring_config *config)
{
	const struct pcapring_config_field *field = pcapring_config_fields;
	const struct nlattr *attr;
	u64 given = 0;
	int i;

	for (i = 0; i < PCAPRING_CONFIG_FIELDS; i++, field++) {
		attr = info->attrs[field->attribute];
		if (!attr)
			continue;
		/* the policy saw to its length */
		memcpy((u8 *)config + field->offset, nla_data(attr), field->bytes);
		given |= BIT_ULL(field->attribute);
	}
	return given;
}

/* What a command may take of the fields. */
static u64 pcapring_netlink_fields(bool constant_too)
{
	const struct pcapring_config_field *field = pcapring_config_fields;
	u64 fields = 0;
	int i;

	for (i = 0; i < PCAPRING_CONFIG_FIELDS; i++, field++) {
		if (constant_too || !field->constant)
			fields |= BIT_ULL(field->attribute);
	}
	return fields;
}

static int pcapring_netlink_create(struct genl_info *info, const struct pcapring_config *config,
				   struct pcapring_filter_new *filter)
{
	struct pcapring_capture *capture;
	struct pcapring_fault fault = {};
	int err;

	err = pcapring_config_check(config, &fault);
	if (err)
		return pcapring_netlink_explain(info, &fault, err);
	capture = pcapring_capture_create(genl_info_net(info), config, &fault);
	if (IS_ERR(capture))
		return pcapring_netlink_explain(info, &fault, PTR_ERR(capture));

	err = pcapring_admin_start(capture, filter, &fault);
	if (err) {
		pcapring_netlink_explain(info, &fault, err);
	} else {
		mutex_lock(&pcapring_captures_lock);
		err = pcapring_netlink_reply(info, capture);
		mutex_unlock(&pcapring_captures_lock);
		if (err)
			pcapring_admin_undo(capture);
	}
	pcapring_capture_put(capture);
	return err;
}

static int pcapring_netlink_new(struct sk_buff *skb, struct genl_info *info)
{
	struct pcapring_filter_new filter;
	struct pcapring_caller caller;
	struct pcapring_config config;
	int err;

	err = pcapring_netlink_get_caller(skb, info, &caller);
	if (err)
		return err;
	err = pcapring_netlink_only(info, pcapring_netlink_fields(true) |
				    BIT_ULL(PCAPRING_A_IFNAME) | BIT_ULL(PCAPRING_A_FILTER) |
				    BIT_ULL(PCAPRING_A_FILTER_FD));
	if (err)
		return err;
	if (!info->attrs[PCAPRING_A_IFNAME]) {
		NL_SET_ERR_MSG(info->extack, "the interface's name (IFNAME) is missing");
		return -EINVAL;
	}
	pcapring_config_defaults(&config);
	config.userns = caller.userns;
	nla_strscpy(config.ifname, info->attrs[PCAPRING_A_IFNAME], sizeof(config.ifname));
	pcapring_config_know_any(&config);
	pcapring_netlink_get_config(info, &config);
	err = pcapring_netlink_get_filter(info, &filter);
	if (err)
		return err;
	err = pcapring_netlink_create(info, &config, &filter);
	pcapring_filter_discard(&filter);
	return err;
}

static int pcapring_netlink_get_id(struct genl_info *info, u32 *id)
{
	if (!info->attrs[PCAPRING_A_ID]) {
		NL_SET_ERR_MSG(info->extack, "the capture's number (ID) is missing");
		return -EINVAL;
	}
	*id = nla_get_u32(info->attrs[PCAPRING_A_ID]);
	return 0;
}

static int pcapring_netlink_change(struct genl_info *info, const struct pcapring_caller *caller,
				   u32 id, struct pcapring_filter_new *filter)
{
	struct nlattr **attrs = info->attrs;
	struct pcapring_change change = {};
	struct pcapring_fault fault = {};
	bool frozen;
	int err;

	change.given = pcapring_netlink_get_config(info, &change.config);
	if (attrs[PCAPRING_A_FROZEN]) {
		frozen = nla_get_u8(attrs[PCAPRING_A_FROZEN]);
		change.frozen = &frozen;
	}
	if (attrs[PCAPRING_A_FILTER] || attrs[PCAPRING_A_FILTER_FD])
		change.filter = filter;
	err = pcapring_admin_change(caller, id, &change, &fault);
	return pcapring_netlink_explain(info, &fault, err);
}

static int pcapring_netlink_set(struct sk_buff *skb, struct genl_info *info)
{
	struct pcapring_filter_new filter;
	struct pcapring_caller caller;
	u32 id;
	int err;

	err = pcapring_netlink_get_caller(skb, info, &caller);
	if (!err)
		err = pcapring_netlink_only(info, pcapring_netlink_fields(false) |
					    BIT_ULL(PCAPRING_A_ID) | BIT_ULL(PCAPRING_A_FROZEN) |
					    BIT_ULL(PCAPRING_A_FILTER) |
					    BIT_ULL(PCAPRING_A_FILTER_FD));
	if (!err)
		err = pcapring_netlink_get_id(info, &id);
	if (!err)
		err = pcapring_netlink_get_filter(info, &filter);
	if (err)
		return err;
	err = pcapring_netlink_change(info, &caller, id, &filter);
	pcapring_filter_discard(&filter);
	return err;
}

static int pcapring_netlink_del(struct sk_buff *skb, struct genl_info *info)
{
	struct pcapring_fault fault = {};
	struct pcapring_caller caller;
	u32 id;
	int err;

	err = pcapring_netlink_get_caller(skb, info, &caller);
	if (!err)
		err = pcapring_netlink_only(info, BIT_ULL(PCAPRING_A_ID));
	if (!err)
		err = pcapring_netlink_get_id(info, &id);
	if (err)
		return err;
	err = pcapring_admin_delete(&caller, id, &fault);
	return pcapring_netlink_explain(info, &fault, err);
}

static int pcapring_netlink_get(struct sk_buff *skb, struct genl_info *info)
{
	struct pcapring_capture *capture;
	u32 id;
	int err;

	err = pcapring_netlink_only(info, BIT_ULL(PCAPRING_A_ID));
	if (!err)
		err = pcapring_netlink_get_id(info, &id);
	if (err)
		return err;
	mutex_lock(&pcapring_captures_lock);
	capture = pcapring_capture_find(id);
	if (capture && net_eq(capture->net, genl_info_net(info))) {
		err = pcapring_netlink_reply(info, capture);
	} else {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[PCAPRING_A_ID],
				    "no capture of this network namespace has this id");
		err = -ENOENT;
	}
	mutex_unlock(&pcapring_captures_lock);
	return err;
}

/* A capture must fit into one message, whole. */
static int pcapring_netlink_dump_start(struct netlink_callback *cb)
{
	struct net *net = sock_net(cb->skb->sk);
	struct pcapring_capture *capture;
	size_t bytes = 0;

	mutex_lock(&pcapring_captures_lock);
	pcapring_for_each_capture(capture) {
		if (net_eq(capture->net, net))
			bytes = max(bytes, pcapring_message_bytes(capture));
	}
	mutex_unlock(&pcapring_captures_lock);
	cb->min_dump_alloc = bytes;
	return 0;
}

/* args[0]: the id to go on with. */
static int pcapring_netlink_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct net *net = sock_net(skb->sk);
	struct pcapring_capture *capture;
	u32 id = cb->args[0];
	int err = 0;

	mutex_lock(&pcapring_captures_lock);
	while ((capture = pcapring_capture_next(id))) {
		if (net_eq(capture->net, net)) {
			err = pcapring_netlink_put(skb, NETLINK_CB(cb->skb).portid,
						   cb->nlh->nlmsg_seq, NLM_F_MULTI,
						   PCAPRING_CMD_GET, capture, NULL);
			if (err)
				break;
		}
		id = capture->id + 1;
	}
	mutex_unlock(&pcapring_captures_lock);
	cb->args[0] = id;
	/* one that does not even fit into a message of its own ends the dump */
	return skb->len ?: err;
}

static const struct genl_ops pcapring_netlink_ops[] = {
	{ .cmd = PCAPRING_CMD_NEW, .flags = GENL_UNS_ADMIN_PERM, .doit = pcapring_netlink_new },
	{ .cmd = PCAPRING_CMD_SET, .flags = GENL_UNS_ADMIN_PERM, .doit = pcapring_netlink_set },
	{ .cmd = PCAPRING_CMD_DEL, .flags = GENL_UNS_ADMIN_PERM, .doit = pcapring_netlink_del },
	{ .cmd = PCAPRING_CMD_GET, .doit = pcapring_netlink_get,
	  .start = pcapring_netlink_dump_start, .dumpit = pcapring_netlink_dump },
};

/* Open to all: says nothing that GET does not say to everybody. */
static const struct genl_multicast_group pcapring_netlink_groups[] = {
	{ .name = PCAPRING_GENL_GROUP_EVENTS },
};

static struct genl_family pcapring_netlink_family __ro_after_init = {
	.name = PCAPRING_GENL_NAME,
	.version = PCAPRING_GENL_VERSION,
	.maxattr = PCAPRING_A_MAX,
	.policy = pcapring_netlink_policy,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = pcapring_netlink_ops,
	.n_ops = ARRAY_SIZE(pcapring_netlink_ops),
	.mcgrps = pcapring_netlink_groups,
	.n_mcgrps = ARRAY_SIZE(pcapring_netlink_groups),
};

int __init pcapring_netlink_init(void)
{
	int err = genl_register_family(&pcapring_netlink_family);

	if (!err)
		pcapring_capture_listen(pcapring_netlink_notify);
	return err;
}

void pcapring_netlink_exit(void)
{
	pcapring_capture_listen(NULL);
	genl_unregister_family(&pcapring_netlink_family);
}
