// SPDX-License-Identifier: MIT
#include "ringfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/pcapring.h>

#include "collector/output.h"
#include "savefile.h"

_Static_assert(sizeof(struct pcapring_file_header) == RINGFILE_HEADER, "as it is in the file");

bool ringfile_swapped(const struct ringfile_format *format)
{
	return format->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

bool ringfile_same(const struct ringfile_format *a,
		   const struct ringfile_format *b)
{
	return a->linktype == b->linktype && a->big_endian == b->big_endian &&
	       a->microseconds == b->microseconds;
}

static void ringfile_header(struct pcapring_file_header *header,
			    const struct ringfile_format *format)
{
	*header = (struct pcapring_file_header){
		.magic = format->microseconds ? PCAPRING_FILE_MAGIC_USEC :
						PCAPRING_FILE_MAGIC_NSEC,
		.version_major = PCAPRING_FILE_VERSION_MAJOR,
		.version_minor = PCAPRING_FILE_VERSION_MINOR,
		.snaplen = format->snaplen,
		.linktype = format->linktype,
	};
	if (!ringfile_swapped(format))
		return;
	header->magic = __builtin_bswap32(header->magic);
	header->version_major = __builtin_bswap16(header->version_major);
	header->version_minor = __builtin_bswap16(header->version_minor);
	header->snaplen = __builtin_bswap32(header->snaplen);
	header->linktype = __builtin_bswap32(header->linktype);
}

/* Open and lock. False: *@state says why. */
static bool ringfile_lock(struct ringfile *file, const char *path, int flags,
			  enum ringfile_state *state)
{
	struct stat st;
	int error;

	*file = (struct ringfile){ .stop_fd = -1 };
	*state = RINGFILE_ERROR;
	file->fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			SAVEFILE_MODE);
	if (file->fd < 0) {
		if (errno == ENOENT)
			*state = RINGFILE_SHORT;
		return false;
	}
	if (!fstat(file->fd, &st) && !flock(file->fd, LOCK_EX | LOCK_NB)) {
		file->end = st.st_size;
		*state = S_ISREG(st.st_mode) ? RINGFILE_FINE : RINGFILE_OTHER;
	} else if (errno == EWOULDBLOCK) {
		*state = RINGFILE_LOCKED;
	}
	if (*state == RINGFILE_FINE)
		return true;
	error = errno;
	ringfile_close(file);
	errno = error;
	return false;
}

bool ringfile_create(struct ringfile *file, const char *path, const char *owner)
{
	enum ringfile_state state;

	if (!ringfile_lock(file, path, O_CREAT, &state)) {
		if (state != RINGFILE_ERROR)
			errno = EEXIST;
		return false;
	}
	if (file->end) {
		ringfile_close(file);
		errno = EEXIST;
		return false;
	}
	/* For people, and for the day when the journal is not there any more. */
	(void)!fsetxattr(file->fd, SAVEFILE_XATTR, owner, strlen(owner), 0);
	return true;
}

enum ringfile_state ringfile_open(struct ringfile *file, const char *path,
				  const struct ringfile_format *format,
				  uint64_t length)
{
	struct pcapring_file_header want, have;
	enum ringfile_state state;

	if (!ringfile_lock(file, path, length ? 0 : O_CREAT, &state))
		return state;
	if (!length)
		return RINGFILE_FINE;
	if (file->end < length) {
		state = RINGFILE_SHORT;
		goto out_close;
	}
	ringfile_header(&want, format);
	state = RINGFILE_OTHER;
	if (pread(file->fd, &have, sizeof(have), 0) != sizeof(have))
		goto out_close;
	have.snaplen = want.snaplen;
	if (!memcmp(&have, &want, sizeof(have)))
		return RINGFILE_FINE;
out_close:
	length = file->end;
	ringfile_close(file);
	file->end = length;	/* for who tells people */
	return state;
}

bool ringfile_pipe(struct ringfile *file, int stop_fd)
{
	*file = (struct ringfile){ .fd = output_open(), .stop_fd = stop_fd };
	return file->fd >= 0;
}

bool ringfile_start(struct ringfile *file, const struct ringfile_format *format)
{
	struct pcapring_file_header header;
	struct iovec whole = { &header, sizeof(header) };
	struct pieces pieces = { &whole, 1 };

	ringfile_header(&header, format);
	return ringfile_append(file, &pieces);
}

bool ringfile_snaplen(struct ringfile *file, const struct ringfile_format *format)
{
	struct pcapring_file_header header;

	ringfile_header(&header, format);
	return pwrite(file->fd, &header.snaplen, sizeof(header.snaplen),
		      offsetof(struct pcapring_file_header, snaplen)) ==
	       sizeof(header.snaplen);
}

bool ringfile_append(struct ringfile *file, struct pieces *pieces)
{
	uint64_t before = file->end;
	bool pipe = file->stop_fd >= 0;

	while (pieces->count) {
		int count = pieces->count < IOV_MAX ? pieces->count : IOV_MAX;
		ssize_t n = pipe ? writev(file->fd, pieces->list, count) :
			    pwritev(file->fd, pieces->list, count, file->end);

		if (n >= 0) {
			file->end += n;
			pieces_skip(pieces, n);
		} else if (errno == EAGAIN && pipe ? !output_wait(file->fd, file->stop_fd) :
						     errno != EINTR) {
			break;
		}
	}
	if (pieces->count && !pipe) {
		int error = errno;

		ringfile_cut(file, before);
		errno = error;
	}
	return !pieces->count;
}

bool ringfile_cut(struct ringfile *file, uint64_t length)
{
	file->end = length;
	return !ftruncate(file->fd, length);
}

void ringfile_close(struct ringfile *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	file->end = 0;
}
