// SPDX-License-Identifier: MIT
/*
 * The kernel's place: fills rings in a memfd by the module's own code, until
 * SIGTERM, and says what it did.
 *
 *	producer MEMORY WAKE RINGS RING_BYTES RATE DROPS
 *
 * MEMORY, WAKE: descriptors of the memfd, which is empty, and of an eventfd
 * RATE: bytes a second, of all rings together
 * DROPS: file for the numbers of dropped packets, "ring first last" a line
 *
 * On standard output: "ready" when packets flow; at the end, for each ring,
 * "ring N seen N captured N dropped N".
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "packet.h"
#include "ring.c"

#define PRODUCER_SECOND		1000000000LL
#define PRODUCER_TICK		(PRODUCER_SECOND / 1000)
#define PRODUCER_SNAPLEN	PCAPRING_SNAPLEN_MAX

int kernel_fence_word;

/**
 * struct producer_ring - one ring
 * @number: of the next packet
 * @dropping: the last one was dropped
 * @first: number of the first one of these
 */
struct producer_ring {
	struct pcapring_ring ring;
	uint64_t number;
	bool dropping;
	uint64_t first;
};

struct producer {
	uint8_t *memory;
	int wake;
	unsigned int rings;
	uint64_t ring_bytes;
	uint64_t rate;
	FILE *drops;
	struct producer_ring ring[PCAPRING_RINGS_MAX];
};

static volatile sig_atomic_t producer_stopped;

static void producer_stop(int number)
{
	(void)number;
	producer_stopped = 1;
}

static void producer_check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "producer: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static uint64_t producer_number(const char *text)
{
	char *end;
	uint64_t number = strtoull(text, &end, 10);

	producer_check(*text && !*end, text);
	return number;
}

static int64_t producer_time(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * PRODUCER_SECOND + now.tv_nsec;
}

/* The ring's bytes twice, back to back, as the kernel has them. */
static uint8_t *producer_map_twice(int fd, uint64_t offset, uint64_t size)
{
	uint8_t *at = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	producer_check(at != MAP_FAILED, "mmap");
	for (unsigned int half = 0; half < 2; half++)
		producer_check(mmap(at + half * size, size, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_FIXED, fd, offset) != MAP_FAILED,
			       "mmap");
	return at;
}

static void producer_start_ring(struct producer *producer, unsigned int index, int fd,
				uint64_t page)
{
	struct pcapring_ring *ring = &producer->ring[index].ring;
	uint64_t data = page * (1 + 2 * producer->rings);

	pthread_mutex_init(&ring->lock.mutex, NULL);
	ring->size = producer->ring_bytes;
	ring->data = producer_map_twice(fd, data + 2 * ring->size * index, ring->size);
	ring->consumer = (void *)(producer->memory + page * (1 + index));
	ring->producer = (void *)(producer->memory + page * (1 + producer->rings + index));
}

/* The map of linux/pcapring.h. */
static void producer_map(struct producer *producer, int fd)
{
	uint64_t page = sysconf(_SC_PAGESIZE);
	uint64_t pages = page * (1 + 2 * producer->rings);
	struct pcapring_info info = {
		.magic = PCAPRING_MAGIC,
		.version = PCAPRING_VERSION,
		.ring_count = producer->rings,
		.ring_bytes = producer->ring_bytes,
		.page_bytes = page,
		.linktype = 1,
		.snaplen = PRODUCER_SNAPLEN,
		.ifname = "mem0",
	};

	producer_check(!ftruncate(fd, pages + 2 * producer->ring_bytes * producer->rings),
		       "ftruncate");
	producer->memory = mmap(NULL, pages, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	producer_check(producer->memory != MAP_FAILED, "mmap");
	producer_check(!getentropy(info.uuid, sizeof(info.uuid)), "getentropy");
	memcpy(producer->memory, &info, sizeof(info));
	for (unsigned int i = 0; i < producer->rings; i++)
		producer_start_ring(producer, i, fd, page);
}

static void producer_end_drops(struct producer *producer, unsigned int index)
{
	struct producer_ring *ring = &producer->ring[index];

	if (ring->dropping)
		fprintf(producer->drops, "%u %" PRIu64 " %" PRIu64 "\n", index, ring->first,
			ring->number - 1);
	ring->dropping = false;
}

/* What the kernel's tap does with a packet. True: wake the reader. */
static bool producer_capture(struct pcapring_ring *ring, struct pcapring_record *record,
			     struct packet_name *name, bool *dropped)
{
	uint64_t bytes = pcapring_ring_record_bytes(record->caplen);
	uint8_t *to;
	bool wake = false;

	spin_lock_bh(&ring->lock);
	packet_stamp(record, name, producer_time(CLOCK_REALTIME));
	to = pcapring_ring_reserve(ring, bytes);
	*dropped = !to;
	if (to) {
		memcpy(to, record, sizeof(*record));
		packet_fill(name, to + sizeof(*record));
		pcapring_ring_count_captured(ring, record->caplen, false);
		wake = pcapring_ring_commit(ring, bytes);
	} else {
		pcapring_ring_count_dropped(ring, name->stamp);
	}
	spin_unlock_bh(&ring->lock);
	return wake;
}

/* Returns the packet's bytes. */
static uint64_t producer_packet(struct producer *producer, unsigned int index)
{
	struct producer_ring *ring = &producer->ring[index];
	struct pcapring_record record;
	struct packet_name name;
	bool dropped;

	packet_make(index, ring->number, &record, &name);
	if (producer_capture(&ring->ring, &record, &name, &dropped))
		producer_check(!eventfd_write(producer->wake, 1), "eventfd");
	if (!dropped)
		producer_end_drops(producer, index);
	else if (!ring->dropping)
		ring->first = ring->number;
	ring->dropping = dropped;
	ring->number++;
	return record.caplen;
}

/*
 * Rings take turns with bursts of packets. A ring that is nearly full has fewer
 * of them: some are dropped, but not most.
 */
static int64_t producer_burst(struct producer *producer, unsigned int index,
			      uint64_t turn)
{
	struct pcapring_ring *ring = &producer->ring[index].ring;
	uint64_t used = ring->head - __atomic_load_n(&ring->consumer->tail, __ATOMIC_ACQUIRE);
	unsigned int packets = 1 + turn % 32;
	int64_t bytes = 0;

	if (used > ring->size / 8 * 7)
		packets = turn % 16 == 0;
	if (!packets)
		return 1000;
	while (packets--)
		bytes += producer_packet(producer, index);
	return bytes;
}

static void producer_run(struct producer *producer)
{
	int64_t begin = producer_time(CLOCK_MONOTONIC);
	int64_t tick = begin;
	int64_t bytes = 0;
	uint64_t turn = 0;

	while (!producer_stopped) {
		struct timespec until;
		double seconds = (double)(tick - begin) / PRODUCER_SECOND;

		for (; bytes < seconds * producer->rate; turn++)
			bytes += producer_burst(producer, turn % producer->rings, turn);
		tick += PRODUCER_TICK;
		until.tv_sec = tick / PRODUCER_SECOND;
		until.tv_nsec = tick % PRODUCER_SECOND;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	}
}

static void producer_report(struct producer *producer)
{
	for (unsigned int i = 0; i < producer->rings; i++) {
		const struct pcapring_counters *count = &producer->ring[i].ring.producer->count;

		producer_end_drops(producer, i);
		printf("ring %u seen %llu captured %llu dropped %llu\n", i, count->seen,
		       count->captured, count->dropped);
	}
	producer_check(!fclose(producer->drops), "DROPS");
}

int main(int argc, char **argv)
{
	static struct producer producer;

	producer_check(argc == 7, "MEMORY WAKE RINGS RING_BYTES RATE DROPS are needed");
	producer.wake = producer_number(argv[2]);
	producer.rings = producer_number(argv[3]);
	producer.ring_bytes = producer_number(argv[4]);
	producer.rate = producer_number(argv[5]);
	producer.drops = fopen(argv[6], "w");
	producer_check(producer.drops, argv[6]);
	producer_check(producer.rings && producer.rings <= PCAPRING_RINGS_MAX, argv[3]);
	signal(SIGTERM, producer_stop);
	producer_map(&producer, producer_number(argv[1]));
	puts("ready");
	fflush(stdout);
	producer_run(&producer);
	producer_report(&producer);
	return EXIT_SUCCESS;
}
