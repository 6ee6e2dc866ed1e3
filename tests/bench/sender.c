// SPDX-License-Identifier: MIT
/*
 * bench-sender WAY BYTES PACKETS HOST:PORT: sends a ring full of packets of one
 * size, and prints a line of JSON on what that took. Ways:
 *
 *	naive	Run: one message, copied; wait; the next
 *	run	Run, as the relay does it
 *	records	pcapring.v1, as the relay does it
 *	sendmsg	the same extents over a bare TCP connection
 *
 * The ring is a memfd laid out as a device. What it takes to fill it is not
 * counted. Time ends when the receiver has answered.
 */
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/service.h"
#include "extent.h"
#include "memring.h"
#include "merge.h"
#include "naive.h"
#include "reader.h"
#include "records.h"
#include "relay.h"
#include "stream.h"
#include "watch.h"

#define SENDER_EXTENT_BYTES	(1 << 20)

/**
 * struct sender - what is sent
 * @target: where to
 * @reader: the ring, all of it
 */
struct sender {
	const char *target;
	struct reader reader;
};

static void sender_fill(struct sender *sender, uint32_t bytes, unsigned int packets)
{
	struct pcapring_record header = { .caplen = bytes, .len = bytes };
	uint64_t ring_bytes = 1 << 20;
	struct memring memring;
	uint8_t data[65536];

	while (ring_bytes < (uint64_t)packets * (sizeof(header) + bytes))
		ring_bytes *= 2;
	memset(data, 0x5a, sizeof(data));
	memring_create(&memring, 1, ring_bytes, 0);
	for (unsigned int i = 0; i < packets; i++) {
		header.ts_sec = 1700000000 + i / 1000000;
		header.ts_nsec = i % 1000000 * 1000;
		if (!memring_append(&memring, 0, &header, data))
			abort();
	}
	if (!reader_open_fd(&sender->reader, dup(memring.fd), "memring"))
		abort();
	memring_destroy(&memring);
}

static void sender_wake(void *stream)
{
	stream_wake(stream);
}

static void sender_start_watch(struct watch *watch, struct stream *stream)
{
	if (!watch_start(watch, service_signals(), -1, sender_wake, stream))
		abort();
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
	struct extents extents;
	struct relay_counts counts = {};
	struct watch watch;
	struct merge merge;
	struct relay_config config = {
		.source = &merge.source,
		.watch = &watch,
		.extents = &extents,
		.target = sender->target,
	};

	merge_open(&merge, &sender->reader);
	merge.source.stop(&merge.source);
	extents_init(&extents, sender->reader.ring_bytes);
	metadata_defaults(&config.metadata);
	config.stream = stream_new(sender->target, false, &extents, 1);
	sender_start_watch(&watch, config.stream);
	if (!relay_run(&config, &counts))
		exit(EXIT_FAILURE);
	watch_stop(&watch);
	stream_free(config.stream);
}

static enum source_result sender_feed_fill(struct records_feed *feed)
{
	(void)feed;
	return SOURCE_END;
}

static void sender_feed_stop(struct records_feed *feed)
{
	(void)feed;
}

static void sender_records(struct sender *sender)
{
	struct records_feed feed = {
		.fill = sender_feed_fill,
		.stop = sender_feed_stop,
	};
	struct extents extents;
	struct relay_counts counts = {};
	struct watch watch;
	struct records_config config = {
		.reader = &sender->reader,
		.watch = &watch,
		.extents = &extents,
		.target = sender->target,
		.feed = &feed,
	};

	extents_init(&extents, sender->reader.ring_bytes);
	metadata_defaults(&config.metadata);
	snprintf(config.metadata.sensor, sizeof(config.metadata.sensor), "bench");
	snprintf(config.metadata.interface, sizeof(config.metadata.interface), "mem0");
	config.stream = stream_new(sender->target, false, &extents, 1);
	sender_start_watch(&watch, config.stream);
	if (records_run(&config, &counts) != RECORDS_OK)
		exit(EXIT_FAILURE);
	watch_stop(&watch);
	stream_free(config.stream);
}

static int sender_connect(const char *target)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char *host = strdup(target), *port = host ? strrchr(host, ':') : NULL;
	struct addrinfo *address;
	int fd;

	if (!port)
		abort();
	*port++ = '\0';
	if (getaddrinfo(host, port, &hints, &address))
		abort();
	fd = socket(address->ai_family, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, address->ai_addr, address->ai_addrlen))
		abort();
	freeaddrinfo(address);
	free(host);
	return fd;
}

static void sender_sendmsg(struct sender *sender)
{
	const struct reader_ring *ring = &sender->reader.rings[0];
	int fd = sender_connect(sender->target);
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

static void sender_measure(struct sender *sender, void (*send)(struct sender *sender))
{
	struct timespec begin, end;
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	send(sender);
	clock_gettime(CLOCK_MONOTONIC, &end);
	getrusage(RUSAGE_SELF, &after);
	printf("{\"seconds\": %.6f, \"user\": %.6f, \"system\": %.6f, \"bytes\": %" PRIu64 ", \"memory_kib\": %lu}\n",
	       end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9,
	       sender_seconds(&after.ru_utime) - sender_seconds(&before.ru_utime),
	       sender_seconds(&after.ru_stime) - sender_seconds(&before.ru_stime),
	       sender->reader.rings[0].head, sender_memory());
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

	if (argc != 5) {
		fprintf(stderr, "usage: %s WAY BYTES PACKETS HOST:PORT\n", *argv);
		return 2;
	}
	log_open("bench-sender", 0);
	sender.target = argv[4];
	sender_fill(&sender, atoi(argv[2]), atoi(argv[3]));
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if (strcmp(argv[1], ways[i].name))
			continue;
		sender_measure(&sender, ways[i].send);
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "%s: no way '%s'\n", *argv, argv[1]);
	return 2;
}
