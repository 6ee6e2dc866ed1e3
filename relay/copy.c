// SPDX-License-Identifier: MIT
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"
#include "common/keeper.h"
#include "common/log.h"
#include "copy_batch.h"
#include "source/reader.h"

#define COPY_MODE	0640	/* who may not capture may not read it, either */
/* A disk that writes nothing for so long is not waited for at the end. */
#define COPY_PATIENCE	10	/* seconds */

/**
 * struct copy_ring - a ring
 * @data, @mask: as in struct reader_ring, which may end before a write(2) does
 * @want: the end of what is to be written; under the lock, the relay's thread stores it
 * @settled: of what may be written now; the same
 * @done: of what was; UINT64_MAX: nothing is held any more. The thread stores it
 */
struct copy_ring {
	const uint8_t *data;
	uint64_t mask;
	uint64_t want;
	uint64_t settled;
	uint64_t done;
};

/**
 * struct copy - an open one
 * @lock: guards all below, but for what the thread alone uses: @fd, @size, @torn,
 *	@batch
 * @news: something is wanted, or the copy ends
 * @over: the thread has come to its end
 * @size: of the file up to the last whole stretch; -1: it is none
 * @torn: bytes of a stretch that are behind that
 * @written: bytes, whole stretches or not; atomic
 * @failed: no more is written
 * @ending: nothing more will be wanted
 * @ended: @over
 * @stuck: nobody waits for the thread, which may never end
 */
struct copy {
	const char *name;
	int fd;
	int64_t size;
	uint64_t torn;
	uint64_t written;
	const struct reader *reader;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t news;
	pthread_cond_t over;
	bool started;
	bool failed;
	bool ending;
	bool ended;
	bool stuck;
	void (*wake)(void *context);
	void *context;
	unsigned int count;
	struct copy_ring rings[PCAPRING_RINGS_MAX];
	struct copy_batch batch;
};

/* Where what is appended begins is the end, whatever the file's position says. */
static int64_t copy_begin(int fd)
{
	return lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
}

static bool copy_open_file(struct copy *copy)
{
	struct stat st;

	copy->fd = strcmp(copy->name, "-") ?
		   open(copy->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY,
			COPY_MODE) :
		   STDOUT_FILENO;
	if (copy->fd < 0 || fstat(copy->fd, &st)) {
		log_error("--copy %s: %s", copy->name, strerror(errno));
		return false;
	}
	if (isatty(copy->fd)) {
		log_error("--copy %s: a terminal is no place for packets; '--copy - | tcpdump -r -' shows them",
			  copy->name);
		return false;
	}
	copy->size = S_ISREG(st.st_mode) ? copy_begin(copy->fd) : -1;
	return true;
}

struct copy *copy_open(const char *name, struct reader *reader)
{
	struct copy *copy = calloc(1, sizeof(*copy));
	pthread_condattr_t monotonic;

	if (!copy)
		abort();
	copy->name = name;
	copy->reader = reader;
	if (!copy_open_file(copy)) {
		free(copy);
		return NULL;
	}
	pthread_mutex_init(&copy->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&copy->news, NULL);
	pthread_cond_init(&copy->over, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return copy;
}

/* Nobody waits for it any more, and that was told. */
static bool copy_is_stuck(struct copy *copy)
{
	bool stuck;

	pthread_mutex_lock(&copy->lock);
	stuck = copy->stuck;
	pthread_mutex_unlock(&copy->lock);
	return stuck;
}

static void copy_set_failed(struct copy *copy)
{
	pthread_mutex_lock(&copy->lock);
	copy->failed = true;
	pthread_mutex_unlock(&copy->lock);
}

/* What lies behind what is torn, or between its parts, is somebody else's. */
static bool copy_is_last(const struct copy *copy)
{
	struct stat st;

	return !fstat(copy->fd, &st) && st.st_size == lseek(copy->fd, 0, SEEK_CUR) &&
	       (uint64_t)st.st_size == copy->size + copy->torn;
}

/* What was not written whole goes, where that can be. */
static void copy_cut(struct copy *copy)
{
	bool last;

	if (copy->size < 0 || !copy->torn)
		return;
	last = copy_is_last(copy);
	/* whoever writes there next leaves no hole */
	if (last && !ftruncate(copy->fd, copy->size) &&
	    lseek(copy->fd, copy->size, SEEK_SET) >= 0)
		return;
	log_error("--copy %s: cannot be cut after its last whole record: %s", copy->name,
		  last ? strerror(errno) : "others write there, too");
}

static void copy_fail(struct copy *copy, const char *why)
{
	if (!copy_is_stuck(copy))
		log_error("--copy %s: %s: it ends here; the stream goes on. For another copy, put that right%s and start the relay again",
			  copy->name, why, copy->fd == STDOUT_FILENO || copy->size < 0 ?
			  "" : ", move this one elsewhere");
	copy_cut(copy);
	copy_set_failed(copy);
	for (unsigned int i = 0; i < copy->count; i++)
		__atomic_store_n(&copy->rings[i].done, UINT64_MAX, __ATOMIC_RELEASE);
}

/* So many of the pieces that what is written shows that it goes on. */
static int copy_share(const struct iovec *pieces, int count)
{
	size_t bytes = pieces->iov_len;
	int share = 1;

	while (share < count && bytes + pieces[share].iov_len <= COPY_BATCH_PIECE)
		bytes += pieces[share++].iov_len;
	return share;
}

/* All of the pieces, which are ours to change. */
static bool copy_write(struct copy *copy, struct iovec *pieces, int count)
{
	struct pollfd file = { .fd = copy->fd, .events = POLLOUT };

	while (count) {
		ssize_t n = writev(copy->fd, pieces, copy_share(pieces, count));

		if (n < 0 && errno == EAGAIN)
			poll(&file, 1, -1);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0) {
			copy_fail(copy, strerror(errno));
			return false;
		}
		__atomic_add_fetch(&copy->written, n, __ATOMIC_RELAXED);
		copy->torn += n;
		for (; count && (size_t)n >= pieces->iov_len; pieces++, count--)
			n -= pieces->iov_len;
		if (count) {
			pieces->iov_base = (uint8_t *)pieces->iov_base + n;
			pieces->iov_len -= n;
		}
	}
	if (copy->size >= 0)
		copy->size += copy->torn;
	copy->torn = 0;
	return true;
}

/* How things are; is there something to be written? Locked. */
static bool copy_find(const struct copy *copy, struct copy_batch_ring *rings)
{
	bool found = false;

	for (unsigned int i = 0; i < copy->count && !copy->failed; i++) {
		const struct copy_ring *ring = &copy->rings[i];

		/* what is younger may have gone before */
		rings[i] = (struct copy_batch_ring) {
			.data = ring->data,
			.mask = ring->mask,
			.begin = ring->done,
			.settled = ring->settled > ring->done ? ring->settled : ring->done,
			.end = ring->want,
		};
		found |= ring->done < ring->settled;
	}
	return found;
}

static bool copy_wait(struct copy *copy, struct copy_batch_ring *rings)
{
	bool found;

	pthread_mutex_lock(&copy->lock);
	while (!(found = copy_find(copy, rings)) && !copy->ending) {
		pthread_cond_wait(&copy->news, &copy->lock);
		keeper_round();
	}
	pthread_mutex_unlock(&copy->lock);
	return found;
}

static void copy_write_batch(struct copy *copy, struct copy_batch_ring *rings)
{
	struct copy_batch *batch = &copy->batch;

	if (!copy_batch_take(batch, rings, copy->count)) {
		copy_fail(copy, "a ring is corrupted");
		return;
	}
	if (!copy_write(copy, batch->pieces, batch->count))
		return;
	for (unsigned int i = 0; i < copy->count; i++)
		__atomic_store_n(&copy->rings[i].done, rings[i].begin, __ATOMIC_RELEASE);
}

/* Tails may move. */
static void copy_tell(struct copy *copy)
{
	pthread_mutex_lock(&copy->lock);
	if (copy->wake)
		copy->wake(copy->context);
	pthread_mutex_unlock(&copy->lock);
}

/* Some file systems tell only where a file is closed what they could not write. */
static void copy_flush(struct copy *copy)
{
	int again = copy->failed ? -1 : fcntl(copy->fd, F_DUPFD_CLOEXEC, 0);

	if (again < 0 || !close(again) || errno == EINTR)
		return;
	if (!copy_is_stuck(copy))
		log_error("--copy %s: %s, as it was closed: what was written last may be missing",
			  copy->name, strerror(errno));
	copy_set_failed(copy);
}

static void copy_end(struct copy *copy)
{
	keeper_away(true);
	copy_flush(copy);
	keeper_away(false);
	pthread_mutex_lock(&copy->lock);
	copy->ended = true;
	pthread_cond_signal(&copy->over);
	pthread_mutex_unlock(&copy->lock);
}

static void *copy_run(void *context)
{
	struct copy *copy = context;
	struct keeper_bed bed = { &copy->lock, &copy->news };
	struct copy_batch_ring rings[PCAPRING_RINGS_MAX];

	keeper_join("copy", keeper_nudge, &bed);
	while (copy_wait(copy, rings)) {
		keeper_away(true);	/* in the disk's hands */
		copy_write_batch(copy, rings);
		keeper_away(false);
		copy_tell(copy);
	}
	copy_end(copy);
	keeper_leave();
	return NULL;
}

static bool copy_write_header(struct copy *copy)
{
	const struct reader *reader = copy->reader;
	struct pcapring_file_header header = {
		.magic = PCAPRING_FILE_MAGIC_NSEC,
		.version_major = PCAPRING_FILE_VERSION_MAJOR,
		.version_minor = PCAPRING_FILE_VERSION_MINOR,
		.snaplen = reader->info->snaplen,
		.linktype = reader_linktype(reader),
	};

	return copy_write(copy, &(struct iovec) { &header, sizeof(header) }, 1);
}

void copy_start(struct copy *copy, void (*wake)(void *context), void *context)
{
	const struct reader *reader = copy->reader;
	int error;

	if (copy->started || copy->failed)
		return;
	copy->wake = wake;
	copy->context = context;
	copy->count = reader->ring_count;
	for (unsigned int i = 0; i < copy->count; i++) {
		struct reader_ring *ring = &reader->rings[i];

		copy->rings[i] = (struct copy_ring) {
			.data = ring->data,
			.mask = ring->mask,
			.want = ring->tail,
			.settled = ring->tail,
			.done = ring->tail,
		};
		ring->floor = &copy->rings[i].done;
	}
	if (!copy_write_header(copy))
		return;
	error = pthread_create(&copy->thread, NULL, copy_run, copy);
	if (error)
		copy_fail(copy, strerror(error));
	copy->started = !error;
}

/* Would that change anything of the ring? */
static bool copy_is_news(const struct copy_ring *ring, uint64_t end, bool last)
{
	return end > ring->want || ring->settled < (last ? end : ring->want);
}

/* Nobody else changes what is wanted. */
void copy_want(struct copy *copy, const uint64_t *ends, bool last)
{
	bool news = false;

	if (!copy || !copy->started)
		return;
	for (unsigned int i = 0; i < copy->count; i++)
		news |= copy_is_news(&copy->rings[i], ends[i], last);
	if (!news)
		return;
	pthread_mutex_lock(&copy->lock);
	for (unsigned int i = 0; i < copy->count; i++) {
		struct copy_ring *ring = &copy->rings[i];

		if (!last)
			ring->settled = ring->want;
		if (ends[i] > ring->want)
			ring->want = ends[i];
		/* the other protocol may have wanted more, and not looked again */
		if (last && ends[i] > ring->settled)
			ring->settled = ends[i];
	}
	pthread_cond_signal(&copy->news);
	pthread_mutex_unlock(&copy->lock);
}

bool copy_waits(const struct copy *copy)
{
	for (unsigned int i = 0; copy && i < copy->count; i++)
		if (copy->rings[i].settled < copy->rings[i].want)
			return true;
	return false;
}

/* Locked. */
static uint64_t copy_left(const struct copy *copy)
{
	uint64_t left = 0;

	for (unsigned int i = 0; i < copy->count && !copy->failed; i++)
		left += copy->rings[i].want -
			__atomic_load_n(&copy->rings[i].done, __ATOMIC_RELAXED);
	return left;
}

/* Until the thread ends, or nothing was written for long. Locked. */
static void copy_settle(struct copy *copy)
{
	uint64_t written = __atomic_load_n(&copy->written, __ATOMIC_RELAXED);
	struct timespec until;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += COPY_PATIENCE;
	while (copy->started && !copy->ended) {
		if (!pthread_cond_timedwait(&copy->over, &copy->lock, &until))
			continue;
		now = __atomic_load_n(&copy->written, __ATOMIC_RELAXED);
		if (now == written)
			break;
		written = now;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += COPY_PATIENCE;
	}
}

static void copy_say_stuck(const struct copy *copy, uint64_t left)
{
	if (left)
		log_error("--copy %s: nothing was written for %d s: the last %" PRIu64 " bytes are missing",
			  copy->name, COPY_PATIENCE, left);
	else
		log_error("--copy %s: not closed within %d s: what was written last may be missing",
			  copy->name, COPY_PATIENCE);
}

bool copy_finish(struct copy *copy)
{
	uint64_t left;
	bool done;

	pthread_mutex_lock(&copy->lock);
	for (unsigned int i = 0; i < copy->count; i++)
		copy->rings[i].settled = copy->rings[i].want;
	copy->ending = true;
	pthread_cond_signal(&copy->news);
	copy_settle(copy);
	copy->stuck = copy->started && !copy->ended;
	done = !copy->stuck && !copy->failed;
	left = copy_left(copy);
	copy->wake = NULL;
	pthread_mutex_unlock(&copy->lock);
	if (copy->stuck)
		copy_say_stuck(copy, left);
	return done;
}

void copy_close(struct copy *copy)
{
	/* a thread that is stuck ends with the process, and so does what it uses */
	if (copy->stuck)
		return;
	if (copy->started)
		pthread_join(copy->thread, NULL);
	if (copy->fd != STDOUT_FILENO)
		close(copy->fd);
	pthread_cond_destroy(&copy->over);
	pthread_cond_destroy(&copy->news);
	pthread_mutex_destroy(&copy->lock);
	free(copy);
}
