// SPDX-License-Identifier: MIT
/*
 * bench-sender WAY BYTES PACKETS RINGS HOST:PORT [COMPRESSION]: sends rings full of
 * packets of one size, and prints a line of JSON on what that took. Ways:
 *
 *	naive	Run: one message, copied; wait; the next
 *	run	Run, as the relay does it
 *	records	pcapring.v1, as the relay does it
 *	sendmsg	the same extents of one ring over a bare TCP connection
 *
 * COMPRESSION is none, gzip or deflate: then half of each packet is noise, half is
 * what compresses to nothing.
 *
 * Rings are in a memfd laid out as a device. What it takes to fill them is not
 * counted. Time ends when the receiver has answered.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "engine.h"
#include "memring.h"
#include "naive.h"
#include "source/merge.h"
#include "source/reader.h"

#define SENDER_EXTENT_BYTES	(1 << 20)

/**
 * struct sender - what is sent
 * @target: where to
 * @noise: half of each packet is
 * @reader: the ring, all of it
 */
struct sender {
	const char *target;
	bool noise;
	struct reader reader;
};

static void sender_make_noise(uint8_t *bytes, size_t length)
{
	static uint64_t state = 88172645463325252;

	for (size_t i = 0; i < length; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		bytes[i] = state >> 24;
	}
}

static void sender_fill(struct sender *sender, uint32_t bytes, unsigned int packets,
			unsigned int rings)
{
	struct pcapring_record header = { .caplen = bytes, .len = bytes };
	uint64_t ring_bytes = 1 << 20;
	struct memring memring;
	uint8_t data[65536];

	while (ring_bytes < (packets / rings + 1ULL) * (sizeof(header) + bytes))
		ring_bytes *= 2;
	memset(data, 0x5a, sizeof(data));
	memring_create(&memring, rings, ring_bytes, 0);
	/* no collector has seen this one before */
	if (getrandom(memring.info->uuid, sizeof(memring.info->uuid), 0) < 0)
		abort();
	for (unsigned int i = 0; i < packets; i++) {
		header.ts_sec = 1700000000 + i / 1000000;
		header.ts_nsec = i % 1000000 * 1000;
		if (sender->noise)
			sender_make_noise(data, bytes / 2);
		if (!memring_append(&memring, i % rings, &header, data))
			abort();
	}
	if (!reader_open_fd(&sender->reader, dup(memring.fd), "memring"))
		abort();
	memring_destroy(&memring);
}

static void sender_naive(struct sender *sender)
{
	struct merge merge;

	merge_open(&merge, &sender->reader);
	merge.source.stop(&merge.source);
	naive_run(&merge.source, sender->target);
}

static void sender_run(struct sender *sender)
{
	engine_packets(&sender->reader, sender->target);
}

/* A capture that was deleted: what it holds is all. */
static void sender_records(struct sender *sender)
{
	int ends[2];

	if (pipe(ends))
		abort();
	close(ends[1]);
	engine_records(&sender->reader, sender->target, ends[0], 0);
	close(ends[0]);
}

static void sender_sendmsg(struct sender *sender)
{
	const struct reader_ring *ring = &sender->reader.rings[0];
	int fd = engine_connect(sender->target);
	uint64_t position = ring->position;
	char byte;

	while (position < ring->head) {
		uint64_t left = ring->head - position;
		struct iovec extent = {
			.iov_base = (void *)reader_at(ring, position),
			.iov_len = left < SENDER_EXTENT_BYTES ?
				   left : SENDER_EXTENT_BYTES,
		};
		const struct msghdr message = { .msg_iov = &extent, .msg_iovlen = 1 };
		ssize_t n = sendmsg(fd, &message, 0);

		if (n < 0)
			abort();
		position += n;
	}
	shutdown(fd, SHUT_WR);
	if (read(fd, &byte, 1))
		abort();
	close(fd);
}

static double sender_seconds(const struct timeval *time)
{
	return time->tv_sec + time->tv_usec / 1e6;
}

/* Memory beside the ring, which is shared: KiB. */
static unsigned long sender_memory(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	unsigned long sum = 0, kib;
	char line[128];

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "RssAnon: %lu", &kib) == 1 ||
		    sscanf(line, "RssFile: %lu", &kib) == 1)
			sum += kib;
	if (status)
		fclose(status);
	return sum;
}

static uint64_t sender_bytes(const struct reader *reader)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < reader->ring_count; i++)
		sum += reader->rings[i].head;
	return sum;
}

static void sender_measure(struct sender *sender, void (*send)(struct sender *sender))
{
	struct timespec begin, end;
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	send(sender);
	clock_gettime(CLOCK_MONOTONIC, &end);
	getrusage(RUSAGE_SELF, &after);
	printf("{\"seconds\": %.6f, \"user\": %.6f, \"system\": %.6f, \"bytes\": %" PRIu64 ", \"wire\": %" PRIu64 ", \"memory_kib\": %lu}\n",
	       end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9,
	       sender_seconds(&after.ru_utime) - sender_seconds(&before.ru_utime),
	       sender_seconds(&after.ru_stime) - sender_seconds(&before.ru_stime),
	       sender_bytes(&sender->reader), engine_wire_bytes, sender_memory());
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*send)(struct sender *sender);
	} ways[] = {
		{ "naive", sender_naive }, { "run", sender_run },
		{ "records", sender_records }, { "sendmsg", sender_sendmsg },
	};
	static struct sender sender;

	if (argc != 6 && argc != 7) {
		fprintf(stderr, "usage: %s WAY BYTES PACKETS RINGS HOST:PORT [COMPRESSION]\n",
			*argv);
		return 2;
	}
	log_open("bench-sender", 0);
	sender.target = argv[5];
	sender.noise = argc == 7;
	if (argc == 7 && strcmp(argv[6], "none"))
		engine_compression = argv[6];
	sender_fill(&sender, atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if (strcmp(argv[1], ways[i].name))
			continue;
		sender_measure(&sender, ways[i].send);
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "%s: no way '%s'\n", *argv, argv[1]);
	return 2;
}
