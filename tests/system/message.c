// SPDX-License-Identifier: MIT
#include "message.h"

#include <linux/genetlink.h>
#include <linux/pcapring.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "device_map.h"

int message_family;

static int message_socket(void)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct timeval patience = { .tv_sec = 10 };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);

	if (fd < 0 || connect(fd, (void *)&kernel, sizeof(kernel)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)))
		die("netlink socket");
	return fd;
}

void message_begin(struct message *message, int type, int flags, int cmd)
{
	struct genlmsghdr *generic = (void *)(message->bytes + NLMSG_HDRLEN);

	memset(message->bytes, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	message->length = NLMSG_HDRLEN + GENL_HDRLEN;
	message->header.nlmsg_type = type;
	message->header.nlmsg_flags = NLM_F_REQUEST | flags;
	generic->cmd = cmd;
	generic->version = PCAPRING_GENL_VERSION;
}

void message_add(struct message *message, int type, const void *value,
		 size_t length)
{
	struct nlattr attribute = { .nla_type = type,
				    .nla_len = NLA_HDRLEN + length };

	memcpy(message->bytes + message->length, &attribute, NLA_HDRLEN);
	message->length += NLA_HDRLEN;
	memset(message->bytes + message->length, 0, NLA_ALIGN(length));
	memcpy(message->bytes + message->length, value, length);
	message->length += NLA_ALIGN(length);
}

void message_send(int fd, struct message *message)
{
	if (!message->header.nlmsg_len)
		message->header.nlmsg_len = message->length;
	if (send(fd, message->bytes, message->length, 0) < 0)
		die("send");
	message->header.nlmsg_len = 0;
}

static int message_answer(int fd)
{
	static uint8_t bytes[1 << 17];
	const struct nlmsghdr *header = (void *)bytes;
	ssize_t length;

	do {
		length = recv(fd, bytes, sizeof(bytes), 0);
		if (length < (ssize_t)sizeof(*header))
			return -1;
	} while (header->nlmsg_type != NLMSG_ERROR);
	return -((const struct nlmsgerr *)NLMSG_DATA(header))->error;
}

int message_exchange(int fd, struct message *message)
{
	message->header.nlmsg_flags |= NLM_F_ACK;
	message_send(fd, message);
	return message_answer(fd);
}

static void message_find_family(int fd)
{
	static uint8_t bytes[1 << 16];
	struct message message;
	size_t at;

	message_begin(&message, GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY);
	message_add(&message, CTRL_ATTR_FAMILY_NAME, PCAPRING_GENL_NAME,
		    sizeof(PCAPRING_GENL_NAME));
	message_send(fd, &message);
	if (recv(fd, bytes, sizeof(bytes), 0) < 0)
		die("recv");
	for (at = NLMSG_HDRLEN + GENL_HDRLEN; !message_family;) {
		struct nlattr *attribute = (void *)(bytes + at);

		if (((struct nlmsghdr *)bytes)->nlmsg_len <= at)
			die("no family");
		if (attribute->nla_type == CTRL_ATTR_FAMILY_ID)
			message_family = *(uint16_t *)(attribute + 1);
		at += NLA_ALIGN(attribute->nla_len);
	}
}

int message_open(void)
{
	int fd = message_socket();

	if (!message_family)
		message_find_family(fd);
	return fd;
}
