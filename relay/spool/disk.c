// SPDX-License-Identifier: MIT
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define DISK_MODE	0600

static int disk_open(int folder, const struct spoolfile_id *id, int flags)
{
	char name[SPOOLFILE_NAME];

	spoolfile_name(name, id);
	return openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW, DISK_MODE);
}

void disk_remove(int folder, const struct spoolfile_id *id)
{
	char name[SPOOLFILE_NAME];

	spoolfile_name(name, id);
	unlinkat(folder, name, 0);
}

/* All of it; what is left of the list after a part was written is its own. */
static bool disk_put(int fd, struct iovec *list, int count, uint64_t at)
{
	while (count) {
		ssize_t n = pwritev(fd, list, count, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : ENOSPC;
			return false;
		}
		at += n;
		for (; count && (size_t)n >= list->iov_len; list++, count--)
			n -= list->iov_len;
		if (count) {
			list->iov_base = (uint8_t *)list->iov_base + n;
			list->iov_len -= n;
		}
	}
	return true;
}

static bool disk_write_all(struct disk_write *write, bool fresh)
{
	uint8_t header[SPOOLFILE_HEADER], part[SPOOLFILE_STRETCH];
	struct iovec list[] = {
		{ header, sizeof(header) },
		{ part, sizeof(part) },
		{ (void *)write->data, write->stretch.length },
	};
	uint64_t at = fresh ? 0 : write->at;

	write->stretch.crc = spoolfile_crc(0, write->data, write->stretch.length);
	spoolfile_pack_stretch(part, &write->stretch);
	if (fresh)
		spoolfile_pack_header(header, &write->header);
	/* A name that a crash takes away would take the bytes with it. */
	if (!disk_put(write->fd, list + !fresh, 2 + fresh, at) || fdatasync(write->fd) ||
	    (fresh && fsync(write->folder)))
		return false;
	write->at = (fresh ? SPOOLFILE_HEADER : write->at) + SPOOLFILE_STRETCH +
		    write->stretch.length;
	return true;
}

void disk_write(struct disk_write *write)
{
	bool fresh = write->fd < 0;

	write->error = 0;
	if (fresh)
		write->fd = disk_open(write->folder, &write->header.id,
				      O_RDWR | O_CREAT | O_EXCL);
	if (write->fd < 0) {
		write->error = errno;
		return;
	}
	if (disk_write_all(write, fresh))
		return;
	write->error = errno;
	/*
	 * The kernel forgets what it could not sync: nothing goes into this file
	 * any more. What is left of the stretch, if that fails, too, is true.
	 */
	if (fresh)
		disk_remove(write->folder, &write->header.id);
	else if (ftruncate(write->fd, write->at))
		errno = write->error;
	close(write->fd);
	write->fd = -1;
}

/* How much of it holds. */
static bool disk_check(struct disk_load *load, int fd, struct spoolfile_walk *walk)
{
	struct spoolfile_header header;
	struct spoolfile_stretch stretch;
	enum spoolfile_state state;
	struct stat st;

	if (fstat(fd, &st))
		return false;
	state = spoolfile_read_header(&header, fd, &load->id);
	if (state != SPOOLFILE_FINE) {
		errno = state == SPOOLFILE_UNREADABLE ? errno : EBADMSG;
		return false;
	}
	spoolfile_walk_begin(walk, fd, st.st_size, load->id.offset);
	while (walk->at < load->bytes) {
		struct spoolfile_walk before = *walk;

		if (spoolfile_walk_next(walk, &stretch) &&
		    spoolfile_walk_check(walk, &stretch))
			continue;
		errno = walk->error ? walk->error : EBADMSG;
		*walk = before;
		return false;
	}
	return true;
}

void disk_load(struct disk_load *load)
{
	int fd = disk_open(load->folder, &load->id, O_RDONLY | O_NONBLOCK);
	struct spoolfile_walk walk = { .end = load->id.offset };
	void *map;

	load->error = 0;
	load->map = NULL;
	load->map_bytes = 0;
	load->end = load->id.offset;
	if (fd < 0) {
		load->error = errno;
		return;
	}
	if (!disk_check(load, fd, &walk))
		load->error = errno;
	if (walk.end > load->id.offset) {
		map = mmap(NULL, walk.at, PROT_READ, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED) {
			load->error = errno;
		} else {
			load->map = map;
			load->map_bytes = walk.at;
			load->end = walk.end;
		}
	}
	close(fd);
}

void disk_unmap(const uint8_t *map, uint64_t bytes)
{
	if (map)
		munmap((void *)map, bytes);
}
