// SPDX-License-Identifier: MIT
#include "control/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "control/reply.h"
#include "control/request.h"

#define NETLINK_REQUEST_MAX	(64 * 1024)	/* a filter is up to 32 KiB */
#define NETLINK_REPLY_MAX	(64 * 1024)
#define NETLINK_ERROR_MAX	512
#define NETLINK_DUMPS		10		/* tries while captures change */

/*
 * @kernel: what the kernel said in its last extended ack, or ""
 * @culprit: what that was about, as the user calls it, or NULL
 * @error: what netlink_error() gives
 */
struct netlink {
	struct mnl_socket *socket;
	uint32_t sequence;
	uint16_t family;
	uint32_t group;
	const char *culprit;
	char kernel[NETLINK_ERROR_MAX / 2];
	char error[NETLINK_ERROR_MAX];
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(8)));
	char reply[NETLINK_REPLY_MAX] __attribute__((aligned(8)));
};

/* A reply's capture goes into @list; for monitor, into @event. */
struct netlink_reply {
	struct netlink *netlink;
	struct capture_list *list;
	void (*event)(enum pcapring_command command,
		      const struct capture *capture, void *data);
	void *data;
};

const char *netlink_error(const struct netlink *netlink)
{
	return netlink->error;
}

static bool __attribute__((format(printf, 2, 3)))
netlink_fail(struct netlink *netlink, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(netlink->error, sizeof(netlink->error), format, args);
	va_end(args);
	return false;
}

/* The text of errno, after what the kernel said. */
static bool netlink_fail_errno(struct netlink *netlink)
{
	const char *text = errno == EPERM ?
		"Operation not permitted: run it as root" : strerror(errno);

	if (!netlink->kernel[0])
		return netlink_fail(netlink, "%s", text);
	return netlink_fail(netlink, "%s%s%s (%s)",
			    netlink->culprit ? netlink->culprit : "",
			    netlink->culprit ? ": " : "", netlink->kernel, text);
}

/* Opening and closing */

static bool netlink_socket_open(struct netlink *netlink)
{
	int on = 1;

	netlink->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!netlink->socket)
		return false;
	/* Words beside the error's number; kernels without them are fine. */
	mnl_socket_setsockopt(netlink->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(netlink->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	return !mnl_socket_bind(netlink->socket, 0, MNL_SOCKET_AUTOPID);
}

static void netlink_socket_close(struct netlink *netlink)
{
	if (netlink->socket)
		mnl_socket_close(netlink->socket);
	netlink->socket = NULL;
}

/* Messages */

static struct nlmsghdr *netlink_message(struct netlink *netlink, uint16_t type,
					uint8_t command, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(netlink->request);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++netlink->sequence;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = command;
	genl->version = PCAPRING_GENL_VERSION;
	return nlh;
}

/* @offset: of an attribute in the request, as the kernel says. */
static void netlink_ack_culprit(struct netlink *netlink, uint32_t offset)
{
	const struct nlmsghdr *request = (void *)netlink->request;
	struct nlattr attr;

	if (request->nlmsg_type != netlink->family ||
	    offset > request->nlmsg_len - sizeof(attr))
		return;
	memcpy(&attr, netlink->request + offset, sizeof(attr));
	netlink->culprit = request_name(mnl_attr_get_type(&attr));
}

static int netlink_ack_attribute(const struct nlattr *attr, void *data)
{
	struct netlink *netlink = data;

	switch (mnl_attr_get_type(attr)) {
	case NLMSGERR_ATTR_MSG:
		if (!mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
			snprintf(netlink->kernel, sizeof(netlink->kernel), "%s",
				 mnl_attr_get_str(attr));
		break;
	case NLMSGERR_ATTR_OFFS:
		if (!mnl_attr_validate(attr, MNL_TYPE_U32))
			netlink_ack_culprit(netlink, mnl_attr_get_u32(attr));
		break;
	}
	return MNL_CB_OK;
}

/* The result of a request; the kernel's words are attributes at @offset. */
static int netlink_result(const struct nlmsghdr *nlh, struct netlink *netlink,
			  int error, size_t offset)
{
	if (!error)
		return MNL_CB_STOP;
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS &&
	    offset < mnl_nlmsg_get_payload_len(nlh))
		mnl_attr_parse(nlh, offset, netlink_ack_attribute, netlink);
	errno = error < 0 ? -error : EPROTO;
	return MNL_CB_ERROR;
}

static int netlink_on_error(const struct nlmsghdr *nlh, void *data)
{
	const struct nlmsgerr *ack = mnl_nlmsg_get_payload(nlh);
	struct netlink_reply *reply = data;
	size_t offset = sizeof(*ack);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ack)) {
		errno = EPROTO;
		return MNL_CB_ERROR;
	}
	/* An ack that is not capped repeats the request. */
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && ack->msg.nlmsg_len > sizeof(ack->msg))
		offset += MNL_ALIGN(ack->msg.nlmsg_len) - sizeof(ack->msg);
	return netlink_result(nlh, reply->netlink, ack->error, offset);
}

static int netlink_on_done(const struct nlmsghdr *nlh, void *data)
{
	struct netlink_reply *reply = data;
	const int *error = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*error))
		return MNL_CB_STOP;
	return netlink_result(nlh, reply->netlink, *error, sizeof(*error));
}

static mnl_cb_t netlink_control[] = {
	[NLMSG_ERROR] = netlink_on_error,
	[NLMSG_DONE] = netlink_on_done,
};

/* Take what comes until @sequence is answered; 0: for ever. errno says why not. */
static bool netlink_receive(struct netlink *netlink, uint32_t sequence,
			    mnl_cb_t callback, struct netlink_reply *reply)
{
	unsigned int port = sequence ? mnl_socket_get_portid(netlink->socket) : 0;
	ssize_t length;
	int status;

	do {
		length = mnl_socket_recvfrom(netlink->socket, netlink->reply,
					     sizeof(netlink->reply));
		if (length < 0)
			return false;
		status = mnl_cb_run2(netlink->reply, length, sequence, port,
				     callback, reply, netlink_control,
				     MNL_ARRAY_SIZE(netlink_control));
	} while (status > MNL_CB_STOP);
	return status == MNL_CB_STOP;
}

/* Send @nlh and take the answers. errno says why not. */
static bool netlink_talk(struct netlink *netlink, struct nlmsghdr *nlh,
			 mnl_cb_t callback, struct netlink_reply *reply)
{
	netlink->kernel[0] = '\0';
	netlink->culprit = NULL;
	reply->netlink = netlink;
	if (mnl_socket_sendto(netlink->socket, nlh, nlh->nlmsg_len) < 0)
		return false;
	return netlink_receive(netlink, nlh->nlmsg_seq, callback, reply);
}

/* The family: its number, and its group's */

static int netlink_group_attribute(const struct nlattr *attr, void *data)
{
	const struct nlattr **found = data;
	uint16_t type = mnl_attr_get_type(attr);

	if (type == CTRL_ATTR_MCAST_GRP_NAME &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
		return MNL_CB_ERROR;
	if (type == CTRL_ATTR_MCAST_GRP_ID && mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
		return MNL_CB_ERROR;
	if (type <= CTRL_ATTR_MCAST_GRP_MAX)
		found[type] = attr;
	return MNL_CB_OK;
}

static int netlink_group(const struct nlattr *attr, void *data)
{
	const struct nlattr *found[CTRL_ATTR_MCAST_GRP_MAX + 1] = { NULL };
	const struct nlattr *name, *id;
	struct netlink *netlink = data;

	if (mnl_attr_parse_nested(attr, netlink_group_attribute, found) < 0)
		return MNL_CB_ERROR;
	name = found[CTRL_ATTR_MCAST_GRP_NAME];
	id = found[CTRL_ATTR_MCAST_GRP_ID];
	if (name && id && !strcmp(mnl_attr_get_str(name), PCAPRING_GENL_GROUP_EVENTS))
		netlink->group = mnl_attr_get_u32(id);
	return MNL_CB_OK;
}

static int netlink_family_attribute(const struct nlattr *attr, void *data)
{
	struct netlink *netlink = data;

	switch (mnl_attr_get_type(attr)) {
	case CTRL_ATTR_FAMILY_ID:
		if (mnl_attr_validate(attr, MNL_TYPE_U16) < 0)
			return MNL_CB_ERROR;
		netlink->family = mnl_attr_get_u16(attr);
		break;
	case CTRL_ATTR_MCAST_GROUPS:
		return mnl_attr_parse_nested(attr, netlink_group, netlink);
	}
	return MNL_CB_OK;
}

static int netlink_family(const struct nlmsghdr *nlh, void *data)
{
	struct netlink_reply *reply = data;

	return mnl_attr_parse(nlh, sizeof(struct genlmsghdr),
			      netlink_family_attribute, reply->netlink);
}

static bool netlink_resolve(struct netlink *netlink)
{
	struct netlink_reply reply = { 0 };
	struct nlmsghdr *nlh = netlink_message(netlink, GENL_ID_CTRL,
					       CTRL_CMD_GETFAMILY, NLM_F_ACK);

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, PCAPRING_GENL_NAME);
	return netlink_talk(netlink, nlh, netlink_family, &reply);
}

struct netlink *netlink_open(void)
{
	struct netlink *netlink = calloc(1, sizeof(*netlink));

	if (!netlink) {
		log_error("out of memory");
		return NULL;
	}
	if (!netlink_socket_open(netlink)) {
		log_error("netlink: %s", strerror(errno));
		goto close;
	}
	if (!netlink_resolve(netlink)) {
		if (errno == ENOENT)
			log_error("the module is not loaded: modprobe pcapring");
		else
			log_error("netlink: %s", strerror(errno));
		goto close;
	}
	return netlink;
close:
	netlink_close(netlink);
	return NULL;
}

void netlink_close(struct netlink *netlink)
{
	netlink_socket_close(netlink);
	free(netlink);
}

/* Requests, and what they are answered with */

static int netlink_capture(const struct nlmsghdr *nlh, void *data)
{
	struct netlink_reply *reply = data;
	struct capture *capture;

	if (nlh->nlmsg_type != reply->netlink->family ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
		return MNL_CB_OK;
	capture = capture_list_add(reply->list);
	if (!capture) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	if (reply_decode(mnl_nlmsg_get_payload_offset(nlh, sizeof(struct genlmsghdr)),
			 mnl_nlmsg_get_payload_len(nlh) - sizeof(struct genlmsghdr),
			 capture))
		return MNL_CB_OK;
	errno = EPROTO;
	return MNL_CB_ERROR;
}

static struct nlmsghdr *netlink_request(struct netlink *netlink, uint8_t command,
					const struct capture_request *request)
{
	struct nlmsghdr *nlh = netlink_message(netlink, netlink->family, command,
					       NLM_F_ACK);
	size_t length = request_encode(request, NULL);

	request_encode(request, mnl_nlmsg_put_extra_header(nlh, length));
	return nlh;
}

static bool netlink_do(struct netlink *netlink, uint8_t command,
		       const struct capture_request *request,
		       struct capture_list *list)
{
	struct netlink_reply reply = { .list = list };
	struct nlmsghdr *nlh = netlink_request(netlink, command, request);

	capture_list_free(list);
	if (!netlink_talk(netlink, nlh, netlink_capture, &reply))
		return netlink_fail_errno(netlink);
	return true;
}

bool netlink_add(struct netlink *netlink, const struct capture_request *request,
		 uint32_t *id)
{
	struct capture_list list = { 0 };
	bool done = netlink_do(netlink, PCAPRING_CMD_NEW, request, &list);

	if (done && !list.count)
		done = netlink_fail(netlink, "the kernel did not answer with a capture");
	if (done)
		*id = list.captures[0].id;
	capture_list_free(&list);
	return done;
}

bool netlink_set(struct netlink *netlink, const struct capture_request *request)
{
	struct capture_list list = { 0 };
	bool done = netlink_do(netlink, PCAPRING_CMD_SET, request, &list);

	capture_list_free(&list);
	return done;
}

bool netlink_del(struct netlink *netlink, uint32_t id)
{
	struct capture_request request = { .given = CAPTURE_GIVEN(PCAPRING_A_ID), .id = id };
	struct capture_list list = { 0 };
	bool done = netlink_do(netlink, PCAPRING_CMD_DEL, &request, &list);

	capture_list_free(&list);
	return done;
}

bool netlink_get(struct netlink *netlink, uint32_t id, struct capture_list *list)
{
	struct capture_request request = { .given = CAPTURE_GIVEN(PCAPRING_A_ID), .id = id };

	if (!netlink_do(netlink, PCAPRING_CMD_GET, &request, list))
		return false;
	if (!list->count)
		return netlink_fail(netlink, "the kernel did not answer with a capture");
	return true;
}

/* Captures that came or went meanwhile (EINTR) make a dump void: start anew. */
bool netlink_dump(struct netlink *netlink, struct capture_list *list)
{
	struct netlink_reply reply = { .list = list };

	for (int i = 0; i < NETLINK_DUMPS; i++) {
		struct nlmsghdr *nlh = netlink_message(netlink, netlink->family,
						       PCAPRING_CMD_GET, NLM_F_DUMP);

		capture_list_free(list);
		if (netlink_talk(netlink, nlh, netlink_capture, &reply))
			return true;
		/* the other one while it goes: no dump begins that would keep it */
		if (errno == ENOENT || errno == EPROTONOSUPPORT)
			return netlink_fail(netlink, "the module is not loaded any more: modprobe pcapring");
		if (errno != EINTR)
			return netlink_fail_errno(netlink);
		netlink_socket_close(netlink);
		if (!netlink_socket_open(netlink))
			return netlink_fail_errno(netlink);
	}
	return netlink_fail(netlink, "captures came and went during each of %d tries",
			    NETLINK_DUMPS);
}

static int netlink_event(const struct nlmsghdr *nlh, void *data)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct capture_list list = { 0 };
	struct netlink_reply *reply = data;
	int status;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl))
		return MNL_CB_OK;
	reply->list = &list;
	status = netlink_capture(nlh, reply);
	if (status > MNL_CB_STOP && list.count)
		reply->event(genl->cmd, list.captures, reply->data);
	capture_list_free(&list);
	return status;
}

bool netlink_monitor(struct netlink *netlink,
		     void (*event)(enum pcapring_command command,
				   const struct capture *capture, void *data),
		     void *data)
{
	struct netlink_reply reply = {
		.netlink = netlink, .event = event, .data = data
	};

	netlink->kernel[0] = '\0';
	if (!netlink->group)
		return netlink_fail(netlink, "the module has no group of events");
	if (mnl_socket_setsockopt(netlink->socket, NETLINK_ADD_MEMBERSHIP,
				  &netlink->group, sizeof(netlink->group)))
		return netlink_fail_errno(netlink);
	for (;;) {
		netlink_receive(netlink, 0, netlink_event, &reply);
		if (errno != ENOBUFS)
			return netlink_fail_errno(netlink);
		log_warning("monitor: the kernel was faster, events were lost");
	}
}

