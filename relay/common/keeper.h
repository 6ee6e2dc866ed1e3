/* SPDX-License-Identifier: MIT */
/*
 * A thread that keeps what systemd is told: that all threads come round (the
 * watchdog), how things are (STATUS=, once a second), and that what SIGHUP asks
 * for was done. There is one; the functions but for the first two are any thread's.
 *
 * A thread that joins has to come round: it calls keeper_round() whenever it has
 * nothing left to do, and at least each keeper_patience() milliseconds, or when
 * its wake() is called. One that does not, for all of the watchdog's time, has
 * hung: systemd ends the program. A thread in the kernel's hands, as in a sync, is
 * away: disks may be slow.
 */
#ifndef COMMON_KEEPER_H
#define COMMON_KEEPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct live_numbers;

/**
 * struct keeper_config - whom to call, all in the keeper's thread
 * @reloads: signalfd of SIGHUP; -1: there is nothing to reload
 * @reload: SIGHUP came; what came of it is logged
 * @look: how are things? As live_open() has it; NULL: nobody knows
 * @context: of @reload; @looked_at: of @look
 */
struct keeper_config {
	int reloads;
	void (*reload)(void *context);
	bool (*look)(void *context, struct live_numbers *numbers);
	void *context;
	void *looked_at;
};

/* False: it was logged why there is none. */
bool keeper_start(const struct keeper_config *config);

/* Nothing is under way when it returns. Without keeper_start(), nothing happens. */
void keeper_stop(void);

/*
 * The calling thread begins to come round. @wake lets it, from the keeper's
 * thread, until keeper_leave(); NULL: it does by itself. @name is static, of 15 bytes
 * at most, and the thread's for ps(1), too.
 */
void keeper_join(const char *name, void (*wake)(void *context), void *context);
void keeper_leave(void);

/**
 * struct keeper_bed - where a thread sleeps on a condition
 */
struct keeper_bed {
	pthread_mutex_t *lock;
	pthread_cond_t *changed;
};

/* A wake() for it. */
void keeper_nudge(void *bed);

/* Of a thread that has not joined, nobody cares. */
void keeper_round(void);
void keeper_away(bool away);

/* -1: there is no watchdog; sleep as long as you like. */
int keeper_patience(void);

#endif
