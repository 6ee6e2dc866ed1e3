// SPDX-License-Identifier: MIT

#include <err.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "family.h"

/* An answer that takes longer is one that does not come. */
#define PATIENCE_SECONDS	120

static int family_see_id(const struct nlattr *attribute, void *data)
{
	struct family *family = data;

	if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID)
		family->id = mnl_attr_get_u16(attribute);
	return MNL_CB_OK;
}

static int family_see(const struct nlmsghdr *message, void *data)
{
	return mnl_attr_parse(message, sizeof(struct genlmsghdr), family_see_id,
			      data);
}

void family_find(struct family *family)
{
	struct nlmsghdr *message;

	family->id = GENL_ID_CTRL;
	message = family_begin(family, CTRL_CMD_GETFAMILY, 0);
	family->id = 0;
	mnl_attr_put_strz(message, CTRL_ATTR_FAMILY_NAME, PCAPRING_GENL_NAME);
	family_exchange(family, message, family_see, family);
}

void family_open(struct family *family)
{
	struct timeval patience = { .tv_sec = PATIENCE_SECONDS };

	memset(family, 0, sizeof(*family));
	family->socket = mnl_socket_open(NETLINK_GENERIC);
	if (!family->socket ||
	    mnl_socket_bind(family->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(family->socket), SOL_SOCKET,
		       SO_RCVTIMEO, &patience, sizeof(patience)))
		err(1, "netlink");
	family_find(family);
}

void family_close(struct family *family)
{
	mnl_socket_close(family->socket);
}

struct nlmsghdr *family_begin(struct family *family, uint8_t command,
			      uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(family->request);
	struct genlmsghdr *generic;

	message->nlmsg_type = family->id;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));
	generic->cmd = command;
	generic->version = PCAPRING_GENL_VERSION;
	return message;
}

static ssize_t family_receive(struct family *family, void *answer, size_t room)
{
	ssize_t bytes;

	do {
		bytes = recv(mnl_socket_get_fd(family->socket), answer, room, 0);
	} while (bytes < 0 && (errno == EINTR || errno == ENOBUFS));
	if (bytes < 0)
		err(1, "no answer from the kernel within %d s",
		    PATIENCE_SECONDS);
	return bytes;
}

int family_exchange(struct family *family, struct nlmsghdr *message,
		    mnl_cb_t see, void *data)
{
	uint32_t port = mnl_socket_get_portid(family->socket);
	uint8_t *answer = malloc(1 << 17);
	ssize_t bytes;
	int next;

	message->nlmsg_seq = ++family->sequence;
	if (mnl_socket_sendto(family->socket, message, message->nlmsg_len) < 0)
		err(1, "netlink: send");
	do {
		bytes = family_receive(family, answer, 1 << 17);
		next = mnl_cb_run(answer, bytes, family->sequence, port, see,
				  data);
	} while (next > 0);
	free(answer);
	return next < 0 ? errno : 0;
}

int family_throw(struct family *family, const void *message, size_t bytes)
{
	uint8_t *answer = malloc(1 << 17);
	const struct nlmsghdr *header = (void *)answer;
	int error;

	if (mnl_socket_sendto(family->socket, message, bytes) < 0)
		err(1, "netlink: send");
	do {
		family_receive(family, answer, 1 << 17);
	} while (header->nlmsg_type != NLMSG_ERROR &&
		 header->nlmsg_type != NLMSG_DONE);
	error = header->nlmsg_type == NLMSG_ERROR ?
		-((const struct nlmsgerr *)mnl_nlmsg_get_payload(header))->error :
		0;
	free(answer);
	return error;
}
