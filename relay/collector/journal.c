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

#include "common/log.h"
#include "savefile.h"

#define JOURNAL_TITLE	"pcapring-journal 1 "
#define JOURNAL_CRC	9	/* characters before a line's text: hex, space */

/* At start, and for one that has doubled since, write anew what counts. */
#define JOURNAL_COMPACT	(1u << 20)

/* Room for lines to come, so that a full disk can still be told of. */
#define JOURNAL_RESERVE	(64u << 10)

/* Lines, as they gather. */
struct text {
	char *bytes;
	size_t size;
	FILE *stream;
};

struct journal {
	char path[PATH_MAX];
	char folder[PATH_MAX];
	int fd;			/* -1: it is not there yet */
	uint64_t end;		/* bytes that are valid */
	uint64_t reserved;	/* bytes that have room */
	uint64_t compacted;	/* bytes after the last time */
	uint8_t id[MESSAGE_ID];
	bool titled;		/* the first line was read */
	struct journal_file *first, **last;
	struct text pending;
	bool declared;		/* a file that is new in the folder */
};

static uint32_t journal_crc(const char *text, size_t length)
{
	uint32_t crc = ~0u;

	while (length--) {
		crc ^= (unsigned char)*text++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static bool text_open(struct text *text)
{
	*text = (struct text){ 0 };
	text->stream = open_memstream(&text->bytes, &text->size);
	return text->stream;
}

/* The line that gathered in @line goes to @text, behind its sum. */
static void text_line(struct text *text, struct text *line)
{
	fclose(line->stream);
	if (text->stream)
		fprintf(text->stream, "%08" PRIx32 " %s\n",
			journal_crc(line->bytes, line->size), line->bytes);
	free(line->bytes);
}

static void text_hex(FILE *out, const uint8_t *id)
{
	for (int i = 0; i < MESSAGE_ID; i++)
		fprintf(out, "%02x", id[i]);
}

static void text_title(struct text *text, const uint8_t *id)
{
	struct text line;

	if (!text_open(&line))
		return;
	fputs(JOURNAL_TITLE, line.stream);
	text_hex(line.stream, id);
	text_line(text, &line);
}

static void text_declare(struct text *text, const struct journal_file *file)
{
	struct text line;

	if (!text_open(&line))
		return;
	fprintf(line.stream, "file %u ", file->number);
	text_hex(line.stream, file->boot);
	fputc(' ', line.stream);
	text_hex(line.stream, file->capture);
	fprintf(line.stream, " %u ", file->ring_count);
	if (file->ring == JOURNAL_ALL)
		fputc('*', line.stream);
	else
		fprintf(line.stream, "%u", file->ring);
	fprintf(line.stream, " %u %u %s %s =%s =%s =%s =%s",
		file->format.linktype, file->format.snaplen,
		file->format.microseconds ? "us" : "ns",
		file->format.big_endian ? "be" : "le", file->sensor,
		file->interface, file->host, file->name);
	text_line(text, &line);
}

static void text_sync(struct text *text, unsigned int number, uint64_t length,
		      const struct journal_ring *now,
		      const struct journal_ring *before, uint32_t ring_count)
{
	struct text line;

	if (!text_open(&line))
		return;
	fprintf(line.stream, "sync %u %" PRIu64, number, length);
	for (uint32_t i = 0; i < ring_count; i++) {
		const struct journal_ring *ring = &now[i];

		if (!ring->known ||
		    (before && !memcmp(ring, &before[i], sizeof(*ring))))
			continue;
		fprintf(line.stream, " %u:%" PRIu64 ":%" PRIu64 ":%" PRIu64
			":%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64,
			i, ring->offset, ring->packets, ring->bytes,
			ring->elsewhere, ring->duplicates, ring->disorder,
			ring->dropped);
	}
	text_line(text, &line);
}

static void text_gone(struct text *text, unsigned int number, uint64_t missing)
{
	struct text line;

	if (!text_open(&line))
		return;
	fprintf(line.stream, "gone %u %" PRIu64, number, missing);
	text_line(text, &line);
}

/* The next word of a line, or NULL. */
static char *journal_word(char **line)
{
	char *word = *line;
	size_t length = strcspn(word, " ");

	if (!length)
		return NULL;
	*line = word + length;
	if (**line)
		*(*line)++ = '\0';
	return word;
}

static bool journal_number(const char *text, uint64_t most, uint64_t *number)
{
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return !errno && !*end && *number <= most;
}

static bool journal_u32(char **line, uint64_t most, uint32_t *out)
{
	uint64_t number;

	if (!journal_number(journal_word(line), most, &number))
		return false;
	*out = number;
	return true;
}

static bool journal_hex(const char *text, uint8_t *id)
{
	unsigned int byte;

	if (!text || strlen(text) != 2 * MESSAGE_ID ||
	    strspn(text, "0123456789abcdef") != 2 * MESSAGE_ID)
		return false;
	for (int i = 0; i < MESSAGE_ID; i++) {
		sscanf(text + 2 * i, "%2x", &byte);
		id[i] = byte;
	}
	return true;
}

static bool journal_text(char **line, char *out, size_t size)
{
	const char *word = journal_word(line);

	if (!word || *word != '=' || strlen(word + 1) >= size)
		return false;
	strcpy(out, word + 1);
	return true;
}

static bool journal_either(char **line, const char *no, const char *yes, bool *out)
{
	const char *word = journal_word(line);

	*out = word && !strcmp(word, yes);
	return word && (*out || !strcmp(word, no));
}

static struct journal_file *journal_find(struct journal *journal, char **line)
{
	struct journal_file *file = journal->first;
	uint32_t number;

	if (!journal_u32(line, UINT32_MAX, &number))
		return NULL;
	while (file && file->number != number)
		file = file->next;
	return file;
}

struct journal_file *journal_new_file(uint32_t ring_count)
{
	struct journal_file *file = calloc(1, sizeof(*file) + ring_count *
					   sizeof(file->rings[0]));

	if (file)
		file->ring_count = ring_count;
	return file;
}

static bool journal_parse_names(struct journal_file *file, char *line)
{
	return journal_u32(&line, 0xffff, &file->format.linktype) &&
	       journal_u32(&line, UINT32_MAX, &file->format.snaplen) &&
	       journal_either(&line, "ns", "us", &file->format.microseconds) &&
	       journal_either(&line, "le", "be", &file->format.big_endian) &&
	       journal_text(&line, file->sensor, sizeof(file->sensor)) &&
	       journal_text(&line, file->interface, sizeof(file->interface)) &&
	       journal_text(&line, file->host, sizeof(file->host)) &&
	       /* the rest of the line: blanks may be in it */
	       *line == '=' && strlen(line + 1) < sizeof(file->name) &&
	       strcpy(file->name, line + 1) &&
	       *file->name && !strchr(file->name, '/');
}

/* The file of a "file" line goes to the end of the list. */
static bool journal_parse_file(struct journal *journal, char *line)
{
	uint32_t number, rings, ring = JOURNAL_ALL;
	uint8_t boot[MESSAGE_ID], capture[MESSAGE_ID];
	struct journal_file *file;
	const char *word;
	uint64_t n;

	if (!journal_u32(&line, UINT32_MAX, &number) ||
	    !journal_hex(journal_word(&line), boot) ||
	    !journal_hex(journal_word(&line), capture) ||
	    !journal_u32(&line, MESSAGE_RINGS_MAX, &rings) || !rings)
		return false;
	word = journal_word(&line);
	if (word && strcmp(word, "*")) {
		if (!journal_number(word, rings - 1, &n))
			return false;
		ring = n;
	}
	file = journal_new_file(rings);
	if (!file)
		return false;
	file->number = number;
	file->ring = ring;
	memcpy(file->boot, boot, sizeof(boot));
	memcpy(file->capture, capture, sizeof(capture));
	if (!journal_parse_names(file, line)) {
		free(file);
		return false;
	}
	*journal->last = file;
	journal->last = &file->next;
	return true;
}

static bool journal_parse_ring(char *word, uint32_t ring_count,
			       struct journal_ring *rings)
{
	uint64_t numbers[8];

	for (size_t i = 0; i < 8; i++) {
		char *colon = strchr(word, ':');

		if (!colon != (i == 7))
			return false;
		if (colon)
			*colon = '\0';
		if (!journal_number(word, UINT64_MAX, &numbers[i]))
			return false;
		word = colon ? colon + 1 : NULL;
	}
	if (numbers[0] >= ring_count)
		return false;
	rings[numbers[0]] = (struct journal_ring){
		.known = true,
		.offset = numbers[1],
		.packets = numbers[2],
		.bytes = numbers[3],
		.elsewhere = numbers[4],
		.duplicates = numbers[5],
		.disorder = numbers[6],
		.dropped = numbers[7],
	};
	return true;
}

/* All of the line, or nothing. */
static bool journal_parse_sync(struct journal *journal, char *line)
{
	struct journal_file *file = journal_find(journal, &line);
	struct journal_ring rings[MESSAGE_RINGS_MAX];
	uint64_t length;
	char *word;

	if (!file || !journal_number(journal_word(&line), INT64_MAX, &length))
		return false;
	memcpy(rings, file->rings, file->ring_count * sizeof(*rings));
	while ((word = journal_word(&line)))
		if (!journal_parse_ring(word, file->ring_count, rings))
			return false;
	memcpy(file->rings, rings, file->ring_count * sizeof(*rings));
	file->length = length;
	return true;
}

static bool journal_parse_gone(struct journal *journal, char *line)
{
	struct journal_file *file = journal_find(journal, &line);
	uint64_t missing;

	if (!file || !journal_number(journal_word(&line), UINT64_MAX, &missing))
		return false;
	file->gone = true;
	file->missing = missing;
	return true;
}

/* A line's text, which changes. */
static bool journal_parse_line(struct journal *journal, char *line)
{
	const char *verb;

	if (!journal->titled) {
		if (strncmp(line, JOURNAL_TITLE, strlen(JOURNAL_TITLE)))
			return false;
		journal->titled = journal_hex(line + strlen(JOURNAL_TITLE),
					      journal->id);
		return journal->titled;
	}
	verb = journal_word(&line);
	if (verb && !strcmp(verb, "file"))
		return journal_parse_file(journal, line);
	if (verb && !strcmp(verb, "sync"))
		return journal_parse_sync(journal, line);
	if (verb && !strcmp(verb, "gone"))
		return journal_parse_gone(journal, line);
	return false;
}

/* @return how many bytes of @text, which changes, are valid lines. */
static size_t journal_parse(struct journal *journal, char *text, size_t size)
{
	char *p = text, *end = text + size, sum[JOURNAL_CRC + 1];

	while (p < end) {
		char *newline = memchr(p, '\n', end - p);

		if (!newline || newline - p < JOURNAL_CRC ||
		    memchr(p, '\0', newline - p))
			break;
		*newline = '\0';
		snprintf(sum, sizeof(sum), "%08" PRIx32 " ",
			 journal_crc(p + JOURNAL_CRC, newline - p - JOURNAL_CRC));
		if (memcmp(p, sum, JOURNAL_CRC) ||
		    !journal_parse_line(journal, p + JOURNAL_CRC))
			break;
		p = newline + 1;
	}
	return p - text;
}

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
	journal->end = journal_parse(journal, text, size);
	free(text);
	if (!journal->titled) {
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

	if (!journal || !text_open(&journal->pending)) {
		log_error("out of memory");
		free(journal);
		return NULL;
	}
	journal->fd = -1;
	journal->last = &journal->first;
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

/* Does a "sync" line tell more of it than that it is there? */
static bool journal_has_news(const struct journal_file *file)
{
	bool news = file->length;

	for (uint32_t i = 0; i < file->ring_count; i++)
		news |= file->rings[i].known;
	return news;
}

/* The title, and all that counts. */
static void journal_summary(const struct journal *journal, struct text *text)
{
	text_title(text, journal->id);
	for (const struct journal_file *file = journal->first; file;
	     file = file->next) {
		text_declare(text, file);
		if (journal_has_news(file))
			text_sync(text, file->number, file->length, file->rings,
				  NULL, file->ring_count);
		if (file->gone)
			text_gone(text, file->number, file->missing);
	}
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
	struct text text;
	int fd, error;
	bool done;

	snprintf(new, sizeof(new), "%s.new", journal->path);
	if (!text_open(&text))
		return false;
	journal_summary(journal, &text);
	fwrite(pending, 1, size, text.stream);
	fclose(text.stream);
	fd = open(new, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, SAVEFILE_MODE);
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
	return journal_sync_folder(journal);
}

bool journal_random(uint8_t id[MESSAGE_ID])
{
	if (getrandom(id, MESSAGE_ID, 0) == MESSAGE_ID)
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
		journal->titled = true;
		if (journal_random(journal->id))
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
	struct journal_file *file, *next;

	for (file = journal->first; file; file = next) {
		next = file->next;
		free(file);
	}
	if (journal->fd >= 0)
		close(journal->fd);
	fclose(journal->pending.stream);
	free(journal->pending.bytes);
	free(journal);
}

const uint8_t *journal_id(const struct journal *journal)
{
	return journal->id;
}

const struct journal_file *journal_files(const struct journal *journal)
{
	return journal->first;
}

void journal_declare(struct journal *journal, const struct journal_file *file)
{
	text_declare(&journal->pending, file);
	journal->declared = true;
}

void journal_sync(struct journal *journal, unsigned int number, uint64_t length,
		  const struct journal_ring *now,
		  const struct journal_ring *before, uint32_t ring_count)
{
	text_sync(&journal->pending, number, length, now, before, ring_count);
}

void journal_gone(struct journal *journal, unsigned int number, uint64_t missing)
{
	text_gone(&journal->pending, number, missing);
}

static void journal_reserve(struct journal *journal)
{
	if (journal->reserved >= journal->end + JOURNAL_RESERVE / 2)
		return;
	/* Where this cannot be done, a full disk is found out later. */
	if (!fallocate(journal->fd, FALLOC_FL_KEEP_SIZE, journal->end,
		       JOURNAL_RESERVE))
		journal->reserved = journal->end + JOURNAL_RESERVE;
	else
		journal->reserved = UINT64_MAX;
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

bool journal_commit(struct journal *journal)
{
	bool done = !fclose(journal->pending.stream);
	struct text text = journal->pending;

	errno = ENOMEM;
	if (!text_open(&journal->pending))
		abort();
	if (done && (!journal->declared || journal_sync_folder(journal)))
		done = journal->fd < 0 ? journal_renew(journal, text.bytes, text.size) :
					 journal_append(journal, text.bytes, text.size);
	else
		done = false;
	if (done) {
		journal->declared = false;
		journal_parse(journal, text.bytes, text.size);
		journal_reserve(journal);
		if (journal->end > JOURNAL_COMPACT &&
		    journal->end > 2 * journal->compacted)
			(void)!journal_renew(journal, "", 0);
	}
	free(text.bytes);
	return done;
}

void journal_forget(struct journal *journal)
{
	fclose(journal->pending.stream);
	free(journal->pending.bytes);
	if (!text_open(&journal->pending))
		abort();
}
