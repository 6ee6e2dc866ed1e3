// SPDX-License-Identifier: MIT
#include "crowd.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "peer.h"
#include "penalty.h"

bool crowd_open(struct crowd *crowd)
{
	crowd->entries = calloc(CROWD_MAX, sizeof(*crowd->entries));
	crowd->delivered = calloc(CROWD_MAX, sizeof(*crowd->delivered));
	if (crowd->entries && crowd->delivered)
		return true;
	crowd_close(crowd);
	return false;
}

void crowd_close(struct crowd *crowd)
{
	free(crowd->entries);
	free(crowd->delivered);
}

void crowd_add(struct crowd *crowd, int fd, const struct sockaddr_in6 *peer, uint64_t now)
{
	struct crowd_entry *entry = &crowd->entries[fd];

	if (entry->number)
		crowd_forget(crowd, fd);
	*entry = (struct crowd_entry){ .number = ++crowd->accepted, .peer = *peer, .born = now };
	__atomic_store_n(&crowd->delivered[fd], 0, __ATOMIC_RELAXED);
	crowd->by_port[ntohs(peer->sin6_port)] = fd;
	crowd->strangers++;
	if (fd >= crowd->top)
		crowd->top = fd + 1;
}

void crowd_forget(struct crowd *crowd, int fd)
{
	struct crowd_entry *entry = &crowd->entries[fd];

	if (!entry->known)
		crowd->strangers--;
	entry->number = 0;
	while (crowd->top && !crowd->entries[crowd->top - 1].number)
		crowd->top--;
}

void crowd_enter(struct crowd *crowd, int fd, bool proven)
{
	struct crowd_entry *entry = &crowd->entries[fd];

	entry->streams++;
	if (!entry->known)
		crowd->strangers--;
	entry->known = true;
	entry->proven |= proven;
}

void crowd_leave(struct crowd *crowd, int fd)
{
	crowd->entries[fd].streams--;
}

static bool crowd_is(const struct crowd *crowd, int fd, const struct sockaddr_in6 *peer)
{
	return crowd->entries[fd].number && peer_same(&crowd->entries[fd].peer, peer);
}

int crowd_find(const struct crowd *crowd, const struct sockaddr_in6 *peer)
{
	int first = crowd->by_port[ntohs(peer->sin6_port)];

	if (crowd_is(crowd, first, peer))
		return first;
	for (int fd = 0; fd < crowd->top; fd++)
		if (crowd_is(crowd, fd, peer))
			return fd;
	return -1;
}

int crowd_oldest_stranger(const struct crowd *crowd)
{
	int oldest = -1;

	for (int fd = 0; fd < crowd->top; fd++) {
		const struct crowd_entry *entry = &crowd->entries[fd];

		if (entry->number && !entry->known &&
		    (oldest < 0 || entry->born < crowd->entries[oldest].born))
			oldest = fd;
	}
	return oldest;
}

bool crowd_is_home(const struct crowd *crowd, const struct in6_addr *address)
{
	for (int fd = 0; fd < crowd->top; fd++) {
		const struct crowd_entry *entry = &crowd->entries[fd];

		if (entry->number && entry->proven &&
		    penalty_same(&entry->peer.sin6_addr, address))
			return true;
	}
	return false;
}

void crowd_deliver(struct crowd *crowd, int fd, size_t bytes)
{
	__atomic_fetch_add(&crowd->delivered[fd], bytes, __ATOMIC_RELAXED);
}

uint64_t crowd_delivered(const struct crowd *crowd, int fd)
{
	return __atomic_load_n(&crowd->delivered[fd], __ATOMIC_RELAXED);
}

/*
 * Core has the descriptor, and may have closed it by now, so that it is another
 * connection's: the peer tells. In between it could still become one; that sensor
 * would have to connect again.
 */
bool crowd_send_away(struct crowd *crowd, int fd)
{
	struct sockaddr_storage address;
	struct sockaddr_in6 peer;
	socklen_t size = sizeof(address);
	bool same;

	same = !getpeername(fd, (struct sockaddr *)&address, &size) &&
	       peer_take((struct sockaddr *)&address, &peer) &&
	       peer_same(&peer, &crowd->entries[fd].peer);
	if (same) {
		crowd_curtail(fd);
		shutdown(fd, SHUT_RDWR);
	}
	crowd_forget(crowd, fd);
	return same;
}

void crowd_curtail(int fd)
{
	struct linger none = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}
