/* SPDX-License-Identifier: MIT */
/* Addresses of those who connect: all as IPv6, those of IPv4 as ::ffff:a.b.c.d. */
#ifndef COLLECTOR_SERVER_PEER_H
#define COLLECTOR_SERVER_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/* From what the kernel says. False: neither IPv4 nor IPv6. */
bool peer_take(const struct sockaddr *address, struct sockaddr_in6 *peer);

/* From what core says: "ipv4:192.0.2.1:4711", "ipv6:%5B::1%5D:4711". */
bool peer_parse(const char *uri, struct sockaddr_in6 *peer);

bool peer_same(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b);

/* For people; no port. */
void peer_text(const struct sockaddr_in6 *peer, char *text, size_t size);

#endif
