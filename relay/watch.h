/* SPDX-License-Identifier: MIT */
/*
 * A thread that waits for what gRPC cannot wait for: the source's file and
 * signals. It only wakes the relay's thread, which does everything else.
 */
#ifndef RELAY_WATCH_H
#define RELAY_WATCH_H

#include <pthread.h>
#include <stdbool.h>

enum {
	WATCH_READABLE	= 1 << 0,	/* the source's file is */
	WATCH_HANGUP	= 1 << 1,	/* nobody writes to it any more */
	WATCH_SIGNAL	= 1 << 2,	/* one of those in the signalfd came */
	WATCH_TURN	= 1 << 3,	/* watch_take() itself does what it is for */
};

struct watch {
	pthread_t thread;
	int epoll;
	int stop;
	int source;
	unsigned int events;
	void (*wake)(void *context);
	void *context;
	void (*turn)(void *context);
	void *turn_context;
};

/*
 * Start watching @signals, a signalfd, and @source, a file that poll(2) takes,
 * or -1. @wake is called by the watching thread when watch_take() has news.
 * Both files outlive the watch. False: the error was logged.
 */
bool watch_start(struct watch *watch, int signals, int source,
		 void (*wake)(void *context), void *context);

/* Wake once when the source's file is readable or hung up, now or later. */
void watch_arm(struct watch *watch);

/* @turn: what watch_turn() lets be called; there was none yet. */
void watch_on_turn(struct watch *watch, void (*turn)(void *context), void *context);

/* Let the relay's thread call turn(). From any thread; @watch is a struct watch. */
void watch_turn(void *watch);

/* WATCH_*, each once. */
unsigned int watch_take(struct watch *watch);

/* No wake is under way when it returns. */
void watch_stop(struct watch *watch);

#endif
