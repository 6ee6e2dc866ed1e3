// SPDX-License-Identifier: MIT
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "common/log.h"
#include "lines.h"
#include "parse.h"
#include "savefile.h"

/* At start, and for one that has doubled since, write anew what counts. */
#define JOURNAL_COMPACT	(1u << 20)

/* Room for lines to come, so that a full disk can still be told of. */
#define JOURNAL_RESERVE	(64u << 10)

struct journal {
	char path[PATH_MAX];
	char folder[PATH_MAX];
	int fd;			/* -1: it is not there yet */
	uint64_t end;		/* bytes that are valid */
	uint64_t reserved;	/* bytes that have room */
	uint64_t compacted;	/* bytes after the last time */
	struct ledger ledger;	/* as committed */
	struct lines pending;
	bool declared;		/* a file that is new in the folder */
};

/* All of the file. NULL: errno says why. */
static char *journal_load(int fd, size_t *size)
{
	struct stat st;
	char *text;
	size_t done = 0;

	if (fstat(fd, &st))
		return NULL;
	text = malloc(st.st_size + 1);
	while (text && done < (size_t)st.st_size) {
		ssize_t n = pread(fd, text + done, st.st_size - done, done);

		if (n < 0) {
			free(text);
			return NULL;
		}
		if (!n)
			break;
		done += n;
	}
	*size = done;
	return text;
}

/* Read what is there. False: it was logged. @cut: and drop a damaged end. */
static bool journal_take(struct journal *journal, bool cut)
{
	size_t size;
	char *text = journal_load(journal->fd, &size);

	if (!text) {
		log_error("%s: cannot be read: %m", journal->path);
		return false;
	}
	journal->end = parse_lines(&journal->ledger, text, size);
	free(text);
	if (!journal->ledger.titled) {
		log_error("%s: is no journal of pcapring-collector, or its first line is damaged: move it away together with the files beside it, or give --write another name",
			  journal->path);
		return false;
	}
	if (!cut || journal->end == size)
		return true;
	log_warning("%s: cut a damaged end, %zu bytes at offset %" PRIu64,
		    journal->path, size - (size_t)journal->end, journal->end);
	if (!ftruncate(journal->fd, journal->end))
		return true;
	log_error("%s: cannot be cut: %m", journal->path);
	return false;
}

static struct journal *journal_new(const char *write)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (!journal || !lines_open(&journal->pending)) {
		log_error("out of memory");
		free(journal);
		return NULL;
	}
	journal->fd = -1;
	ledger_init(&journal->ledger, NULL);
	if (snprintf(journal->path, sizeof(journal->path), "%s.journal", write) <
	    (int)sizeof(journal->path) - 4) {
		strcpy(journal->folder, journal->path);
		memmove(journal->folder, dirname(journal->folder),
			strlen(dirname(journal->folder)) + 1);
		return journal;
	}
	log_error("--write %s: the name is too long", write);
	journal_close(journal);
	return NULL;
}

static bool journal_write(int fd, const char *text, size_t size, uint64_t at)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pwrite(fd, text + done, size - done, at + done);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			done += n;
	}
	return true;
}

/* So that names of new files survive, too. */
static bool journal_sync_folder(const struct journal *journal)
{
	int fd = open(journal->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool done = fd >= 0 && !fsync(fd);
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return done;
}

/* Put the new one in its place; a first one must find it empty. */
static bool journal_place(const struct journal *journal, const char *new)
{
	return !renameat2(AT_FDCWD, new, AT_FDCWD, journal->path,
			  journal->fd < 0 ? RENAME_NOREPLACE : 0);
}

/*
 * Write all of the journal anew, with what is pending: it is there as a whole,
 * or as it was.
 */
static bool journal_renew(struct journal *journal, const char *pending, size_t size)
{
	char new[PATH_MAX + 8];
	struct lines text;
	int fd, error;
	bool done;

	snprintf(new, sizeof(new), "%s.new", journal->path);
	if (!lines_open(&text))
		return false;
	lines_ledger(&text, &journal->ledger);
	fwrite(pending, 1, size, text.stream);
	errno = ENOMEM;
	fd = lines_close(&text) ? open(new, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
				       SAVEFILE_MODE) : -1;
	done = fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB) &&
	       journal_write(fd, text.bytes, text.size, 0) && !fsync(fd) &&
	       journal_place(journal, new);
	error = errno;
	free(text.bytes);
	if (!done) {
		if (fd >= 0) {
			unlink(new);
			close(fd);
		}
		errno = error;
		return false;
	}
	if (journal->fd >= 0)
		close(journal->fd);
	journal->fd = fd;
	journal->end = journal->compacted = text.size;
	journal->reserved = 0;
	if (journal_sync_folder(journal))
		return true;
	/* its place is not safe yet: without what is pending it says nothing new */
	error = errno;
	journal->end -= size;
	(void)!ftruncate(fd, journal->end);
	errno = error;
	return false;
}

bool journal_random(uint8_t id[MESSAGE_ID_BYTES])
{
	if (getrandom(id, MESSAGE_ID_BYTES, 0) == MESSAGE_ID_BYTES)
		return true;
	log_error("no random numbers: %m");
	return false;
}

struct journal *journal_open(const char *write)
{
	struct journal *journal = journal_new(write);

	if (!journal)
		return NULL;
	journal->fd = open(journal->path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (journal->fd < 0 && errno == ENOENT) {
		journal->ledger.titled = true;
		if (journal_random(journal->ledger.id))
			return journal;
		goto out_close;
	}
	if (journal->fd < 0) {
		log_error("%s: cannot be opened: %m", journal->path);
		goto out_close;
	}
	if (flock(journal->fd, LOCK_EX | LOCK_NB)) {
		log_error("--write %s: another collector writes there: name another file",
			  write);
		goto out_close;
	}
	if (!journal_take(journal, true))
		goto out_close;
	journal->compacted = journal->end;
	/* its name may be no older than the crash before */
	if (journal->end <= JOURNAL_COMPACT ? journal_sync_folder(journal) :
					      journal_renew(journal, "", 0))
		return journal;
	log_error("%s: cannot be made safe: %m", journal->path);
out_close:
	journal_close(journal);
	return NULL;
}

struct journal *journal_read(const char *write)
{
	struct journal *journal = journal_new(write);

	if (!journal)
		return NULL;
	journal->fd = open(journal->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (journal->fd < 0)
		log_error("%s: cannot be opened: %m", journal->path);
	else if (journal_take(journal, false))
		return journal;
	journal_close(journal);
	return NULL;
}

void journal_close(struct journal *journal)
{
	ledger_free(&journal->ledger);
	if (journal->fd >= 0)
		close(journal->fd);
	fclose(journal->pending.stream);
	free(journal->pending.bytes);
	free(journal);
}

const uint8_t *journal_id(const struct journal *journal)
{
	return journal->ledger.id;
}

const struct ledger_file *journal_files(const struct journal *journal)
{
	return journal->ledger.first;
}

const struct ledger_closed *journal_closed(const struct journal *journal)
{
	return journal->ledger.closed;
}

void journal_declare(struct journal *journal, const struct ledger_file *file)
{
	lines_file(&journal->pending, file, clock_read(CLOCK_REALTIME));
	journal->declared = true;
}

void journal_sync(struct journal *journal, unsigned int number, uint64_t length,
		  const struct ledger_ring *now,
		  const struct ledger_ring *before, uint32_t ring_count)
{
	lines_sync(&journal->pending, number, clock_read(CLOCK_REALTIME), length, now, before,
		   ring_count);
}

void journal_gone(struct journal *journal, unsigned int number, uint64_t missing)
{
	lines_gone(&journal->pending, number, clock_read(CLOCK_REALTIME), missing);
}

void journal_next(struct journal *journal, unsigned int number, const char *name)
{
	lines_next(&journal->pending, number, clock_read(CLOCK_REALTIME), name);
}

void journal_done(struct journal *journal, const char *name)
{
	lines_done(&journal->pending, name);
}

static void journal_reserve(struct journal *journal)
{
	if (journal->reserved >= journal->end + JOURNAL_RESERVE / 2)
		return;
	if (!fallocate(journal->fd, FALLOC_FL_KEEP_SIZE, journal->end,
		       JOURNAL_RESERVE))
		journal->reserved = journal->end + JOURNAL_RESERVE;
	else if (errno != ENOSPC && errno != EDQUOT)
		journal->reserved = UINT64_MAX;	/* a full disk is found out later */
}

/* Append, and sync; or leave it as it was. */
static bool journal_append(struct journal *journal, const char *text, size_t size)
{
	if (journal_write(journal->fd, text, size, journal->end) &&
	    !fdatasync(journal->fd)) {
		journal->end += size;
		return true;
	}
	/* what stays of it is overwritten, or found to be no whole line */
	(void)!ftruncate(journal->fd, journal->end);
	journal->reserved = 0;
	return false;
}

/* Where lines would be cut as damaged the next time. */
static bool journal_refuse(const struct journal *journal, const char *text)
{
	char line[128] = "";

	for (size_t i = 0; i < sizeof(line) - 1 && text[i] && text[i] != '\n'; i++)
		line[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	log_error("%s: nothing is entered, for a line could not be read again: %s...",
		  journal->path, line);
	errno = EBADMSG;
	return false;
}

/* What the journal says with these lines, too. */
static bool journal_try(const struct journal *journal, const struct lines *lines,
			struct ledger *next)
{
	char *copy = malloc(lines->size + 1);
	size_t valid;

	ledger_init(next, &journal->ledger);
	if (!copy) {
		errno = ENOMEM;
		return false;
	}
	memcpy(copy, lines->bytes, lines->size + 1);
	valid = parse_lines(next, copy, lines->size);
	free(copy);
	return valid == lines->size ||
	       journal_refuse(journal, lines->bytes + valid);
}

static bool journal_put(struct journal *journal, const struct lines *lines)
{
	if (journal->declared && !journal_sync_folder(journal))
		return false;
	return journal->fd < 0 ? journal_renew(journal, lines->bytes, lines->size) :
				 journal_append(journal, lines->bytes, lines->size);
}

static void journal_tidy(struct journal *journal)
{
	journal->declared = false;
	journal_reserve(journal);
	if (journal->end > JOURNAL_COMPACT &&
	    journal->end > 2 * journal->compacted)
		(void)!journal_renew(journal, "", 0);
}

bool journal_commit(struct journal *journal)
{
	bool done = lines_close(&journal->pending);
	struct lines lines = journal->pending;
	struct ledger next;
	int error;

	if (!lines_open(&journal->pending))
		abort();
	ledger_init(&next, &journal->ledger);
	if (!done)
		errno = ENOMEM;
	done = done && journal_try(journal, &lines, &next) &&
	       journal_put(journal, &lines);
	error = errno;
	if (done) {
		ledger_merge(&journal->ledger, &next);
		journal_tidy(journal);
	}
	ledger_free(&next);
	free(lines.bytes);
	errno = error;
	return done;
}

bool journal_trim(struct journal *journal, size_t most)
{
	size_t count = 0;

	for (const struct ledger_file *file = journal->ledger.first; file; file = file->next)
		count++;
	errno = ENOMEM;
	return count <= most ||
	       (ledger_trim(&journal->ledger, most) && journal_renew(journal, "", 0));
}
