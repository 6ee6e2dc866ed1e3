// SPDX-License-Identifier: MIT
/*
 * Readers that have a capture's rings mapped, for the tests: of overwrite mode,
 * of gaps, and with a watermark. Those that go on until the capture is deleted
 * say "ready" on standard output first.
 *
 * recorder save DEVICE RING	what is in a ring that overwrites, as a savefile
 * recorder follow DEVICE	keep up with ring 0 while it overwrites, as far
 *				as possible, until the capture is deleted; the
 *				numbers that `traffic` sent, one a line; then
 *				how often it was overtaken, to standard error
 * recorder list DEVICE		the gaps of ring 0: position, count, first, last
 * recorder audit DEVICE	read ring 0 until the capture is deleted, slowly;
 *				the numbers that are missing must be missing at
 *				the gaps, as many as they say; then the numbers
 *				of records, gaps and packets missing
 * recorder doze DEVICE BYTES	wait for so many bytes each time, until the
 *				capture is deleted; how many there were, one a
 *				line
 * recorder nodes DEVICE	how many pages of each ring, with its consumer and
 *				producer page, are on the memory nodes 0 and 1;
 *				a ring a line
 *
 * And one that reads:
 *
 * recorder pace DEVICE ADDRESS COUNT
 *				COUNT times: fall asleep; 10 ms later a packet
 *				is sent to ADDRESS, and must wake us up, alone
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "device_map.h"
#include "savefile.h"

static void recorder_ready(void)
{
	puts("ready");
	fflush(stdout);
}

static uint64_t recorder_oldest(const struct device_map *map, unsigned int ring)
{
	return __atomic_load_n(&device_map_producer(map, ring)->oldest,
			       __ATOMIC_RELAXED);
}

/* Wait until the kernel has something for us. False: the capture was deleted. */
static bool recorder_wait(const struct device_map *map, uint64_t seen)
{
	struct pollfd waiting = { .fd = map->fd, .events = POLLIN };

	__atomic_store_n(&device_map_consumer(map, 0)->seen, seen,
			 __ATOMIC_RELEASE);
	if (poll(&waiting, 1, -1) != 1)
		die("poll");
	return !(waiting.revents & POLLHUP) ||
	       device_map_head(map, 0) != seen;
}

static void recorder_save(char **arguments)
{
	unsigned int ring = strtoul(arguments[1], NULL, 10);
	struct pcapring_file_header header = {
		.magic = PCAPRING_FILE_MAGIC_NSEC,
		.version_major = PCAPRING_FILE_VERSION_MAJOR,
		.version_minor = PCAPRING_FILE_VERSION_MINOR,
	};
	struct device_map map;
	uint64_t oldest;

	device_map_open(&map, arguments[0]);
	header.snaplen = map.info->snaplen;
	header.linktype = map.info->linktype;
	oldest = recorder_oldest(&map, ring);
	fwrite(&header, sizeof(header), 1, stdout);
	fwrite(device_map_at(&map, ring, oldest),
	       device_map_head(&map, ring) - oldest, 1, stdout);
}

/* The number that `traffic` wrote into a packet. */
static uint64_t recorder_number(const uint8_t *packet, size_t length)
{
	const uint8_t *mark = memmem(packet, length, SAVEFILE_MARK, 8);
	uint64_t number = 0;
	size_t i;

	if (!mark || mark + SAVEFILE_MARK_BYTES > packet + length) {
		fprintf(stderr, "%zu bytes without a number\n", length);
		exit(1);
	}
	for (i = 8; i < SAVEFILE_MARK_BYTES; i++)
		number = number << 8 | mark[i];
	return number;
}

/* Copy, pass a read barrier, look again. False: we were overtaken. */
static bool recorder_copy(const struct device_map *map, void *to, uint64_t from,
			  uint64_t position, size_t length)
{
	memcpy(to, device_map_at(map, 0, from), length);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return recorder_oldest(map, 0) <= position;
}

static void recorder_follow(char **arguments)
{
	uint64_t position, overtaken = 0, read = 0;
	static uint8_t packet[PCAPRING_SNAPLEN_MAX];
	struct pcapring_record record;
	struct device_map map;

	device_map_open(&map, arguments[0]);
	position = recorder_oldest(&map, 0);
	recorder_ready();
	for (;;) {
		if (position == device_map_head(&map, 0)) {
			if (!recorder_wait(&map, position))
				break;
		} else if (recorder_copy(&map, &record, position, position,
					 sizeof(record)) &&
			   recorder_copy(&map, packet, position + sizeof(record),
					 position, record.caplen)) {
			printf("%llu\n", (unsigned long long)recorder_number(
				packet, record.caplen));
			position += sizeof(record) + record.caplen;
			read++;
		} else {
			overtaken++;
			position = recorder_oldest(&map, 0);
		}
	}
	fprintf(stderr, "read %llu, overtaken %llu times\n",
		(unsigned long long)read, (unsigned long long)overtaken);
}

static void recorder_list(char **arguments)
{
	const struct pcapring_producer *producer;
	const struct pcapring_gap *gap;
	struct device_map map;
	uint64_t i;

	device_map_open(&map, arguments[0]);
	producer = device_map_producer(&map, 0);
	for (i = producer->gap_tail; i < producer->gap_head; i++) {
		gap = &producer->gap[i % PCAPRING_GAPS];
		printf("%llu %llu %llu.%09llu %llu.%09llu\n", gap->position,
		       gap->count, gap->first / 1000000000,
		       gap->first % 1000000000, gap->last / 1000000000,
		       gap->last % 1000000000);
	}
}

/*
 * What the audit knows: of each record where it stands and how many numbers
 * are missing before it, of each gap what was last seen of it.
 */
#define AUDIT_MOST	(1 << 20)

static struct {
	struct { uint64_t position, missing; } record[AUDIT_MOST];
	struct pcapring_gap gap[AUDIT_MOST];
	uint64_t records, gaps, next;
} audit;

static void audit_gaps(const struct device_map *map)
{
	const struct pcapring_producer *producer = device_map_producer(map, 0);
	uint64_t head = __atomic_load_n(&producer->gap_head, __ATOMIC_ACQUIRE);
	uint64_t tail = __atomic_load_n(&producer->gap_tail, __ATOMIC_RELAXED);

	if (tail > audit.gaps) {
		fprintf(stderr, "gaps went before they were read\n");
		exit(1);
	}
	/* the newest may have grown since */
	for (; tail < head && tail < AUDIT_MOST; tail++)
		audit.gap[tail] = producer->gap[tail % PCAPRING_GAPS];
	audit.gaps = head;
}

/* The records from @position to @head. */
static void audit_records(const struct device_map *map, uint64_t position,
			  uint64_t head)
{
	const struct pcapring_record *record;
	uint64_t number;

	while (position < head && audit.records < AUDIT_MOST) {
		record = (const void *)device_map_at(map, 0, position);
		number = recorder_number((const void *)(record + 1),
					 record->caplen);
		audit.record[audit.records].position = position;
		audit.record[audit.records++].missing = number - audit.next;
		audit.next = number + 1;
		position += sizeof(*record) + record->caplen;
	}
}

/* Every gap is before a record, and every record follows a gap or the other. */
static uint64_t audit_verdict(void)
{
	uint64_t i, gap = 0, missing = 0, expected;

	for (i = 0; i < audit.records; i++) {
		expected = 0;
		if (gap < audit.gaps &&
		    audit.gap[gap].position == audit.record[i].position)
			expected = audit.gap[gap++].count;
		if (audit.record[i].missing != expected) {
			fprintf(stderr, "before record %llu at %llu: %llu are missing, the gap says %llu\n",
				(unsigned long long)i,
				(unsigned long long)audit.record[i].position,
				(unsigned long long)audit.record[i].missing,
				(unsigned long long)expected);
			exit(1);
		}
		missing += expected;
	}
	/* packets were missing at the end, before a record that never came */
	for (; gap < audit.gaps; gap++)
		missing += audit.gap[gap].count;
	return missing;
}

/* Let the ring overflow, once more than @before, or the capture be deleted. */
static uint64_t audit_overflow(const struct device_map *map, uint64_t before)
{
	const struct pcapring_producer *producer = device_map_producer(map, 0);
	struct pollfd waiting = { .fd = map->fd };
	uint64_t dropped;

	do {
		dropped = __atomic_load_n(&producer->count.dropped,
					  __ATOMIC_RELAXED);
	} while (dropped == before && poll(&waiting, 1, 1) == 0);
	return dropped;
}

static void recorder_audit(char **arguments)
{
	struct pcapring_consumer *consumer;
	uint64_t tail, head, dropped = 0;
	struct device_map map;

	device_map_open(&map, arguments[0]);
	consumer = device_map_consumer(&map, 0);
	tail = consumer->tail;
	recorder_ready();
	while (recorder_wait(&map, tail)) {
		dropped = audit_overflow(&map, dropped);
		head = device_map_head(&map, 0);
		audit_records(&map, tail, head);
		audit_gaps(&map);
		tail = head;
		__atomic_store_n(&consumer->tail, tail, __ATOMIC_RELEASE);
	}
	audit_gaps(&map);
	printf("records %llu gaps %llu missing %llu\n",
	       (unsigned long long)audit.records,
	       (unsigned long long)audit.gaps,
	       (unsigned long long)audit_verdict());
}

static void recorder_doze(char **arguments)
{
	struct pcapring_consumer *consumer;
	struct device_map map;
	uint64_t tail, head;

	device_map_open(&map, arguments[0]);
	consumer = device_map_consumer(&map, 0);
	consumer->wake_bytes = strtoull(arguments[1], NULL, 10);
	tail = consumer->tail;
	recorder_ready();
	while (recorder_wait(&map, tail)) {
		head = device_map_head(&map, 0);
		printf("%llu\n", (unsigned long long)(head - tail));
		fflush(stdout);
		tail = head;
		__atomic_store_n(&consumer->tail, tail, __ATOMIC_RELEASE);
	}
}

#define NODES	2

/* The node of a page that is mapped here. */
static int nodes_of(const void *page)
{
	int node = -1;

	if (syscall(SYS_move_pages, 0, 1, &page, NULL, &node, 0) || node < 0 ||
	    node >= NODES)
		die("node of a page: %d", node);
	return node;
}

static void recorder_nodes(char **arguments)
{
	struct device_map map;
	unsigned int ring;
	uint64_t at;

	device_map_open(&map, arguments[0]);
	for (ring = 0; ring < map.info->ring_count; ring++) {
		unsigned int pages[NODES] = { 0 };

		pages[nodes_of(device_map_consumer(&map, ring))]++;
		pages[nodes_of(device_map_producer(&map, ring))]++;
		for (at = 0; at < map.info->ring_bytes; at += getpagesize())
			pages[nodes_of(device_map_at(&map, ring, at))]++;
		printf("%u %u\n", pages[0], pages[1]);
	}
}

/* The sender, and whom it sends to. */
struct pace {
	struct sockaddr_in to;
	unsigned int count;
	atomic_uint turns;	/* packets that the reader has got */
	pid_t reader;
};

static bool pace_sleeps(pid_t thread)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		die("%s", path);
	fclose(file);
	return state == 'S';
}

static void *pace_send(void *argument)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct pace *pace = argument;
	unsigned int i;

	for (i = 0; i < pace->count; i++) {
		usleep(10000);
		while (atomic_load(&pace->turns) < i ||
		       !pace_sleeps(pace->reader))
			usleep(100);
		sendto(fd, "", 1, 0, (struct sockaddr *)&pace->to,
		       sizeof(pace->to));
	}
	close(fd);
	return NULL;
}

static void recorder_pace(char **arguments)
{
	struct { struct pcapring_record record; uint8_t packet[65536]; } got;
	struct pace pace = {
		.to = { .sin_family = AF_INET, .sin_port = htons(9) },
		.count = strtoul(arguments[2], NULL, 10),
		.reader = gettid(),
	};
	int fd = open(arguments[0], O_RDONLY);
	pthread_t sender;
	unsigned int i;
	ssize_t length;

	if (fd < 0 || read(fd, &got, sizeof(struct pcapring_file_header)) < 0)
		die("%s", arguments[0]);
	inet_pton(AF_INET, arguments[1], &pace.to.sin_addr);
	pthread_create(&sender, NULL, pace_send, &pace);
	for (i = 0; i < pace.count; i++) {
		length = read(fd, &got, sizeof(got));
		if (length != (ssize_t)sizeof(got.record) + got.record.caplen)
			die("%zd bytes in one read", length);
		atomic_fetch_add(&pace.turns, 1);
	}
	pthread_join(sender, NULL);
}

static const struct {
	const char *name;
	int arguments;
	void (*run)(char **arguments);
} verbs[] = {
	{ "save", 2, recorder_save },	{ "follow", 1, recorder_follow },
	{ "list", 1, recorder_list },	{ "audit", 1, recorder_audit },
	{ "doze", 2, recorder_doze },	{ "nodes", 1, recorder_nodes },
	{ "pace", 3, recorder_pace },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (argc >= 2 && !strcmp(argv[1], verbs[i].name) &&
		    argc == 2 + verbs[i].arguments) {
			verbs[i].run(argv + 2);
			return 0;
		}
	fprintf(stderr, "usage: see the head of recorder.c\n");
	return 2;
}
