/* SPDX-License-Identifier: MIT */
/*
 * A directory in which files follow each other. Each has three names in its life,
 * so that whoever looks knows what to make of it, and a crash leaves no doubt:
 *
 *	.x.pcap.new	it is not in the journal yet: what is in it was not
 *			acknowledged, and comes again; the next start removes it
 *	x.pcap.part	it is in the journal, and being written
 *	x.pcap		it is complete, for ever
 *
 * The order of things, as a file A is complete and B comes after it:
 *
 *	1. B is created as ".B.new", and what comes goes there.
 *	2. A and B are synced, and so are the directories that lead to B.
 *	3. One append to the journal, synced: A has so many bytes, up to these
 *	   offsets of its rings; B follows, and has so many.
 *	4. Only now is anything of it acknowledged. ".B.new" becomes "B.part",
 *	   "A.part" becomes "A".
 *	5. A is compressed, into ".A.zst.new", which is synced and becomes "A.zst";
 *	   then A goes. The command is run.
 *	6. The directory is synced, and the journal told that A is done.
 *
 * A crash before 3 leaves A as the journal knew it before, to be cut to that, and
 * ".B.new" for nothing; so does a failure, which goes back to A. One between 3 and 6
 * leaves A under any of its names: it is cut to its length, gets its last name, and
 * all of 5 is done (again, for the command). What is written twice is never
 * acknowledged twice: nothing of A or B is anywhere else than where the journal says.
 *
 * Names are relative to the directory, and fit to a journal. One may be given again once
 * its file is gone, removed or moved away, though the journal has not yet heard of 6: it
 * is the newest file's then.
 */
#ifndef COLLECTOR_FOLDER_H
#define COLLECTOR_FOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct folder;

/*
 * The directory has to be there. It is locked, from before there is a journal: what
 * starts removes files in their first stage. NULL: what is wrong was logged.
 */
struct folder *folder_open(const char *path);
void folder_close(struct folder *folder);

const char *folder_path(const struct folder *folder);

/* A descriptor of it. */
int folder_fd(const struct folder *folder);

/*
 * Create @name, in its first stage. -1: errno says why; EEXIST: the name is taken,
 * in any stage.
 */
int folder_create(struct folder *folder, const char *name);

/* Make the directories that lead to it survive. */
bool folder_sync(const struct folder *folder, const char *name);

/* It is in the journal. False: logged. */
bool folder_adopt(const struct folder *folder, const char *name);

/* It is complete. False: logged. */
bool folder_complete(const struct folder *folder, const char *name);

/* It was never in the journal, or there is no packet in it. */
void folder_forget(const struct folder *folder, const char *name);

enum folder_left {
	FOLDER_FINE,		/* it is complete; maybe some bytes are missing */
	FOLDER_EMPTY,		/* there was no packet in it: it was removed */
	FOLDER_ABSENT,		/* it is not there */
	FOLDER_FAILED,		/* it was logged */
};

/*
 * What a crash has left of @name, of which @length bytes are known, becomes
 * complete. *@missing: bytes that are not there.
 */
enum folder_left folder_finish(const struct folder *folder, const char *name,
			       uint64_t length, uint64_t *missing);

/* Remove what was never in the journal: all that is still in its first stage. */
void folder_clean(const struct folder *folder);

/* The name of another stage. False: too long. */
bool folder_stage(char *out, size_t size, const char *before, const char *name,
		  const char *behind);

/* Call @found for each regular file below, with its name; not for hidden ones. */
void folder_walk(const struct folder *folder,
		 void (*found)(void *context, const char *name, uint64_t size, int64_t time),
		 void *context);

#endif
