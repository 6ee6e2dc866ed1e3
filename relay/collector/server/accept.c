// SPDX-License-Identifier: MIT
#include "accept.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "door.h"
#include "peer.h"

static struct door *accept_door;
static unsigned int accept_port;	/* 0: not in the way yet */

/* A descriptor, to be had where there are no more. */
static pthread_mutex_t accept_lock = PTHREAD_MUTEX_INITIALIZER;
static int accept_spare = -1;

void accept_open(struct door *door)
{
	accept_spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	__atomic_store_n(&accept_port, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&accept_door, door, __ATOMIC_RELEASE);
}

void accept_close(void)
{
	__atomic_store_n(&accept_door, NULL, __ATOMIC_RELEASE);
	close(accept_spare);
	accept_spare = -1;
}

void accept_watch(unsigned int port)
{
	__atomic_store_n(&accept_port, port, __ATOMIC_RELAXED);
}

static bool accept_is_ours(int listener)
{
	struct sockaddr_storage address;
	struct sockaddr_in6 here;
	socklen_t size = sizeof(address);

	return !getsockname(listener, (struct sockaddr *)&address, &size) &&
	       peer_take((struct sockaddr *)&address, &here) &&
	       ntohs(here.sin6_port) == __atomic_load_n(&accept_port, __ATOMIC_RELAXED);
}

/* No more files: who waits is told so, for it would never be looked at again. */
static bool accept_turn_away(int listener)
{
	int fd;

	pthread_mutex_lock(&accept_lock);
	close(accept_spare);
	fd = syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		door_refuse(fd);
	accept_spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pthread_mutex_unlock(&accept_lock);
	return fd >= 0;
}

/* Of a connection that has gone away while it waited, as accept(2) has it. */
static bool accept_is_its_own(int error)
{
	static const int errors[] = { ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN,
				      ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH };

	for (unsigned int i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (error == errors[i])
			return true;
	return false;
}

/* False: go on with the next one. */
static bool accept_done(struct door *door, int listener, int fd, const struct sockaddr *address)
{
	bool done;

	if (fd >= 0) {
		done = door_admit(door, fd, address);
		if (!done)
			door_refuse(fd);
		return done;
	}
	if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
		return !accept_is_its_own(errno);
	done = !accept_turn_away(listener);
	errno = EAGAIN;
	return done;
}

int accept4(int listener, struct sockaddr *address, socklen_t *size, int flags)
{
	struct door *door = __atomic_load_n(&accept_door, __ATOMIC_ACQUIRE);
	socklen_t room = size ? *size : 0;
	int fd;

	do {
		if (size)
			*size = room;
		fd = syscall(SYS_accept4, listener, address, size, flags);
	} while (door && address && accept_is_ours(listener) &&
		 !accept_done(door, listener, fd, address));
	return fd;
}
