// SPDX-License-Identifier: MIT
#include "syncer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "common/keeper.h"
#include "common/log.h"
#include "finish.h"
#include "folder.h"
#include "room.h"
#include "syncfile.h"
#include "tidings.h"

struct syncer {
	struct journal *journal;
	struct folder *folder;		/* NULL: none follow each other */
	struct finish *finish;
	struct room *room;		/* NULL: nobody asks */
	uint64_t interval;
	void (*wake)(void *context);
	void *context;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;		/* news, or the end */
	struct sync_file *first;
	struct tidings tidings;
	bool walking;			/* the thread walks the list, without the lock */
	bool news;			/* of any file */
	bool urgent;
	bool stop;
};

/* Files whose news are to be made safe now. */
static unsigned int syncer_take(struct syncer *syncer)
{
	unsigned int count = 0;

	for (struct sync_file *file = syncer->first; file; file = file->next) {
		if (!file->news || file->error)
			continue;
		syncfile_copy(file, &file->taken, &file->now);
		file->taken_fd = file->fd;
		file->taken_turn = file->turns.first;
		file->taking = file->turns.count;
		file->failed = 0;
		file->news = false;
		file->busy = true;
		file->came = 0;
		count++;
	}
	return count;
}

static void syncer_rename(struct syncer *syncer, struct sync_file *first)
{
	for (struct sync_file *file = first; file; file = file->next)
		if (file->busy && !file->failed)
			turns_rename(file->taken_turn, file->taking, syncer->folder,
				     syncer->finish);
}

/*
 * The list may grow at its beginning meanwhile; what is busy stays. A file that cannot
 * be synced is no matter of the others; of what could be, all is entered, or nothing.
 * @return 0, or errno: nothing was made safe.
 */
static int syncer_sync(struct syncer *syncer, struct sync_file *first,
		       const struct tidings *tidings)
{
	struct journal *journal = syncer->journal;
	bool any = tidings->first;
	int error = 0;

	for (struct sync_file *file = first; file; file = file->next) {
		if (!file->busy)
			continue;
		if (!syncfile_sync(file, syncer->folder)) {
			error = file->failed = errno;
			continue;
		}
		syncfile_enter(file, journal);
		any = true;
	}
	tidings_enter(tidings, journal);
	if (any)
		error = journal_commit(journal) ? 0 : errno;
	return error;
}

static void syncer_publish(struct syncer *syncer, int error)
{
	for (struct sync_file *file = syncer->first; file; file = file->next) {
		if (!file->busy)
			continue;
		file->busy = false;
		file->error = file->failed ? file->failed : error;
		if (file->error)
			continue;
		syncfile_copy(file, &file->safe, &file->taken);
		file->declared = true;
		for (; file->taking; file->taking--)
			turns_drop(&file->turns);
	}
}

static void syncer_tell_room(struct room *room, const struct sync_file *first, int error)
{
	if (error)
		room_failed(room, error);
	else
		room_wrote(room);
	for (const struct sync_file *file = first; file; file = file->next)
		if (file->busy && file->failed)
			room_failed(room, file->failed);
	room_look(room);
}

/* With the lock held, which is let go of meanwhile. */
static void syncer_round(struct syncer *syncer)
{
	struct tidings tidings = syncer->tidings;
	struct sync_file *first;
	int error;

	syncer->news = syncer->urgent = false;
	syncer->tidings = (struct tidings){ NULL };
	if (!syncer_take(syncer) && !tidings.first)
		return;
	first = syncer->first;
	syncer->walking = true;
	pthread_mutex_unlock(&syncer->lock);
	keeper_away(true);
	error = syncer_sync(syncer, first, &tidings);
	if (!error)
		syncer_rename(syncer, first);
	if (syncer->room)
		syncer_tell_room(syncer->room, first, error);
	keeper_away(false);
	pthread_mutex_lock(&syncer->lock);
	/* with the next round; what the journal cannot read it would never take */
	if (error && error != EBADMSG)
		tidings_return(&syncer->tidings, &tidings);
	tidings_free(&tidings);
	syncer->walking = false;
	syncer_publish(syncer, error);
	pthread_mutex_unlock(&syncer->lock);
	syncer->wake(syncer->context);
	pthread_mutex_lock(&syncer->lock);
}

/* Until the interval is over since @last, whatever it is by then. */
static void syncer_wait(struct syncer *syncer, uint64_t last)
{
	for (; !syncer->news && !syncer->stop; keeper_round())
		pthread_cond_wait(&syncer->changed, &syncer->lock);
	for (; !syncer->urgent && !syncer->stop; keeper_round()) {
		uint64_t due = last + syncer->interval;
		struct timespec until = { due / CLOCK_SECOND, due % CLOCK_SECOND };

		if (clock_read(CLOCK_MONOTONIC) >= due)
			break;
		pthread_cond_timedwait(&syncer->changed, &syncer->lock, &until);
	}
}

static void *syncer_run(void *context)
{
	struct syncer *syncer = context;
	struct keeper_bed bed = { &syncer->lock, &syncer->changed };
	uint64_t last = 0;
	bool stop;

	keeper_join("sync", keeper_nudge, &bed);
	pthread_mutex_lock(&syncer->lock);
	do {
		keeper_round();
		syncer_wait(syncer, last);
		last = clock_read(CLOCK_MONOTONIC);
		stop = syncer->stop;
		syncer_round(syncer);
	} while (!stop);
	pthread_mutex_unlock(&syncer->lock);
	keeper_leave();
	return NULL;
}

struct syncer *syncer_open(struct journal *journal, uint64_t interval,
			   void (*wake)(void *context), void *context)
{
	struct syncer *syncer = calloc(1, sizeof(*syncer));
	pthread_condattr_t monotonic;

	if (!syncer)
		return NULL;
	syncer->journal = journal;
	syncer->interval = interval;
	syncer->wake = wake;
	syncer->context = context;
	pthread_mutex_init(&syncer->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&syncer->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	errno = pthread_create(&syncer->thread, NULL, syncer_run, syncer);
	if (!errno)
		return syncer;
	free(syncer);
	return NULL;
}

void syncer_follow(struct syncer *syncer, struct folder *folder, struct finish *finish)
{
	syncer->folder = folder;
	syncer->finish = finish;
}

void syncer_room(struct syncer *syncer, struct room *room)
{
	syncer->room = room;
}

void syncer_close(struct syncer *syncer)
{
	struct sync_file *file, *next;

	pthread_mutex_lock(&syncer->lock);
	syncer->stop = true;
	pthread_cond_signal(&syncer->changed);
	pthread_mutex_unlock(&syncer->lock);
	pthread_join(syncer->thread, NULL);
	if (syncer->finish) {
		finish_stop(syncer->finish);
		pthread_mutex_lock(&syncer->lock);
		syncer_round(syncer);	/* so that nothing is done again */
		pthread_mutex_unlock(&syncer->lock);
	}
	for (file = syncer->first; file; file = next) {
		next = file->next;
		if (file->error)
			log_error("%s: cannot be synced: %s: what came last is not in the journal",
				  file->file->name, strerror(file->error));
		syncfile_free(file);
	}
	tidings_free(&syncer->tidings);
	pthread_cond_destroy(&syncer->changed);
	pthread_mutex_destroy(&syncer->lock);
	free(syncer);
}

/* With the lock held. */
static void syncer_tell(struct syncer *syncer, bool urgent)
{
	if (syncer->news && (syncer->urgent || !urgent))
		return;
	syncer->news = true;
	syncer->urgent |= urgent;
	pthread_cond_signal(&syncer->changed);
}

struct sync_file *syncer_add(struct syncer *syncer, int fd,
			     const struct ledger_file *declaration, bool declared)
{
	struct sync_file *file = syncfile_new(fd, declaration, declared);

	if (!file)
		return NULL;
	pthread_mutex_lock(&syncer->lock);
	file->next = syncer->first;
	syncer->first = file;
	if (!declared) {
		file->news = true;
		syncer_tell(syncer, true);
	}
	pthread_mutex_unlock(&syncer->lock);
	return file;
}

bool syncer_remove(struct syncer *syncer, struct sync_file *file, bool *declared)
{
	struct sync_file **at = &syncer->first;
	bool idle;

	pthread_mutex_lock(&syncer->lock);
	idle = !syncer->walking && !file->busy && !file->news && !file->error &&
	       !file->turns.first;
	*declared = file->declared;
	if (idle) {
		while (*at != file)
			at = &(*at)->next;
		*at = file->next;
	}
	pthread_mutex_unlock(&syncer->lock);
	if (idle)
		syncfile_free(file);
	return idle;
}

void syncer_note(struct syncer *syncer, struct sync_file *file,
		 const struct ledger_ring *rings, uint64_t length, uint64_t came)
{
	struct sync_state now = { .length = length, .rings = (struct ledger_ring *)rings };

	pthread_mutex_lock(&syncer->lock);
	now.before = file->now.before;
	syncfile_copy(file, &file->now, &now);
	file->came += came;
	file->news = true;
	syncer_tell(syncer, file->came >= file->quarter || !syncer->interval);
	pthread_mutex_unlock(&syncer->lock);
}

bool syncer_turn(struct syncer *syncer, struct sync_file *file, int fd,
		 uint64_t length, const char *before, const char *name)
{
	struct turn *turn = turns_new(before, name, file->file->ring_count);

	if (!turn)
		return false;
	pthread_mutex_lock(&syncer->lock);
	turn->fd = file->fd;
	turn->length = file->now.length;
	memcpy(turn->rings, file->now.rings, file->file->ring_count * sizeof(*turn->rings));
	turns_add(&file->turns, turn);
	file->fd = fd;
	file->now.length = length;
	file->now.before = syncfile_packets(file, &file->now);
	file->news = true;
	syncer_tell(syncer, *before);
	pthread_mutex_unlock(&syncer->lock);
	return true;
}

unsigned int syncer_turns(struct syncer *syncer, struct sync_file *file)
{
	unsigned int count;

	pthread_mutex_lock(&syncer->lock);
	count = file->turns.count;
	pthread_mutex_unlock(&syncer->lock);
	return count;
}

void syncer_quarter(struct syncer *syncer, struct sync_file *file, uint64_t bytes)
{
	pthread_mutex_lock(&syncer->lock);
	if (bytes < file->quarter)
		file->quarter = bytes;
	pthread_mutex_unlock(&syncer->lock);
}

void syncer_pace(struct syncer *syncer, uint64_t interval)
{
	pthread_mutex_lock(&syncer->lock);
	syncer->interval = interval;
	pthread_cond_signal(&syncer->changed);
	pthread_mutex_unlock(&syncer->lock);
}

void syncer_urge(struct syncer *syncer)
{
	pthread_mutex_lock(&syncer->lock);
	syncer_tell(syncer, true);
	pthread_mutex_unlock(&syncer->lock);
}

bool syncer_safe(struct syncer *syncer, struct sync_file *file, uint32_t ring,
		 struct ledger_ring *safe, bool *declared)
{
	int error;

	pthread_mutex_lock(&syncer->lock);
	*safe = file->safe.rings[ring];
	*declared = file->declared;
	error = file->error;
	pthread_mutex_unlock(&syncer->lock);
	errno = error;
	return !error;
}

bool syncer_reset(struct syncer *syncer, struct sync_file *file,
		  struct ledger_file *back, int *fd, char *name, uint64_t *packets)
{
	bool other;

	pthread_mutex_lock(&syncer->lock);
	other = syncfile_return(file, syncer->folder, fd, name);
	file->taking = 0;
	syncfile_copy(file, &file->now, &file->safe);
	*packets = syncfile_packets(file, &file->safe) - file->safe.before;
	file->error = 0;
	file->came = 0;
	file->news = false;
	back->length = file->safe.length;
	memcpy(back->rings, file->safe.rings,
	       back->ring_count * sizeof(*back->rings));
	pthread_mutex_unlock(&syncer->lock);
	return other;
}

void syncer_done(void *context, const char *name)
{
	struct syncer *syncer = context;

	pthread_mutex_lock(&syncer->lock);
	if (tidings_done(&syncer->tidings, name))
		syncer_tell(syncer, false);
	pthread_mutex_unlock(&syncer->lock);
}

void syncer_gone(struct syncer *syncer, unsigned int number, uint64_t missing)
{
	pthread_mutex_lock(&syncer->lock);
	if (tidings_gone(&syncer->tidings, number, missing))
		syncer_tell(syncer, true);
	pthread_mutex_unlock(&syncer->lock);
}
