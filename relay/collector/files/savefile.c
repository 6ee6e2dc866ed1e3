// SPDX-License-Identifier: MIT
#include "savefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/pcapring.h>

#include "common/log.h"
#include "collector/output.h"
#include "draft.h"

struct savefile {
	int fd;
	int stop_fd;		/* of a pipe; -1 */
	bool regular;		/* can be cut */
	bool nanoseconds;
	off_t end;		/* file bytes written, on a record boundary */
	struct draft draft;	/* at first, of the file's header */
};

static void savefile_header(struct pcapring_file_header *header,
			    const struct savefile_format *format)
{
	*header = (struct pcapring_file_header){
		.magic = format->nanoseconds ? PCAPRING_FILE_MAGIC_NSEC :
					       PCAPRING_FILE_MAGIC_USEC,
		.version_major = PCAPRING_FILE_VERSION_MAJOR,
		.version_minor = PCAPRING_FILE_VERSION_MINOR,
		.snaplen = format->snaplen,
		.linktype = format->linktype,
	};
}

static enum savefile_state savefile_read_header(int fd,
						struct savefile_format *format)
{
	struct pcapring_file_header header;
	ssize_t n = pread(fd, &header, sizeof(header), 0);

	if (n < 0)
		return SAVEFILE_ERROR;
	if (!n)
		return SAVEFILE_ABSENT;
	if (n != sizeof(header))
		return SAVEFILE_OTHER;
	if (header.magic == __builtin_bswap32(PCAPRING_FILE_MAGIC_NSEC) ||
	    header.magic == __builtin_bswap32(PCAPRING_FILE_MAGIC_USEC))
		return SAVEFILE_FOREIGN;
	if ((header.magic != PCAPRING_FILE_MAGIC_NSEC &&
	     header.magic != PCAPRING_FILE_MAGIC_USEC) ||
	    header.version_major != PCAPRING_FILE_VERSION_MAJOR ||
	    header.version_minor != PCAPRING_FILE_VERSION_MINOR)
		return SAVEFILE_OTHER;
	format->linktype = header.linktype;
	format->snaplen = header.snaplen;
	format->nanoseconds = header.magic == PCAPRING_FILE_MAGIC_NSEC;
	return SAVEFILE_OURS;
}

/* Whose file it is; "" where nobody said so, or the file system cannot. */
static void savefile_read_owner(int fd, char *owner)
{
	ssize_t n = fgetxattr(fd, SAVEFILE_XATTR, owner, SAVEFILE_OWNER_MAX - 1);

	owner[n < 0 ? 0 : n] = '\0';
}

/* @fd: of the file, opened with @flags and locked; -1: *@state says why. */
static int savefile_lock(const char *path, int flags,
			 enum savefile_state *state)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		      SAVEFILE_MODE);
	struct stat st;

	*state = SAVEFILE_ERROR;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st))
		goto out_close;
	if (!S_ISREG(st.st_mode)) {
		*state = SAVEFILE_OTHER;
		goto out_close;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	if (errno == EWOULDBLOCK)
		*state = SAVEFILE_LOCKED;
out_close:
	close(fd);
	return -1;
}

enum savefile_state savefile_look(const char *path,
				  struct savefile_format *format, char *owner)
{
	enum savefile_state state;
	int fd = savefile_lock(path, O_RDWR, &state);

	if (fd < 0)
		return state == SAVEFILE_ERROR && errno == ENOENT ?
		       SAVEFILE_ABSENT : state;
	state = savefile_read_header(fd, format);
	savefile_read_owner(fd, owner);
	close(fd);
	return state;
}

#define SAVEFILE_WINDOW	(256u << 10)

/* A window on a file that is walked. */
struct savefile_window {
	int fd;
	off_t start;
	size_t length;
	unsigned char bytes[SAVEFILE_WINDOW];
};

static bool savefile_peek(struct savefile_window *window, off_t position,
			  struct pcapring_record *record)
{
	if (position < window->start || position + (off_t)sizeof(*record) >
	    window->start + (off_t)window->length) {
		ssize_t n = pread(window->fd, window->bytes,
				  sizeof(window->bytes), position);

		if (n < (ssize_t)sizeof(*record))
			return false;
		window->start = position;
		window->length = n;
	}
	memcpy(record, window->bytes + (position - window->start),
	       sizeof(*record));
	return true;
}

/*
 * Where the last whole record of @size bytes of file ends. -1: there is
 * something in it that is no record, so what follows is not ours to cut.
 */
static off_t savefile_walk(int fd, off_t size)
{
	struct savefile_window *window = malloc(sizeof(*window));
	off_t position = sizeof(struct pcapring_file_header);
	struct pcapring_record record;

	if (!window)
		return -1;
	window->fd = fd;
	window->length = 0;
	window->start = 0;
	while (size - position >= (off_t)sizeof(record)) {
		if (!savefile_peek(window, position, &record) ||
		    record.caplen > PACKET_CAPLEN_MAX) {
			position = -1;
			break;
		}
		if (size - position < (off_t)(sizeof(record) + record.caplen))
			break;
		position += sizeof(record) + record.caplen;
	}
	free(window);
	return position;
}

static struct savefile *savefile_new(int fd, const struct savefile_format *format)
{
	struct savefile *file = malloc(sizeof(*file));

	if (!file)
		return NULL;
	file->fd = fd;
	file->stop_fd = -1;
	file->regular = true;
	file->nanoseconds = format->nanoseconds;
	file->end = 0;
	draft_init(&file->draft);
	return file;
}

/* Write the header at once: an empty stream is an empty savefile, too. */
static bool savefile_start(struct savefile *file,
			   const struct savefile_format *format)
{
	struct pcapring_file_header header;
	struct savefile_loss lost;

	savefile_header(&header, format);
	memcpy(draft_bytes(&file->draft), &header, sizeof(header));
	file->draft.used = sizeof(header);
	return savefile_flush(file, &lost);
}

/* Find the end of a file of ours, and cut what a crash left behind it. */
static bool savefile_resume(struct savefile *file, const char *path,
			    const struct savefile_place *known,
			    enum savefile_state *state)
{
	struct stat st;

	if (fstat(file->fd, &st))
		return false;
	if (known && known->device == st.st_dev && known->inode == st.st_ino &&
	    known->end == st.st_size)
		file->end = st.st_size;
	else
		file->end = savefile_walk(file->fd, st.st_size);
	if (file->end < 0) {
		*state = SAVEFILE_FOREIGN;
		return false;
	}
	if (file->end < st.st_size) {
		log_warning("%s: cut a torn record, %jd bytes at offset %jd",
			    path, (intmax_t)(st.st_size - file->end),
			    (intmax_t)file->end);
		if (ftruncate(file->fd, file->end))
			return false;
	}
	return lseek(file->fd, file->end, SEEK_SET) == file->end;
}

bool savefile_same(const struct savefile_format *a,
		   const struct savefile_format *b)
{
	return a->linktype == b->linktype && a->snaplen == b->snaplen &&
	       a->nanoseconds == b->nanoseconds;
}

/* May the stream of @owner write to @fd? */
static bool savefile_fits(int fd, const struct savefile_format *format,
			  const char *owner, enum savefile_state *state)
{
	struct savefile_format have;
	char whose[SAVEFILE_OWNER_MAX];

	*state = savefile_read_header(fd, &have);
	if (*state == SAVEFILE_ABSENT)
		return true;
	if (*state != SAVEFILE_OURS || !savefile_same(&have, format))
		return false;
	savefile_read_owner(fd, whose);
	return !*whose || !strcmp(whose, owner);
}

struct savefile *savefile_open(const char *path,
			       const struct savefile_format *format,
			       const char *owner,
			       const struct savefile_place *known,
			       enum savefile_state *state)
{
	struct savefile *file;
	bool absent;
	int fd = savefile_lock(path, O_RDWR | O_CREAT, state);

	if (fd < 0)
		return NULL;
	if (!savefile_fits(fd, format, owner, state))
		goto out_close;
	absent = *state == SAVEFILE_ABSENT;
	*state = SAVEFILE_ERROR;
	file = savefile_new(fd, format);
	if (!file)
		goto out_close;
	if (!(absent ? savefile_start(file, format) :
		       savefile_resume(file, path, known, state)))
		goto out_free;
	/* Without extended attributes the owner is known until we end. */
	if (fsetxattr(fd, SAVEFILE_XATTR, owner, strlen(owner), 0))
		log_debug("%s: its owner is not stored: %m", path);
	return file;
out_free:
	free(file);
out_close:
	close(fd);
	return NULL;
}

struct savefile *savefile_pipe(const struct savefile_format *format,
			       int stop_fd)
{
	struct savefile *file;
	int fd = output_open();

	if (fd < 0)
		return NULL;
	file = savefile_new(fd, format);
	if (!file) {
		close(fd);
		return NULL;
	}
	file->regular = false;
	file->stop_fd = stop_fd;
	if (savefile_start(file, format))
		return file;
	savefile_close(file);
	return NULL;
}

/*
 * Only @done bytes of the draft could be written: cut the file after the last
 * whole record of these, and count the others.
 */
static void savefile_cut(struct savefile *file, size_t done,
			 struct savefile_loss *lost)
{
	int error = errno;
	struct pcapring_record record;
	size_t position = 0, kept = 0;

	/* Without an end yet, it is the file header that failed. */
	while (file->end && position < file->draft.used) {
		memcpy(&record, draft_bytes(&file->draft) + position, sizeof(record));
		position += sizeof(record) + record.caplen;
		if (position <= done) {
			kept = position;
			continue;
		}
		lost->packets++;
		lost->bytes += record.caplen;
	}
	draft_empty(&file->draft);
	if (file->regular) {
		file->end += kept;
		if (ftruncate(file->fd, file->end) ||
		    lseek(file->fd, file->end, SEEK_SET) < 0)
			log_error("cannot cut a torn record: %m");
	}
	errno = error;
}

bool savefile_flush(struct savefile *file, struct savefile_loss *lost)
{
	size_t done = 0;

	*lost = (struct savefile_loss){ 0 };
	while (done < file->draft.used) {
		ssize_t n = write(file->fd, draft_bytes(&file->draft) + done,
				  file->draft.used - done);

		if (n >= 0)
			done += n;
		else if (errno == EAGAIN ? !output_wait(file->fd, file->stop_fd) : errno != EINTR)
			break;
	}
	if (done < file->draft.used) {
		savefile_cut(file, done, lost);
		return false;
	}
	file->end += done;
	draft_empty(&file->draft);
	return true;
}

bool savefile_append(struct savefile *file, const struct packet *packet,
		     struct savefile_loss *lost)
{
	if (!draft_add(&file->draft, packet, file->nanoseconds)) {
		*lost = (struct savefile_loss){ .packets = 1, .bytes = packet->caplen };
		errno = ENOMEM;
		return false;
	}
	return file->draft.used < DRAFT_FULL || savefile_flush(file, lost);
}

void savefile_close(struct savefile *file)
{
	close(file->fd);
	draft_empty(&file->draft);
	free(file);
}

void savefile_where(const struct savefile *file, struct savefile_place *place)
{
	struct stat st;

	*place = (struct savefile_place){ .end = -1 };
	if (fstat(file->fd, &st))
		return;
	place->device = st.st_dev;
	place->inode = st.st_ino;
	place->end = file->end;
}
