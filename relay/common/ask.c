// SPDX-License-Identifier: MIT
#include "common/ask.h"

#include <errno.h>
#include <time.h>

void ask_open(struct ask *ask, void (*wake)(void *context), void *context)
{
	pthread_condattr_t attributes;

	*ask = (struct ask) { .wake = wake, .context = context };
	pthread_mutex_init(&ask->turn, NULL);
	pthread_mutex_init(&ask->lock, NULL);
	pthread_condattr_init(&attributes);
	/* who sets the clock does not keep anybody waiting */
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&ask->answered, &attributes);
	pthread_condattr_destroy(&attributes);
}

void ask_free(struct ask *ask)
{
	pthread_cond_destroy(&ask->answered);
	pthread_mutex_destroy(&ask->lock);
	pthread_mutex_destroy(&ask->turn);
}

static struct timespec ask_until(unsigned int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	return until;
}

bool ask_begin(struct ask *ask, unsigned int ms)
{
	struct timespec until = ask_until(ms);
	bool answered;
	int error = 0;

	pthread_mutex_lock(&ask->turn);
	pthread_mutex_lock(&ask->lock);
	if (!ask->closed) {
		__atomic_store_n(&ask->wanted, true, __ATOMIC_RELEASE);
		ask->wake(ask->context);
	}
	while (ask->wanted && !ask->closed && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&ask->answered, &ask->lock, &until);
	answered = !ask->wanted && !ask->closed;
	__atomic_store_n(&ask->wanted, false, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&ask->lock);
	return answered;
}

void ask_end(struct ask *ask)
{
	pthread_mutex_unlock(&ask->turn);
}

bool ask_accept(struct ask *ask)
{
	if (!__atomic_load_n(&ask->wanted, __ATOMIC_ACQUIRE))
		return false;
	pthread_mutex_lock(&ask->lock);
	if (ask->wanted)
		return true;
	/* whoever it was has given up */
	pthread_mutex_unlock(&ask->lock);
	return false;
}

void ask_answer(struct ask *ask)
{
	__atomic_store_n(&ask->wanted, false, __ATOMIC_RELAXED);
	pthread_cond_signal(&ask->answered);
	pthread_mutex_unlock(&ask->lock);
}

void ask_close(struct ask *ask)
{
	pthread_mutex_lock(&ask->lock);
	ask->closed = true;
	pthread_cond_signal(&ask->answered);
	pthread_mutex_unlock(&ask->lock);
}
