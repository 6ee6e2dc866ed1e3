// SPDX-License-Identifier: MIT

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "sender.h"

#define SENDER_BURST_MAX	64
#define SLL2_BYTES		20
#define TAG_BYTES		4 /* that may still be in the data */

static size_t sender_put16(uint8_t *to, uint16_t value)
{
	to[0] = value >> 8;
	to[1] = value;
	return 2;
}

static uint16_t sender_get16(const uint8_t *from)
{
	return from[0] << 8 | from[1];
}

size_t sender_make(uint8_t *frame, uint32_t seed)
{
	size_t length = 60 + seed % (SENDER_FRAME_MAX - 60);
	size_t at = 12;

	memset(frame, 0x02, 12);
	if (seed & 1 << 20) {
		at += sender_put16(frame + at, 0x8100);
		at += sender_put16(frame + at, seed % 4095);
	}
	at += sender_put16(frame + at, SENDER_ETHERTYPE);
	memset(frame + at, seed >> 24, length - at);
	return length;
}

static size_t sender_payload(const uint8_t *frame, size_t length, bool cooked)
{
	size_t at = cooked ? 0 : 12;

	if (length < SLL2_BYTES)
		return length;
	if (!cooked && sender_get16(frame + at) == 0x8100)
		at += 4;
	if (sender_get16(frame + at) != SENDER_ETHERTYPE)
		return length;
	return cooked ? SLL2_BYTES + TAG_BYTES : at + 2;
}

bool sender_is_whole(const uint8_t *frame, size_t length, bool cooked)
{
	size_t at = sender_payload(frame, length, cooked);
	size_t first = at;

	while (at < length && frame[at] == frame[first])
		at++;
	return at >= length;
}

unsigned int sender_burst(int fd, const char *ifname, uint32_t seed,
			  unsigned int count)
{
	static __thread uint8_t frames[SENDER_BURST_MAX][SENDER_FRAME_MAX];
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(SENDER_ETHERTYPE),
				  .sll_ifindex = if_nametoindex(ifname),
				  .sll_halen = 6 };
	struct iovec part[SENDER_BURST_MAX];
	struct mmsghdr message[SENDER_BURST_MAX] = {};
	unsigned int i;
	int sent;

	if (count > SENDER_BURST_MAX)
		count = SENDER_BURST_MAX;
	for (i = 0; i < count; i++) {
		part[i].iov_base = frames[i];
		part[i].iov_len = sender_make(frames[i], seed * (i + 1));
		message[i].msg_hdr = (struct msghdr){
			.msg_name = &to, .msg_namelen = sizeof(to),
			.msg_iov = &part[i], .msg_iovlen = 1 };
	}
	sent = sendmmsg(fd, message, count, 0);
	return sent < 0 ? 0 : sent;
}
