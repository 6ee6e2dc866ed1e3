// SPDX-License-Identifier: MIT
/*
 * Readers of a capture device, for the tests. Those that wait say "ready" on
 * standard output first.
 *
 * device poll DEVICE		print what poll reports: in, hup, or both
 * device epoll DEVICE		the same through epoll
 * device nonblock DEVICE	read without blocking until EAGAIN or the end;
 *				the bytes to standard output
 * device hold DEVICE		keep it open, until killed
 * device copy DEVICE FILE	map it, copy its first ring until the capture
 *				is deleted: the byte at position p goes to
 *				24 + p of FILE, tail follows what was written
 * device take DEVICE COUNT PEEK	map it, print and free COUNT records, look
 *				at PEEK more, wait to be killed
 * device tear DEVICE		map it, leave the tail inside of a record
 * device refuse DEVICE		with a reader's filter that refuses all, until
 *				killed
 * device alternate read|map DEVICE ADDRESS COUNT
 *				COUNT times: fall asleep on the empty ring,
 *				while a packet is sent to ADDRESS; wake up
 * device deleted DEVICE	map it, wait for its deletion, then try the
 *				old mapping and a new one
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device_map.h"

#define WAKE_MS	10000	/* a wake-up that is not here by then is lost */

static void device_ready(void)
{
	puts("ready");
	fflush(stdout);
}

static int device_open(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0)
		die("open %s", path);
	return fd;
}

static void device_print_events(unsigned int events)
{
	printf("%s%s%s\n", events & POLLIN ? "in" : "",
	       events & POLLIN && events & POLLHUP ? " " : "",
	       events & POLLHUP ? "hup" : "");
}

static void device_poll(char **arguments)
{
	struct pollfd waiting = { .events = POLLIN,
		.fd = device_open(arguments[0], O_RDONLY) };

	device_ready();
	if (poll(&waiting, 1, -1) != 1)
		die("poll");
	device_print_events(waiting.revents);
}

static void device_epoll(char **arguments)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = device_open(arguments[0], O_RDONLY);
	int epoll = epoll_create1(0);

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		die("epoll_ctl");
	device_ready();
	if (epoll_wait(epoll, &event, 1, -1) != 1)
		die("epoll_wait");
	device_print_events(event.events);
}

static void device_nonblock(char **arguments)
{
	int fd = device_open(arguments[0], O_RDONLY | O_NONBLOCK);
	static uint8_t bytes[1 << 18];
	ssize_t got;

	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		if (write(STDOUT_FILENO, bytes, got) != got)
			die("write");
	if (got < 0 && errno != EAGAIN)
		die("read");
	fprintf(stderr, "%s\n", got ? "EAGAIN" : "end of file");
}

static void device_hold(char **arguments)
{
	device_open(arguments[0], O_RDONLY);
	device_ready();
	for (;;)
		pause();
}

/*
 * Bytes of the first *@count records of ring 0 between @from and head; fewer
 * where there are fewer, and then *@count says how many.
 */
static uint64_t device_span(const struct device_map *map, uint64_t from,
			    uint64_t *count)
{
	uint64_t head = device_map_head(map, 0), end = from, walked = 0;
	const struct pcapring_record *record;

	for (; end < head && walked < *count; walked++) {
		record = (const void *)device_map_at(map, 0, end);
		end += sizeof(*record) + record->caplen;
	}
	*count = walked;
	return end - from;
}

static void device_wait_for(const struct device_map *map, uint64_t from,
			    uint64_t count)
{
	struct pollfd waiting = { .fd = map->fd, .events = POLLIN };
	struct pcapring_consumer *consumer = device_map_consumer(map, 0);
	uint64_t here, head;

	for (;;) {
		head = device_map_head(map, 0);
		here = count;
		device_span(map, from, &here);
		if (here == count)
			return;
		__atomic_store_n(&consumer->seen, head, __ATOMIC_RELEASE);
		if (poll(&waiting, 1, WAKE_MS) < 1)
			die("only %llu of %llu records came",
			    (unsigned long long)here,
			    (unsigned long long)count);
	}
}

static void device_write_header(const struct device_map *map, int fd)
{
	struct pcapring_file_header header = {
		.magic = PCAPRING_FILE_MAGIC_NSEC,
		.version_major = PCAPRING_FILE_VERSION_MAJOR,
		.version_minor = PCAPRING_FILE_VERSION_MINOR,
		.snaplen = map->info->snaplen,
		.linktype = map->info->linktype,
	};

	if (pwrite(fd, &header, sizeof(header), 0) != sizeof(header))
		die("write");
}

static void device_copy(char **arguments)
{
	int out = open(arguments[1], O_WRONLY | O_CREAT, 0600);
	struct pollfd waiting = { .events = POLLIN };
	struct device_map map;
	struct pcapring_consumer *consumer;
	uint64_t tail, head;

	device_map_open(&map, arguments[0]);
	device_write_header(&map, out);
	consumer = device_map_consumer(&map, 0);
	tail = consumer->tail;
	waiting.fd = map.fd;
	device_ready();
	do {
		waiting.revents = 0;
		head = device_map_head(&map, 0);
		__atomic_store_n(&consumer->seen, head, __ATOMIC_RELEASE);
		if (head == tail) {
			if (poll(&waiting, 1, -1) != 1)
				die("poll");
			head = device_map_head(&map, 0);
		}
		if (pwrite(out, device_map_at(&map, 0, tail), head - tail,
			   sizeof(struct pcapring_file_header) + tail) !=
		    (ssize_t)(head - tail))
			die("write");
		tail = head;
		__atomic_store_n(&consumer->tail, tail, __ATOMIC_RELEASE);
	} while (!(waiting.revents & POLLHUP));
}

static void device_take(char **arguments)
{
	uint64_t count = strtoul(arguments[1], NULL, 10), taken;
	uint64_t peek = strtoul(arguments[2], NULL, 10), tail;
	struct pcapring_consumer *consumer;
	struct device_map map;

	device_map_open(&map, arguments[0]);
	consumer = device_map_consumer(&map, 0);
	tail = consumer->tail;
	device_wait_for(&map, tail, count + peek);
	taken = device_span(&map, tail, &count);
	fwrite(device_map_at(&map, 0, tail), taken, 1, stdout);
	fflush(stdout);
	__atomic_store_n(&consumer->tail, tail + taken, __ATOMIC_RELEASE);
	fputs("ready\n", stderr);
	for (;;)
		pause();
}

static void device_tear(char **arguments)
{
	struct pcapring_consumer *consumer;
	struct device_map map;

	device_map_open(&map, arguments[0]);
	consumer = device_map_consumer(&map, 0);
	device_wait_for(&map, consumer->tail, 1);
	__atomic_store_n(&consumer->tail, consumer->tail + 7, __ATOMIC_RELEASE);
}

static void device_refuse(char **arguments)
{
	struct sock_filter refuse = BPF_STMT(BPF_RET | BPF_K, 0);
	struct pcapring_filter filter = { .length = 1,
		.instructions = (uintptr_t)&refuse };
	int fd = device_open(arguments[0], O_RDONLY);

	if (ioctl(fd, PCAPRING_IOC_SET_FILTER, &filter))
		die("PCAPRING_IOC_SET_FILTER");
	device_ready();
	for (;;)
		pause();
}

/* The sender: a packet for each turn that the reader takes. */
struct alternate {
	struct sockaddr_in to;
	unsigned int count;
	atomic_uint turns;
};

static void *alternate_send(void *argument)
{
	struct alternate *alternate = argument;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	unsigned int i;

	for (i = 0; i < alternate->count; i++) {
		while (atomic_load(&alternate->turns) < i)
			sched_yield();
		/* Now early, now late, around the reader's falling asleep. */
		for (volatile unsigned int pause = i % 64 * 100; pause; pause--)
			;
		sendto(fd, "", 1, 0, (struct sockaddr *)&alternate->to,
		       sizeof(alternate->to));
	}
	close(fd);
	return NULL;
}

static void alternate_map(const struct device_map *map)
{
	struct pollfd waiting = { .fd = map->fd, .events = POLLIN };
	struct pcapring_consumer *consumer = device_map_consumer(map, 0);
	uint64_t head;

	if (poll(&waiting, 1, WAKE_MS) < 1)
		die("a wake-up was lost");
	head = device_map_head(map, 0);
	if (head == consumer->tail)
		die("woken for nothing");
	__atomic_store_n(&consumer->seen, head, __ATOMIC_RELEASE);
	__atomic_store_n(&consumer->tail, head, __ATOMIC_RELEASE);
}

static void alternate_read(int fd)
{
	uint8_t record[65536];

	alarm(WAKE_MS / 1000);
	if (read(fd, record, sizeof(record)) <= 0)
		die("read");
	alarm(0);
}

static void device_alternate(char **arguments)
{
	bool mapped = !strcmp(arguments[0], "map");
	struct alternate alternate = {
		.to = { .sin_family = AF_INET, .sin_port = htons(9) },
		.count = strtoul(arguments[3], NULL, 10),
	};
	struct device_map map;
	pthread_t sender;
	unsigned int i;

	inet_pton(AF_INET, arguments[2], &alternate.to.sin_addr);
	if (mapped) {
		device_map_open(&map, arguments[1]);
	} else {
		struct pcapring_file_header header;

		map.fd = device_open(arguments[1], O_RDONLY);
		if (read(map.fd, &header, sizeof(header)) != sizeof(header))
			die("read of the file header");
	}
	pthread_create(&sender, NULL, alternate_send, &alternate);
	for (i = 0; i < alternate.count; i++) {
		if (mapped)
			alternate_map(&map);
		else
			alternate_read(map.fd);
		atomic_fetch_add(&alternate.turns, 1);
	}
	pthread_join(sender, NULL);
}

static void device_deleted(char **arguments)
{
	struct pollfd waiting = { 0 };
	struct device_map map;
	unsigned int i, sum = 0;

	device_map_open(&map, arguments[0]);
	waiting.fd = map.fd;
	device_ready();
	if (poll(&waiting, 1, -1) != 1)
		die("poll");
	device_print_events(waiting.revents);
	for (i = 0; i < map.info->ring_bytes; i += 512)
		sum += *device_map_at(&map, 0, i);
	device_map_consumer(&map, 0)->seen = sum;
	if (mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, map.fd, 0) !=
	    MAP_FAILED)
		puts("mapped");
	else
		puts(errno == ENODEV ? "ENODEV" : strerror(errno));
}

static const struct {
	const char *name;
	int arguments;
	void (*run)(char **arguments);
} verbs[] = {
	{ "poll", 1, device_poll },		{ "epoll", 1, device_epoll },
	{ "nonblock", 1, device_nonblock },	{ "hold", 1, device_hold },
	{ "copy", 2, device_copy },		{ "take", 3, device_take },
	{ "tear", 1, device_tear },		{ "refuse", 1, device_refuse },
	{ "alternate", 4, device_alternate },	{ "deleted", 1, device_deleted },
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
	fprintf(stderr, "usage: see the head of device.c\n");
	return 2;
}
