// SPDX-License-Identifier: MIT
#include "finish.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/keeper.h"
#include "common/log.h"
#include "command.h"
#include "folder.h"
#include "keep.h"
#include "ledger.h"
#include "pack.h"
#include "savefile.h"
#include "template.h"

#define FINISH_GRACE	5	/* seconds, once the program stops */
#define FINISH_NICE	19

struct finish_job {
	struct finish_job *next;
	char name[];
};

/**
 * struct finish - a queue, and who works it off
 * @lock: guards @first, @last and @until
 * @changed: there is a job, or the end
 * @stop: it is the end
 * @until: when to give up, in seconds of CLOCK_MONOTONIC
 */
struct finish {
	struct finish_config config;
	void (*done)(void *context, const char *name);
	void *context;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct finish_job *first, **last;
	bool stop;
	time_t until;
};

static time_t finish_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* No more time. */
static bool finish_late(void *context)
{
	struct finish *finish = context;
	bool late;

	pthread_mutex_lock(&finish->lock);
	late = finish->stop && finish_now() >= finish->until;
	pthread_mutex_unlock(&finish->lock);
	return late;
}

/* Compress @from into @to, safely, and give it the time that @from has. */
static bool finish_pack_into(struct finish *finish, const char *from, const char *to,
			     uint64_t *size)
{
	int folder = folder_fd(finish->config.folder), error;
	int in = openat(folder, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out;
	struct stat st;
	bool done;

	if (in < 0)
		return false;
	unlinkat(folder, to, 0);
	out = openat(folder, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, SAVEFILE_MODE);
	done = out >= 0 && !fstat(in, &st) &&
	       pack_file(in, out, size, finish_late, finish) && !fsync(out);
	error = errno;
	if (done)	/* the oldest go by it */
		futimens(out, (struct timespec[]){ st.st_atim, st.st_mtim });
	close(in);
	if (out >= 0)
		close(out);
	errno = error;
	return done;
}

static bool finish_has(const struct finish *finish, const char *name)
{
	return !faccessat(folder_fd(finish->config.folder), name, F_OK, AT_SYMLINK_NOFOLLOW);
}

enum finish_result {
	FINISH_DONE,
	FINISH_GONE,	/* the file is not there any more */
	FINISH_LATER,	/* there is no time left */
};

/* @name becomes that of the compressed file; one that cannot be stays as it is. */
static enum finish_result finish_pack(struct finish *finish, char name[LEDGER_NAME_MAX + 8])
{
	char new[LEDGER_NAME_MAX + 32], packed[LEDGER_NAME_MAX + 8];
	int folder = folder_fd(finish->config.folder);
	uint64_t size;

	folder_stage(packed, sizeof(packed), "", name, TEMPLATE_PACKED);
	folder_stage(new, sizeof(new), ".", packed, ".new");
	if (!finish_has(finish, packed)) {
		if (!finish_pack_into(finish, name, new, &size) ||
		    renameat(folder, new, folder, packed)) {
			int error = errno;

			unlinkat(folder, new, 0);
			if (error == ENOENT)
				return FINISH_GONE;
			if (error == ECANCELED)
				return FINISH_LATER;
			log_warning("%s/%s: stays as it is, it cannot be compressed: %s",
				    folder_path(finish->config.folder), name, strerror(error));
			return FINISH_DONE;
		}
		/* never without either of them */
		folder_sync(finish->config.folder, packed);
		if (!keep_replace(finish->config.keep, name, packed, size))
			return FINISH_GONE;
	}
	strcpy(name, packed);
	return FINISH_DONE;
}

static enum finish_result finish_one(struct finish *finish, const char *job)
{
	const struct finish_config *config = &finish->config;
	enum finish_result result = FINISH_DONE;
	char name[LEDGER_NAME_MAX + 8];

	snprintf(name, sizeof(name), "%s", job);
	if (config->compress)
		result = finish_pack(finish, name);
	else if (!finish_has(finish, name))
		result = FINISH_GONE;
	if (result == FINISH_DONE && config->command &&
	    !command_run(config->command, folder_path(config->folder), name, finish_late, finish))
		result = FINISH_LATER;
	if (result != FINISH_LATER)
		folder_sync(config->folder, job);
	return result;
}

/* With the lock held. NULL: the end. */
static struct finish_job *finish_take(struct finish *finish)
{
	struct finish_job *job;

	for (; !finish->first && !finish->stop; keeper_round())
		pthread_cond_wait(&finish->changed, &finish->lock);
	job = finish->first;
	if (!job)
		return NULL;
	finish->first = job->next;
	if (!finish->first)
		finish->last = &finish->first;
	return job;
}

static void *finish_run(void *context)
{
	struct finish *finish = context;
	struct keeper_bed bed = { &finish->lock, &finish->changed };
	struct finish_job *job;

	keeper_join("finish", keeper_nudge, &bed);
	/* of this thread; where it may not, it does without */
	(void)!setpriority(PRIO_PROCESS, gettid(), FINISH_NICE);
	for (;;) {
		pthread_mutex_lock(&finish->lock);
		job = finish_take(finish);
		pthread_mutex_unlock(&finish->lock);
		if (!job)
			break;
		keeper_away(true);	/* large files and commands take their time */
		if (!finish_late(finish) && finish_one(finish, job->name) != FINISH_LATER)
			finish->done(finish->context, job->name);
		keeper_away(false);
		keeper_round();
		free(job);
	}
	keeper_leave();
	return NULL;
}

struct finish *finish_open(const struct finish_config *config)
{
	struct finish *finish = calloc(1, sizeof(*finish));

	if (!finish) {
		log_error("out of memory");
		return NULL;
	}
	finish->config = *config;
	finish->last = &finish->first;
	pthread_mutex_init(&finish->lock, NULL);
	pthread_cond_init(&finish->changed, NULL);
	return finish;
}

bool finish_start(struct finish *finish, void (*done)(void *context, const char *name),
		  void *context)
{
	finish->done = done;
	finish->context = context;
	errno = pthread_create(&finish->thread, NULL, finish_run, finish);
	finish->running = !errno;
	if (errno)
		log_error("cannot start what finishes files: %m");
	return finish->running;
}

void finish_again(struct finish *finish, const char *name)
{
	struct finish_job *job = malloc(sizeof(*job) + strlen(name) + 1);

	if (!job)
		return;		/* the journal has it: it is done after the next start */
	job->next = NULL;
	strcpy(job->name, name);
	pthread_mutex_lock(&finish->lock);
	*finish->last = job;
	finish->last = &job->next;
	pthread_cond_signal(&finish->changed);
	pthread_mutex_unlock(&finish->lock);
}

void finish_add(struct finish *finish, const char *name, uint64_t size)
{
	keep_add(finish->config.keep, name, size);
	finish_again(finish, name);
}

void finish_stop(struct finish *finish)
{
	if (!finish->running)
		return;
	pthread_mutex_lock(&finish->lock);
	finish->stop = true;
	finish->until = finish_now() + FINISH_GRACE;
	pthread_cond_signal(&finish->changed);
	pthread_mutex_unlock(&finish->lock);
	pthread_join(finish->thread, NULL);
	finish->running = false;
}

void finish_close(struct finish *finish)
{
	struct finish_job *job, *next;

	finish_stop(finish);
	for (job = finish->first; job; job = next) {
		next = job->next;
		free(job);
	}
	pthread_cond_destroy(&finish->changed);
	pthread_mutex_destroy(&finish->lock);
	free(finish);
}
