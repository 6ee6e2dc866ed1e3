/* SPDX-License-Identifier: MIT */
/* A thread that does one job after the other, urgent ones first. */
#ifndef SPOOL_WORKER_H
#define SPOOL_WORKER_H

#include <pthread.h>
#include <stdbool.h>

/**
 * struct worker_job - a job, part of what it is about
 * @work: done by the thread
 * @finish: done by worker_collect()'s caller, after that
 */
struct worker_job {
	struct worker_job *next;
	void (*work)(struct worker_job *job);
	void (*finish)(struct worker_job *job);
};

/**
 * struct worker_queue - jobs, the first to be taken first
 */
struct worker_queue {
	struct worker_job *first;
	struct worker_job **end;
};

/**
 * struct worker - the thread
 * @mutex: guards all below but @unfinished
 * @todo: urgent ones, others
 * @done: for worker_collect()
 * @wake: called, with the mutex held, when one is done
 * @unfinished: begun and not collected; of who begins and collects
 */
struct worker {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t news;
	struct worker_queue todo[2];
	struct worker_queue done;
	bool stop;
	void (*wake)(void *context);
	void *context;
	unsigned int unfinished;
};

/* False: errno says why. */
bool worker_start(struct worker *worker);

/* All jobs were collected. */
void worker_stop(struct worker *worker);

void worker_listen(struct worker *worker, void (*wake)(void *context), void *context);
void worker_begin(struct worker *worker, struct worker_job *job, bool urgent);

/* Finish what is done. */
void worker_collect(struct worker *worker);

/* Wait until a job is done; there is one. */
void worker_wait(struct worker *worker);

#endif
