// SPDX-License-Identifier: MIT
#include "watch.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/keeper.h"
#include "common/log.h"

enum { WATCH_ON_STOP, WATCH_ON_SIGNALS, WATCH_ON_SOURCE };

static unsigned int watch_event(const struct epoll_event *event)
{
	unsigned int events = 0;

	if (event->data.u32 == WATCH_ON_SIGNALS)
		return WATCH_SIGNAL;
	if (event->events & (EPOLLHUP | EPOLLERR))
		events |= WATCH_HANGUP;
	if (event->events & EPOLLIN)
		events |= WATCH_READABLE;
	return events;
}

static void watch_tell(struct watch *watch, unsigned int events)
{
	__atomic_or_fetch(&watch->events, events, __ATOMIC_RELEASE);
	watch->wake(watch->context);
}

static void *watch_run(void *context)
{
	struct watch *watch = context;

	keeper_join("watch", NULL, NULL);
	for (;;) {
		struct epoll_event event;
		int n = epoll_wait(watch->epoll, &event, 1, keeper_patience());

		keeper_round();
		if (n < 0 && errno != EINTR) {
			log_error("cannot wait for packets: %s", strerror(errno));
			break;
		}
		if (n <= 0)
			continue;
		if (event.data.u32 == WATCH_ON_STOP)
			break;
		watch_tell(watch, watch_event(&event));
	}
	keeper_leave();
	return NULL;
}

/* One event each time that it is armed: nobody reads the files meanwhile. */
static bool watch_add(struct watch *watch, int fd, unsigned int on,
		      unsigned int events)
{
	struct epoll_event event = {
		.events = events | EPOLLONESHOT,
		.data.u32 = on,
	};

	if (fd < 0)
		return true;
	return !epoll_ctl(watch->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void watch_close(struct watch *watch)
{
	if (watch->epoll >= 0)
		close(watch->epoll);
	if (watch->stop >= 0)
		close(watch->stop);
}

bool watch_start(struct watch *watch, int signals, int source,
		 void (*wake)(void *context), void *context)
{
	int error;

	*watch = (struct watch) {
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.stop = eventfd(0, EFD_CLOEXEC),
		.source = source,
		.wake = wake,
		.context = context,
	};
	if (watch->epoll < 0 || watch->stop < 0 ||
	    !watch_add(watch, watch->stop, WATCH_ON_STOP, EPOLLIN) ||
	    !watch_add(watch, signals, WATCH_ON_SIGNALS, EPOLLIN) ||
	    !watch_add(watch, source, WATCH_ON_SOURCE, 0))
		error = errno;
	else
		error = pthread_create(&watch->thread, NULL, watch_run, watch);
	if (!error)
		return true;
	log_error("cannot watch signals and packets: %s", strerror(error));
	watch_close(watch);
	return false;
}

void watch_arm(struct watch *watch)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLONESHOT,
		.data.u32 = WATCH_ON_SOURCE,
	};

	if (epoll_ctl(watch->epoll, EPOLL_CTL_MOD, watch->source, &event))
		log_error("cannot wait for packets: %s", strerror(errno));
}

unsigned int watch_take(struct watch *watch)
{
	unsigned int events = __atomic_exchange_n(&watch->events, 0, __ATOMIC_ACQUIRE);

	if (events & WATCH_TURN)
		watch->turn(watch->turn_context);
	return events & ~WATCH_TURN;
}

void watch_on_turn(struct watch *watch, void (*turn)(void *context), void *context)
{
	watch->turn = turn;
	watch->turn_context = context;
}

void watch_turn(void *context)
{
	watch_tell(context, WATCH_TURN);
}

void watch_stop(struct watch *watch)
{
	if (eventfd_write(watch->stop, 1))
		log_error("cannot stop watching: %s", strerror(errno));
	pthread_join(watch->thread, NULL);
	watch_close(watch);
}
