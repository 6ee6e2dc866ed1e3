// SPDX-License-Identifier: MIT
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "common/keeper.h"

static void worker_queue_init(struct worker_queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

static void worker_put(struct worker_queue *queue, struct worker_job *job)
{
	job->next = NULL;
	*queue->end = job;
	queue->end = &job->next;
}

static struct worker_job *worker_get(struct worker_queue *queue)
{
	struct worker_job *job = queue->first;

	if (!job)
		return NULL;
	queue->first = job->next;
	if (!queue->first)
		queue->end = &queue->first;
	return job;
}

static struct worker_job *worker_next(struct worker *worker)
{
	struct worker_job *job = worker_get(&worker->todo[0]);

	return job ? job : worker_get(&worker->todo[1]);
}

/* A job waits for disks. */
static void worker_work(struct worker_job *job)
{
	keeper_away(true);
	job->work(job);
	keeper_away(false);
}

static void *worker_run(void *context)
{
	struct worker *worker = context;
	struct keeper_bed bed = { &worker->mutex, &worker->news };
	struct worker_job *job;

	keeper_join("spool", keeper_nudge, &bed);
	pthread_mutex_lock(&worker->mutex);
	for (;;) {
		keeper_round();
		job = worker_next(worker);
		if (!job && worker->stop)
			break;
		if (!job) {
			pthread_cond_wait(&worker->news, &worker->mutex);
			continue;
		}
		pthread_mutex_unlock(&worker->mutex);
		worker_work(job);
		pthread_mutex_lock(&worker->mutex);
		worker_put(&worker->done, job);
		pthread_cond_broadcast(&worker->news);
		if (worker->wake)
			worker->wake(worker->context);
	}
	pthread_mutex_unlock(&worker->mutex);
	keeper_leave();
	return NULL;
}

bool worker_start(struct worker *worker)
{
	sigset_t all, before;

	pthread_mutex_init(&worker->mutex, NULL);
	pthread_cond_init(&worker->news, NULL);
	worker_queue_init(&worker->todo[0]);
	worker_queue_init(&worker->todo[1]);
	worker_queue_init(&worker->done);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&worker->thread, NULL, worker_run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !errno;
}

void worker_stop(struct worker *worker)
{
	pthread_mutex_lock(&worker->mutex);
	worker->stop = true;
	pthread_cond_broadcast(&worker->news);
	pthread_mutex_unlock(&worker->mutex);
	pthread_join(worker->thread, NULL);
	pthread_cond_destroy(&worker->news);
	pthread_mutex_destroy(&worker->mutex);
}

void worker_listen(struct worker *worker, void (*wake)(void *context), void *context)
{
	pthread_mutex_lock(&worker->mutex);
	worker->wake = wake;
	worker->context = context;
	pthread_mutex_unlock(&worker->mutex);
}

void worker_begin(struct worker *worker, struct worker_job *job, bool urgent)
{
	worker->unfinished++;
	pthread_mutex_lock(&worker->mutex);
	worker_put(&worker->todo[!urgent], job);
	pthread_cond_broadcast(&worker->news);
	pthread_mutex_unlock(&worker->mutex);
}

void worker_collect(struct worker *worker)
{
	struct worker_job *job;

	while (worker->unfinished) {
		pthread_mutex_lock(&worker->mutex);
		job = worker_get(&worker->done);
		pthread_mutex_unlock(&worker->mutex);
		if (!job)
			return;
		worker->unfinished--;
		job->finish(job);
	}
}

void worker_wait(struct worker *worker)
{
	pthread_mutex_lock(&worker->mutex);
	while (!worker->done.first)
		pthread_cond_wait(&worker->news, &worker->mutex);
	pthread_mutex_unlock(&worker->mutex);
}
