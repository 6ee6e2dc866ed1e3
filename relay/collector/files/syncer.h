/* SPDX-License-Identifier: MIT */
/*
 * Makes safe what others write: a thread of its own that syncs files and then
 * enters them into the journal, so that nobody else waits for a disk. It is the
 * only one that uses the journal while it runs.
 *
 * All functions are for one other thread, but for @wake, which the syncer calls
 * from its own.
 */
#ifndef COLLECTOR_SYNCER_H
#define COLLECTOR_SYNCER_H

#include <stdbool.h>
#include <stdint.h>

#include "journal.h"

struct folder;
struct finish;
struct room;
struct syncer;
struct sync_file;

/*
 * @interval: nanoseconds from one round to the next; 0: as often as it can.
 * @wake: a round is over. NULL: errno says why.
 */
struct syncer *syncer_open(struct journal *journal, uint64_t interval,
			   void (*wake)(void *context), void *context);

/*
 * Files follow each other in @folder (which tells the order of all that is done);
 * complete ones go to @finish. Before any file is added.
 */
void syncer_follow(struct syncer *syncer, struct folder *folder, struct finish *finish);

/* Tell @room what could be made safe, and what not. Before any file is added. */
void syncer_room(struct syncer *syncer, struct room *room);

/* A last round for what is new, and the end. */
void syncer_close(struct syncer *syncer);

/*
 * Take care of @file, open as @fd; both outlive it. @declared: the journal knows
 * it, as it is now; otherwise it is told at once. NULL: no memory.
 */
struct sync_file *syncer_add(struct syncer *syncer, int fd,
			     const struct ledger_file *file, bool declared);

/* False: not now, for there is something under way. */
bool syncer_remove(struct syncer *syncer, struct sync_file *file, bool *declared);

/*
 * The file has so many bytes, in which all its rings are as @rings says: a round
 * may begin at any moment, and what it makes safe has to be true as a whole.
 * @came bytes came since the last time.
 */
void syncer_note(struct syncer *syncer, struct sync_file *file,
		 const struct ledger_ring *rings, uint64_t length, uint64_t came);

/* A round is urgent after so many bytes. */
void syncer_quarter(struct syncer *syncer, struct sync_file *file, uint64_t bytes);

/* From now on @interval is another. */
void syncer_pace(struct syncer *syncer, uint64_t interval);

/* Do not wait for the next round. */
void syncer_urge(struct syncer *syncer);

/*
 * What is safe of a ring. False: it failed, errno says why; nothing more is done
 * for this file until syncer_reset().
 */
bool syncer_safe(struct syncer *syncer, struct sync_file *file, uint32_t ring,
		 struct ledger_ring *safe, bool *declared);

/*
 * What comes from now on goes to another file, @fd; it has so many bytes. With
 * that of before all is as it was noted last; it is complete, and its descriptor
 * the syncer's. @before, @name: of the two, "": there is none. False: no memory, and
 * all is as it was.
 */
bool syncer_turn(struct syncer *syncer, struct sync_file *file, int fd,
		 uint64_t length, const char *before, const char *name);

/* So many files are complete, but not safe yet. */
unsigned int syncer_turns(struct syncer *syncer, struct sync_file *file);

/*
 * After a failure: go back to what is safe. @back's length and rings become
 * that; *@packets: in the file. True: that is in another file, which is *@fd again, and
 * @name (LEDGER_NAME_MAX); those that came after it are gone.
 */
bool syncer_reset(struct syncer *syncer, struct sync_file *file,
		  struct ledger_file *back, int *fd, char *name, uint64_t *packets);

/* All is done with a file that was complete. From any thread. */
void syncer_done(void *syncer, const char *name);

/* A file that the journal knows is not there any more. */
void syncer_gone(struct syncer *syncer, unsigned int number, uint64_t missing);

#endif
