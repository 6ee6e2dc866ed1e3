// SPDX-License-Identifier: MIT
/*
 * How long a packet takes, in microseconds: a line of JSON with p50 and p99.
 *
 *	bench-delay ring BYTES COUNT HOST:PORT FILE
 *		from the ring to the end of the collector's write: pcapring.v1,
 *		an idle ring, a packet every 10 ms; FILE has the time of the
 *		last write, see written.c
 *	bench-delay ping BYTES COUNT HOST:PORT
 *		a TCP connection there and back, as often
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "common/log.h"
#include "engine.h"
#include "memring.h"
#include "source/reader.h"

#define DELAY_PAUSE	(10 * CLOCK_MILLISECOND)
#define DELAY_RING	(1 << 20)
#define DELAY_BYTES_MAX	65536

/**
 * struct delay - a ring and what streams it
 * @wake: an eventfd
 */
struct delay {
	const char *target;
	struct memring memring;
	struct reader reader;
	int wake;
};

static void *delay_stream(void *context)
{
	struct delay *delay = context;

	engine_records(&delay->reader, delay->target, delay->wake, delay->wake);
	return NULL;
}

static void delay_pause(void)
{
	const struct timespec pause = { 0, DELAY_PAUSE };

	nanosleep(&pause, NULL);
}

/* As the kernel does: wake a reader that has seen all. */
static void delay_append(struct delay *delay, const void *data, uint32_t bytes)
{
	const struct pcapring_record header = {
		.ts_sec = time(NULL), .caplen = bytes, .len = bytes };
	struct pcapring_consumer *consumer = memring_consumer(&delay->memring, 0);
	uint64_t head = memring_producer(&delay->memring, 0)->head;

	if (!memring_append(&delay->memring, 0, &header, data))
		abort();
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&consumer->seen, __ATOMIC_RELAXED) == head)
		eventfd_write(delay->wake, 1);
}

/* When the collector wrote what was appended at @begin. */
static int64_t delay_written(const int64_t *written, int64_t begin)
{
	int64_t at;

	do
		delay_pause();
	while ((at = __atomic_load_n(written, __ATOMIC_ACQUIRE)) < begin);
	return at;
}

static const int64_t *delay_map(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *map = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		abort();
	close(fd);
	return map;
}

static void delay_ring(struct delay *delay, const char *path, uint32_t bytes,
		       int64_t *took, unsigned int count)
{
	static const uint8_t data[DELAY_BYTES_MAX];
	const int64_t *written = delay_map(path);
	pthread_t thread;

	memring_create(&delay->memring, 1, DELAY_RING, 0);
	if (getrandom(delay->memring.info->uuid, 16, 0) < 0 ||
	    !reader_open_fd(&delay->reader, dup(delay->memring.fd), "memring"))
		abort();
	delay->wake = eventfd(0, EFD_CLOEXEC);
	if (pthread_create(&thread, NULL, delay_stream, delay))
		abort();
	/* The file's header comes with the call. */
	delay_written(written, 1);
	for (unsigned int i = 0; i < count; i++) {
		int64_t begin = clock_now();

		delay_append(delay, data, bytes);
		took[i] = delay_written(written, begin) - begin;
	}
}

static void delay_ping(const char *target, uint32_t bytes, int64_t *took,
		       unsigned int count)
{
	static uint8_t data[DELAY_BYTES_MAX];
	int fd = engine_connect(target);

	for (unsigned int i = 0; i < count; i++) {
		int64_t begin;

		delay_pause();
		begin = clock_now();
		if (write(fd, data, bytes) != (ssize_t)bytes ||
		    recv(fd, data, bytes, MSG_WAITALL) != (ssize_t)bytes)
			abort();
		took[i] = clock_now() - begin;
	}
	close(fd);
}

static int delay_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static struct delay delay;
	unsigned int bytes, count;
	int64_t *took;

	if (argc < 5 || argc != 5 + !strcmp(argv[1], "ring")) {
		fprintf(stderr, "usage: %s ring|ping BYTES COUNT HOST:PORT [FILE]\n", *argv);
		return 2;
	}
	log_open("bench-delay", 0);
	bytes = atoi(argv[2]);
	count = atoi(argv[3]);
	took = calloc(count, sizeof(*took));
	if (!took || !bytes || bytes > DELAY_BYTES_MAX)
		return 2;
	delay.target = argv[4];
	if (argc == 6)
		delay_ring(&delay, argv[5], bytes, took, count);
	else
		delay_ping(argv[4], bytes, took, count);
	qsort(took, count, sizeof(*took), delay_compare);
	printf("{\"p50\": %.1f, \"p99\": %.1f}\n", took[count / 2] / 1e3,
	       took[count * 99 / 100] / 1e3);
	fflush(stdout);
	/* the stream's thread has no end */
	_exit(EXIT_SUCCESS);
}
