// SPDX-License-Identifier: MIT
#include "common/live.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/quantity.h"

#define LIVE_LINE_MAX	256

struct live {
	bool (*look)(void *context, struct live_numbers *numbers);
	void *context;
	pthread_t thread;
	pthread_mutex_t lock;		/* of @stopping */
	pthread_cond_t stopped;
	bool stopping;
};

static double live_rate(uint64_t before, uint64_t now, double seconds)
{
	return now > before && seconds > 0 ? (double)(now - before) / seconds : 0;
}

void live_write(char *out, size_t size, const struct live_numbers *before,
		const struct live_numbers *now, double seconds)
{
	uint64_t all = now->packets + now->lost;
	char packets[QUANTITY_MAX], bits[QUANTITY_MAX];
	char total[QUANTITY_MAX], lost[QUANTITY_MAX];

	quantity_counted(packets, live_rate(before->packets, now->packets, seconds), "packets/s");
	quantity_scaled(bits, 8 * live_rate(before->bytes, now->bytes, seconds), "bit/s");
	quantity_counted(total, now->packets, "packets");
	quantity_counted(lost, now->lost, "lost");
	snprintf(out, size, "%s, %s; %s, %s (%.3g %%)%s%s", packets, bits, total, lost,
		 all ? 100.0 * now->lost / all : 0, *now->note ? "; " : "", now->note);
}

/* Wait a second. False: it is over. */
static bool live_wait(struct live *live)
{
	struct timespec until;
	int error = 0;
	bool on;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&live->lock);
	while (!live->stopping && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&live->stopped, &live->lock, &until);
	on = !live->stopping;
	pthread_mutex_unlock(&live->lock);
	return on;
}

static double live_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void *live_run(void *context)
{
	struct live_numbers before = {}, now = {};
	struct live *live = context;
	char line[LIVE_LINE_MAX];
	double since = 0;
	bool known = false;

	do {
		double at = live_now();

		if (!live->look(live->context, &now))
			continue;
		if (!known)
			before = now;
		live_write(line, sizeof(line), &before, &now, at - since);
		log_live(line);
		before = now;
		since = at;
		known = true;
	} while (live_wait(live));
	return NULL;
}

struct live *live_open(bool (*look)(void *context, struct live_numbers *numbers),
		       void *context)
{
	pthread_condattr_t attributes;
	struct live *live;

	if (!isatty(STDERR_FILENO) || getenv("NOTIFY_SOCKET"))
		return NULL;
	live = calloc(1, sizeof(*live));
	if (!live)
		return NULL;
	live->look = look;
	live->context = context;
	pthread_mutex_init(&live->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&live->stopped, &attributes);
	pthread_condattr_destroy(&attributes);
	if (!pthread_create(&live->thread, NULL, live_run, live))
		return live;
	pthread_cond_destroy(&live->stopped);
	pthread_mutex_destroy(&live->lock);
	free(live);
	return NULL;
}

void live_close(struct live *live)
{
	if (!live)
		return;
	pthread_mutex_lock(&live->lock);
	live->stopping = true;
	pthread_cond_signal(&live->stopped);
	pthread_mutex_unlock(&live->lock);
	pthread_join(live->thread, NULL);
	pthread_cond_destroy(&live->stopped);
	pthread_mutex_destroy(&live->lock);
	free(live);
	log_live(NULL);
}
