// SPDX-License-Identifier: MIT
#include "common/keeper.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "common/live.h"
#include "common/log.h"
#include "common/service.h"

#define KEEPER_STATUS_MS	1000
#define KEEPER_STATUS_BYTES	256
#define KEEPER_TURNS		4	/* of all threads, in the watchdog's time */

/**
 * struct keeper_thread - one that has joined
 * @rounds: as often it came; its own to write
 * @away: so is this
 * @seen: rounds, when the keeper looked last
 * @late: looks since then; @said: it was said
 */
struct keeper_thread {
	struct keeper_thread *next;
	const char *name;
	void (*wake)(void *context);
	void *context;
	unsigned int rounds;
	bool away;
	unsigned int seen;
	unsigned int late;
};

/* @lock guards the list and what in it is the keeper's. */
static struct keeper {
	struct keeper_config config;
	pthread_t thread;
	bool started;
	int stop;
	int watchdog_ms;	/* between looks; 0: nobody wants to know */
	pthread_mutex_t lock;
	struct keeper_thread *threads;
	struct live_numbers numbers;	/* as systemd was told at @told, ms */
	int64_t told;
} keeper = { .lock = PTHREAD_MUTEX_INITIALIZER };

static __thread struct keeper_thread *keeper_me;

void keeper_join(const char *name, void (*wake)(void *context), void *context)
{
	struct keeper_thread *thread = calloc(1, sizeof(*thread));

	if (!thread)
		abort();
	thread->name = name;
	thread->wake = wake;
	thread->context = context;
	thread->rounds = 1;
	keeper_me = thread;
	/* the first one's is the program's */
	if (gettid() != getpid())
		pthread_setname_np(pthread_self(), name);
	pthread_mutex_lock(&keeper.lock);
	thread->next = keeper.threads;
	keeper.threads = thread;
	pthread_mutex_unlock(&keeper.lock);
}

void keeper_leave(void)
{
	struct keeper_thread **p = &keeper.threads;

	pthread_mutex_lock(&keeper.lock);
	while (*p && *p != keeper_me)
		p = &(*p)->next;
	if (*p)
		*p = keeper_me->next;
	pthread_mutex_unlock(&keeper.lock);
	free(keeper_me);
	keeper_me = NULL;
}

void keeper_nudge(void *context)
{
	const struct keeper_bed *bed = context;

	pthread_mutex_lock(bed->lock);
	pthread_cond_broadcast(bed->changed);
	pthread_mutex_unlock(bed->lock);
}

void keeper_round(void)
{
	if (keeper_me)
		__atomic_store_n(&keeper_me->rounds, keeper_me->rounds + 1, __ATOMIC_RELAXED);
}

void keeper_away(bool away)
{
	if (keeper_me)
		__atomic_store_n(&keeper_me->away, away, __ATOMIC_RELAXED);
}

/* systemd's word for it is in the environment. */
static int keeper_watchdog(void)
{
	uint64_t usec;

	return sd_watchdog_enabled(0, &usec) > 0 ? usec / 1000 / KEEPER_TURNS + 1 : 0;
}

int keeper_patience(void)
{
	int watchdog = keeper_watchdog();

	return watchdog ? watchdog / 2 : -1;
}

/* Did it come round since the last look? If it sleeps, it has until the next one. */
static bool keeper_look_at(struct keeper_thread *thread)
{
	unsigned int rounds = __atomic_load_n(&thread->rounds, __ATOMIC_RELAXED);
	bool fine = rounds != thread->seen || __atomic_load_n(&thread->away, __ATOMIC_RELAXED);

	if (fine)
		thread->late = 0;
	else if (++thread->late == 2)
		log_warning("the %s thread has not come round for %d ms: the watchdog is not fed",
			    thread->name, 2 * keeper.watchdog_ms);
	thread->seen = rounds;
	if (thread->wake)
		thread->wake(thread->context);
	return fine;
}

static void keeper_feed(void)
{
	bool fine = true;

	pthread_mutex_lock(&keeper.lock);
	for (struct keeper_thread *thread = keeper.threads; thread; thread = thread->next)
		fine &= keeper_look_at(thread);
	pthread_mutex_unlock(&keeper.lock);
	if (fine)
		sd_notify(0, "WATCHDOG=1");
}

static int64_t keeper_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Rates are of the time since the last one. */
static void keeper_tell(void)
{
	struct live_numbers numbers;
	char text[KEEPER_STATUS_BYTES];
	int64_t now;

	if (!keeper.config.look(keeper.config.looked_at, &numbers))
		return;
	now = keeper_now();
	if (keeper.told) {
		live_write(text, sizeof(text), &keeper.numbers, &numbers,
			   (now - keeper.told) / 1e3);
		service_figures(text);
	}
	keeper.numbers = numbers;
	keeper.told = now;
}

static void keeper_reload(void)
{
	struct signalfd_siginfo signal;

	/* one reload answers all that came before it */
	while (read(keeper.config.reloads, &signal, sizeof(signal)) > 0)
		;
	service_reloading();
	keeper.config.reload(keeper.config.context);
	service_ready();
}

/* Is it time again? @next: when it will be; @period: 0: never. */
static bool keeper_is_due(int64_t *next, int period)
{
	int64_t now = keeper_now();

	if (!period || now < *next)
		return false;
	*next = now + period;
	return true;
}

/* Milliseconds to sleep until the earlier one; -1: none. */
static int keeper_sleep(int64_t feed, int64_t tell)
{
	int64_t next = keeper.watchdog_ms ? feed : INT64_MAX;
	int64_t now = keeper_now();

	if (keeper.config.look && tell < next)
		next = tell;
	if (next == INT64_MAX)
		return -1;
	return next > now ? next - now : 0;
}

static void *keeper_run(void *context)
{
	struct pollfd fds[] = {
		{ .fd = keeper.stop, .events = POLLIN },
		{ .fd = keeper.config.reloads, .events = POLLIN },
	};
	int64_t feed = 0, tell = 0;

	(void)context;
	while (!fds[0].revents) {
		if (fds[1].revents)
			keeper_reload();
		if (keeper_is_due(&feed, keeper.watchdog_ms))
			keeper_feed();
		if (keeper_is_due(&tell, keeper.config.look ? KEEPER_STATUS_MS : 0))
			keeper_tell();
		if (poll(fds, 2, keeper_sleep(feed, tell)) < 0)
			fds[0].revents = fds[1].revents = 0;
	}
	return NULL;
}

bool keeper_start(const struct keeper_config *config)
{
	int error;

	keeper.config = *config;
	keeper.watchdog_ms = keeper_watchdog();
	if (!getenv("NOTIFY_SOCKET"))
		keeper.config.look = NULL;
	keeper.stop = eventfd(0, EFD_CLOEXEC);
	error = keeper.stop < 0 ? errno : pthread_create(&keeper.thread, NULL, keeper_run, NULL);
	if (error)
		log_error("cannot start the thread that tells systemd: %s", strerror(error));
	keeper.started = !error;
	return keeper.started;
}

void keeper_stop(void)
{
	if (!keeper.started)
		return;
	if (eventfd_write(keeper.stop, 1))
		abort();
	pthread_join(keeper.thread, NULL);
	close(keeper.stop);
	keeper.started = false;
}
