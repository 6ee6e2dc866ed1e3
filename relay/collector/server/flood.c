// SPDX-License-Identifier: MIT
#include "flood.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define FLOOD_SECOND		UINT64_C(1000000000)

/*
 * Bytes that are no messages: of strangers, and of others, whose streams may each have
 * a message under way; as many more a second are forgiven.
 */
#define FLOOD_STRANGER_BYTES	(256 << 10)
#define FLOOD_BYTES		(1 << 20)
#define FLOOD_FORGIVEN		(64 << 10)

static uint64_t flood_most(const struct flood *flood)
{
	uint64_t most = flood->age / FLOOD_SECOND * FLOOD_FORGIVEN;

	/* of TLS, and of many frames for a message */
	most += flood->delivered / 16;
	if (!flood->message)
		return most + FLOOD_STRANGER_BYTES;
	return most + FLOOD_BYTES + flood->message + (uint64_t)flood->windows * FLOOD_WINDOW;
}

bool flood_read(int fd, uint64_t *bytes)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);
	int unread;

	/* in this order: what comes in between is unread */
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) || ioctl(fd, FIONREAD, &unread))
		return false;
	*bytes = info.tcpi_bytes_received > (unsigned int)unread ?
		 info.tcpi_bytes_received - unread : 0;
	return true;
}

bool flood_is(uint64_t bytes, const struct flood *flood)
{
	return bytes > flood->delivered + flood_most(flood);
}
