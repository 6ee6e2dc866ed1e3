// SPDX-License-Identifier: MIT
#include "peer.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool peer_take(const struct sockaddr *address, struct sockaddr_in6 *peer)
{
	const struct sockaddr_in *old = (const struct sockaddr_in *)address;

	if (address->sa_family == AF_INET6) {
		memcpy(peer, address, sizeof(*peer));
		return true;
	}
	if (address->sa_family != AF_INET)
		return false;
	*peer = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = old->sin_port };
	peer->sin6_addr.s6_addr[10] = peer->sin6_addr.s6_addr[11] = 0xff;
	memcpy(peer->sin6_addr.s6_addr + 12, &old->sin_addr, 4);
	return true;
}

bool peer_same(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b)
{
	return a->sin6_port == b->sin6_port &&
	       !memcmp(&a->sin6_addr, &b->sin6_addr, sizeof(a->sin6_addr));
}

void peer_text(const struct sockaddr_in6 *peer, char *text, size_t size)
{
	const uint8_t *bytes = peer->sin6_addr.s6_addr;

	if (IN6_IS_ADDR_V4MAPPED(&peer->sin6_addr))
		snprintf(text, size, "%u.%u.%u.%u", bytes[12], bytes[13], bytes[14], bytes[15]);
	else
		inet_ntop(AF_INET6, &peer->sin6_addr, text, size);
}

bool peer_parse(const char *uri, struct sockaddr_in6 *peer)
{
	bool old = !strncmp(uri, "ipv4:", 5);
	const char *port = strrchr(uri, ':');
	char text[INET6_ADDRSTRLEN + 8];
	size_t start = old ? 5 : 8, end = old ? 0 : 3;

	*peer = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	if ((!old && strncmp(uri, "ipv6:%5B", 8)) || port < uri + start + end)
		return false;
	snprintf(text, sizeof(text), "%s%.*s", old ? "::ffff:" : "",
		 (int)(port - uri - start - end), uri + start);
	text[strcspn(text, "%")] = '\0';	/* of a link */
	peer->sin6_port = htons(atoi(port + 1));
	return inet_pton(AF_INET6, text, &peer->sin6_addr) == 1;
}
