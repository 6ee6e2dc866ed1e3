// SPDX-License-Identifier: MIT
#include "control/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

#define SNAPSHOT_BUFFER		(1024 * 1024)
#define SNAPSHOT_MODE		0640

/* The capture must not stay frozen because somebody lost patience. */
static int snapshot_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static const char *snapshot_open_hint(int error)
{
	switch (error) {
	case EBUSY:
		return "another reader has it, and there can be one only; 'fuser -v' on the device names it";
	case EACCES:
	case EPERM:
		return "not allowed: run it as root or as a member of the device's group";
	default:
		return strerror(error);
	}
}

static bool snapshot_open_device(struct snapshot *snapshot)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/pcapring%u", snapshot->id);
	snapshot->device = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (snapshot->device >= 0)
		return true;
	log_error("snapshot %u: %s: %s", snapshot->id, path, snapshot_open_hint(errno));
	return false;
}

/* A rename would put a file in the place of a device or of a pipe. */
static bool snapshot_may_replace(const struct snapshot *snapshot)
{
	struct stat st;

	if (stat(snapshot->path, &st) || S_ISREG(st.st_mode))
		return true;
	log_error("snapshot %u: %s is no regular file: - writes to standard output, which can be anything",
		  snapshot->id, snapshot->path);
	return false;
}

static bool snapshot_create(struct snapshot *snapshot)
{
	if (!snapshot_may_replace(snapshot))
		return false;
	if (asprintf(&snapshot->part, "%s.part", snapshot->path) < 0) {
		snapshot->part = NULL;
		log_error("snapshot %u: out of memory", snapshot->id);
		return false;
	}
	unlink(snapshot->part);
	snapshot->out = open(snapshot->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			     SNAPSHOT_MODE);
	if (snapshot->out >= 0)
		return true;
	log_error("snapshot %u: %s: %m", snapshot->id, snapshot->part);
	free(snapshot->part);
	snapshot->part = NULL;
	return false;
}

static bool snapshot_open_out(struct snapshot *snapshot)
{
	struct stat st;

	if (snapshot->path) {
		if (!snapshot_create(snapshot))
			return false;
	} else {
		snapshot->out = STDOUT_FILENO;
	}
	/* poll(2) promises no more of what is no file */
	snapshot->chunk = !fstat(snapshot->out, &st) && S_ISREG(st.st_mode) ?
			  SNAPSHOT_BUFFER : PIPE_BUF;
	return true;
}

bool snapshot_open(struct snapshot *snapshot, uint32_t id, const char *path)
{
	*snapshot = (struct snapshot) {
		.id = id,
		.path = strcmp(path, "-") ? path : NULL,
		.device = -1,
		.signals = -1,
		.out = -1,
	};
	snapshot->signals = snapshot_signals();
	if (snapshot->signals < 0) {
		log_error("snapshot %u: cannot receive signals: %m", id);
		return false;
	}
	if (snapshot_open_device(snapshot) && snapshot_open_out(snapshot))
		return true;
	snapshot_close(snapshot, false);
	return false;
}

/* Until something can be written. */
static bool snapshot_wait(const struct snapshot *snapshot)
{
	struct pollfd files[] = {
		{ .fd = snapshot->signals, .events = POLLIN },
		{ .fd = snapshot->out, .events = POLLOUT },
	};

	if (poll(files, 2, -1) < 0) {
		log_error("snapshot %u: poll: %m", snapshot->id);
		return false;
	}
	if (!files[0].revents)
		return true;
	log_error("snapshot %u: ended by a signal", snapshot->id);
	return false;
}

static bool snapshot_write(const struct snapshot *snapshot, const uint8_t *bytes,
			   size_t count)
{
	while (count) {
		size_t part = count < snapshot->chunk ? count : snapshot->chunk;
		ssize_t written;

		if (!snapshot_wait(snapshot))
			return false;
		written = write(snapshot->out, bytes, part);
		if (written < 0) {
			/* another program may have made standard output so */
			if (errno == EAGAIN)
				continue;
			log_error("snapshot %u: %s: %m", snapshot->id,
				  snapshot->part ? snapshot->part : "standard output");
			return false;
		}
		bytes += written;
		count -= written;
	}
	return true;
}

static const char *snapshot_read_hint(int error)
{
	switch (error) {
	case EAGAIN:
		return "its interface was never there, so there is nothing to read";
	case EBUSY:
	case ESTALE:
		return "somebody thawed the capture meanwhile: try again";
	default:
		return strerror(error);
	}
}

static bool snapshot_pump(const struct snapshot *snapshot, uint8_t *buffer)
{
	uint64_t total = 0;
	ssize_t count;

	do {
		count = read(snapshot->device, buffer, SNAPSHOT_BUFFER);
		if (count < 0) {
			log_error("snapshot %u: /dev/pcapring%u: %s", snapshot->id,
				  snapshot->id, snapshot_read_hint(errno));
			return false;
		}
		if (!snapshot_write(snapshot, buffer, count))
			return false;
		total += count;
	} while (count);
	if (!total)
		log_error("snapshot %u: %s", snapshot->id, snapshot_read_hint(EAGAIN));
	return total;
}

bool snapshot_copy(struct snapshot *snapshot)
{
	uint8_t *buffer = malloc(SNAPSHOT_BUFFER);
	bool done;

	if (!buffer) {
		log_error("snapshot %u: out of memory", snapshot->id);
		return false;
	}
	done = snapshot_pump(snapshot, buffer);
	free(buffer);
	return done;
}

/* On disk before it has its name. */
static bool snapshot_finish(const struct snapshot *snapshot)
{
	if (!fdatasync(snapshot->out) && !rename(snapshot->part, snapshot->path))
		return true;
	log_error("snapshot %u: %s: %m", snapshot->id, snapshot->path);
	return false;
}

bool snapshot_close(struct snapshot *snapshot, bool done)
{
	if (snapshot->part) {
		done = done && snapshot_finish(snapshot);
		if (!done)
			unlink(snapshot->part);
		close(snapshot->out);
		free(snapshot->part);
	}
	if (snapshot->device >= 0)
		close(snapshot->device);
	close(snapshot->signals);
	return done;
}
