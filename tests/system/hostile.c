// SPDX-License-Identifier: MIT
/*
 * hostile CASE DEVICE: what a program may try with a capture device, one case
 * at a time; status 0 when the kernel refused what it has to, with the errno
 * that it has to. The cases are in the table at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device_map.h"

static int failures;

static void hostile_expect(const char *what, int expected, int got)
{
	if (expected == got)
		return;
	fprintf(stderr, "%s: expected %s, got %s\n", what,
		expected ? strerrorname_np(expected) : "success",
		got ? strerrorname_np(got) : "success");
	failures++;
}

static int hostile_open(const char *device)
{
	int fd = open(device, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("open %s", device);
	return fd;
}

/* errno of a mapping, which is gone again; 0: it was possible. */
static int hostile_mmap(int fd, size_t length, int protection, int flags,
			off_t offset)
{
	void *memory = mmap(NULL, length, protection, flags, fd, offset);

	if (memory == MAP_FAILED)
		return errno;
	munmap(memory, length);
	return 0;
}

static struct pcapring_info hostile_info(int fd)
{
	struct pcapring_info *info = mmap(NULL, getpagesize(), PROT_READ,
					  MAP_SHARED, fd, 0), copy;

	if (info == MAP_FAILED)
		die("mmap of the info page");
	copy = *info;
	munmap(info, getpagesize());
	return copy;
}

/* Offsets of pages that nobody may write, and the consumer page. */
struct hostile_pages {
	off_t info, consumer, producer, data, again, end;
	size_t page;
};

static struct hostile_pages hostile_pages(int fd)
{
	struct pcapring_info info = hostile_info(fd);

	return (struct hostile_pages){
		.info = 0,
		.consumer = info.page_bytes,
		.producer = device_map_producers(&info),
		.data = device_map_data(&info),
		.again = device_map_data(&info) + info.ring_bytes,
		.end = device_map_end(&info),
		.page = info.page_bytes,
	};
}

static void hostile_writable(const char *device)
{
	int fd = hostile_open(device);
	struct hostile_pages at = hostile_pages(fd);
	int writable = PROT_READ | PROT_WRITE;

	hostile_expect("info", EACCES, hostile_mmap(fd, at.page, writable,
						    MAP_SHARED, at.info));
	hostile_expect("producer", EACCES,
		       hostile_mmap(fd, at.page, writable, MAP_SHARED,
				    at.producer));
	hostile_expect("data", EACCES, hostile_mmap(fd, at.page, writable,
						    MAP_SHARED, at.data));
	hostile_expect("data, write only", EACCES,
		       hostile_mmap(fd, at.page, PROT_WRITE, MAP_SHARED,
				    at.data));
	hostile_expect("data again", EACCES,
		       hostile_mmap(fd, at.page, writable, MAP_SHARED,
				    at.again));
	hostile_expect("info and consumer", EACCES,
		       hostile_mmap(fd, 2 * at.page, writable, MAP_SHARED,
				    at.info));
	hostile_expect("consumer and producer", EACCES,
		       hostile_mmap(fd, at.producer - at.consumer + at.page,
				    writable, MAP_SHARED, at.consumer));
	hostile_expect("consumer", 0, hostile_mmap(fd, at.page, writable,
						   MAP_SHARED, at.consumer));
	close(fd);
	fd = open(device, O_RDONLY);
	hostile_expect("consumer of a file that is read only", EACCES,
		       hostile_mmap(fd, at.page, writable, MAP_SHARED,
				    at.consumer));
	close(fd);
}

static void hostile_mprotect_one(int fd, const char *what, off_t offset,
				 size_t length)
{
	void *memory = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, offset);

	if (memory == MAP_FAILED)
		die("mmap of %s", what);
	hostile_expect(what, EACCES,
		       mprotect(memory, length, PROT_READ | PROT_WRITE) ?
		       errno : 0);
	munmap(memory, length);
}

static void hostile_mprotect(const char *device)
{
	int fd = hostile_open(device);
	struct hostile_pages at = hostile_pages(fd);

	hostile_mprotect_one(fd, "info", at.info, at.page);
	hostile_mprotect_one(fd, "producer", at.producer, at.page);
	hostile_mprotect_one(fd, "data", at.data, at.page);
	hostile_mprotect_one(fd, "data again", at.again, at.page);
	hostile_mprotect_one(fd, "all of it", at.info, at.end);
	close(fd);
}

static void hostile_private(const char *device)
{
	int fd = hostile_open(device);
	struct hostile_pages at = hostile_pages(fd);

	hostile_expect("consumer, private", EINVAL,
		       hostile_mmap(fd, at.page, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE, at.consumer));
	hostile_expect("data, private", EINVAL,
		       hostile_mmap(fd, at.page, PROT_READ, MAP_PRIVATE,
				    at.data));
	close(fd);
}

static void hostile_beyond(const char *device)
{
	int fd = hostile_open(device);
	struct hostile_pages at = hostile_pages(fd);
	size_t page = at.page;

	hostile_expect("the last page", 0,
		       hostile_mmap(fd, page, PROT_READ, MAP_SHARED,
				    at.end - page));
	hostile_expect("a page at the end", EINVAL,
		       hostile_mmap(fd, page, PROT_READ, MAP_SHARED, at.end));
	hostile_expect("over the end", EINVAL,
		       hostile_mmap(fd, 2 * page, PROT_READ, MAP_SHARED,
				    at.end - page));
	hostile_expect("one byte over the end", EINVAL,
		       hostile_mmap(fd, page + 1, PROT_READ, MAP_SHARED,
				    at.end - page));
	hostile_expect("far beyond", EINVAL,
		       hostile_mmap(fd, page, PROT_READ, MAP_SHARED, 1L << 52));
	hostile_expect("more than all", EINVAL,
		       hostile_mmap(fd, at.end + page, PROT_READ, MAP_SHARED,
				    0));
	hostile_expect("nothing", EINVAL,
		       hostile_mmap(fd, 0, PROT_READ, MAP_SHARED, 0));
	hostile_expect("an odd length", 0,
		       hostile_mmap(fd, page + 1, PROT_READ, MAP_SHARED, 0));
	hostile_expect("an odd offset", EINVAL,
		       hostile_mmap(fd, page, PROT_READ, MAP_SHARED, 1));
	close(fd);
}

static void hostile_overlapping(const char *device)
{
	struct device_map map, again;
	void *whole, *over;

	device_map_open(&map, device);
	again = map;
	again.info = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, map.fd, 0);
	if (memcmp(again.info, map.info, sizeof(*map.info)))
		die("the second mapping differs");
	whole = mmap(NULL, device_map_end(map.info), PROT_READ, MAP_SHARED,
		     map.fd, 0);
	if (whole == MAP_FAILED)
		die("mmap of all, over what is mapped");
	over = mmap((uint8_t *)whole + getpagesize(), getpagesize(), PROT_READ,
		    MAP_SHARED | MAP_FIXED, map.fd, getpagesize());
	if (over == MAP_FAILED)
		die("mmap on top of a mapping");
	munmap((uint8_t *)whole + 2 * getpagesize(), getpagesize());
	if (memcmp(whole, map.info, sizeof(*map.info)))
		die("the mapping with holes differs");
}

static void hostile_mremap(const char *device)
{
	int fd = hostile_open(device);
	struct hostile_pages at = hostile_pages(fd);
	uint8_t *data = mmap(NULL, at.page, PROT_READ, MAP_SHARED, fd, at.data);
	void *consumer = mmap(NULL, at.page, PROT_READ | PROT_WRITE, MAP_SHARED,
			      fd, at.consumer);
	void *place = mmap(NULL, 4 * at.page, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *moved;
	char byte;

	hostile_expect("grow data", EFAULT,
		       mremap(data, at.page, 2 * at.page, MREMAP_MAYMOVE) ==
		       MAP_FAILED ? errno : 0);
	hostile_expect("grow consumer", EFAULT,
		       mremap(consumer, at.page, 2 * at.page, MREMAP_MAYMOVE) ==
		       MAP_FAILED ? errno : 0);
	moved = mremap(consumer, at.page, at.page,
		       MREMAP_MAYMOVE | MREMAP_FIXED, place);
	if (moved != place)
		die("mremap to another place");
	*(volatile uint64_t *)moved = 0;
	hostile_expect("read while mapped elsewhere", EBUSY,
		       read(fd, &byte, 1) < 0 ? errno : 0);
	munmap(moved, at.page);
	hostile_expect("read once it is unmapped", 0,
		       read(fd, &byte, 1) == 1 ? 0 : errno);
	close(fd);
}

static sigjmp_buf hostile_back;

static void hostile_caught(int signal)
{
	(void)signal;
	siglongjmp(hostile_back, 1);
}

/* Nonzero: touching @memory raised SIGSEGV or SIGBUS. */
static int hostile_touch(const volatile void *memory)
{
	if (sigsetjmp(hostile_back, 1))
		return EFAULT;
	(void)*(const volatile uint8_t *)memory;
	return 0;
}

static void hostile_fork(const char *device)
{
	struct device_map map;
	int status;

	signal(SIGSEGV, hostile_caught);
	signal(SIGBUS, hostile_caught);
	device_map_open(&map, device);
	hostile_expect("parent, consumer", 0, hostile_touch(map.consumers));
	if (!fork()) {
		hostile_expect("child, info", EFAULT, hostile_touch(map.info));
		hostile_expect("child, consumer", EFAULT,
			       hostile_touch(map.consumers));
		hostile_expect("child, producer", EFAULT,
			       hostile_touch(map.producers));
		hostile_expect("child, data", EFAULT, hostile_touch(map.data));
		_exit(failures != 0);
	}
	wait(&status);
	hostile_expect("parent, after the child's end", 0,
		       hostile_touch(map.consumers));
	if (status)
		failures++;
}

static void hostile_busy(const char *device)
{
	int fd = hostile_open(device);
	struct hostile_pages at = hostile_pages(fd);
	void *nowhere = mmap(NULL, at.page, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *pages, byte;

	hostile_expect("a second open", EBUSY,
		       open(device, O_RDONLY) < 0 ? errno : 0);
	pages = mmap(NULL, at.page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		     at.consumer);
	hostile_expect("read while mapped", EBUSY,
		       read(fd, &byte, 1) < 0 ? errno : 0);
	munmap(pages, at.page);
	pages = mmap(NULL, 2 * at.page, PROT_READ, MAP_SHARED, fd, at.info);
	hostile_expect("read while mapped read only", EBUSY,
		       read(fd, &byte, 1) < 0 ? errno : 0);
	munmap(pages, at.page);
	hostile_expect("read while half of it is mapped", EBUSY,
		       read(fd, &byte, 1) < 0 ? errno : 0);
	munmap(pages + at.page, at.page);
	hostile_expect("read once it is unmapped", 0,
		       read(fd, &byte, 1) == 1 ? 0 : errno);
	hostile_expect("read to a bad address", EFAULT,
		       read(fd, nowhere, 14) < 0 ? errno : 0);
	hostile_expect("write", EINVAL, write(fd, &byte, 1) < 0 ? errno : 0);
	hostile_expect("lseek", ESPIPE, lseek(fd, 0, SEEK_SET) < 0 ? errno : 0);
	close(fd);
}

/* Somebody may have a mapping for a moment. */
static void *hostile_read_forever(void *fd)
{
	uint8_t bytes[4096];
	ssize_t n;

	do {
		n = read(*(int *)fd, bytes, sizeof(bytes));
	} while (n > 0 || (n < 0 && errno == EBUSY));
	return NULL;
}

/* A read that sleeps keeps consumer pages from being mapped. */
static void hostile_read_sleeps(const char *device)
{
	int fd = hostile_open(device), result = 0, i;
	struct hostile_pages at = hostile_pages(fd);
	pthread_t reader;

	pthread_create(&reader, NULL, hostile_read_forever, &fd);
	for (i = 0; i < 1000 && result != EBUSY; i++) {
		usleep(1000);
		result = hostile_mmap(fd, at.page, PROT_READ | PROT_WRITE,
				      MAP_SHARED, at.consumer);
	}
	hostile_expect("mmap while a read sleeps", EBUSY, result);
	hostile_expect("mmap of data meanwhile", 0,
		       hostile_mmap(fd, at.page, PROT_READ, MAP_SHARED,
				    at.data));
}

static int hostile_filter(int fd, uint32_t length, uint32_t reserved,
			  const void *instructions)
{
	struct pcapring_filter filter = { .length = length,
		.reserved = reserved,
		.instructions = (uintptr_t)instructions };

	return ioctl(fd, PCAPRING_IOC_SET_FILTER, &filter) ? errno : 0;
}

static void hostile_ioctl(const char *device)
{
	static struct sock_filter many[5000];
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, ~0U);
	struct sock_filter endless = BPF_STMT(BPF_LD | BPF_IMM, 0);
	struct sock_filter jump[] = { BPF_JUMP(BPF_JMP | BPF_JEQ, 0, 200, 200),
				      BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_filter unknown = { .code = 0xffff };
	int fd = hostile_open(device);
	size_t i;

	for (i = 0; i < 5000; i++)
		many[i] = all;
	hostile_expect("unknown", ENOTTY, ioctl(fd, _IO(0xa1, 77)) ? errno : 0);
	hostile_expect("no structure", EFAULT,
		       ioctl(fd, PCAPRING_IOC_SET_FILTER, NULL) ? errno : 0);
	hostile_expect("structure in the kernel", EFAULT,
		       ioctl(fd, PCAPRING_IOC_SET_FILTER, ~0UL << 47) ?
		       errno : 0);
	hostile_expect("no instructions", EFAULT,
		       hostile_filter(fd, 1, 0, NULL));
	hostile_expect("instructions in the kernel", EFAULT,
		       hostile_filter(fd, 1, 0, (void *)(~0UL << 47)));
	hostile_expect("reserved", EINVAL, hostile_filter(fd, 1, 1, &all));
	hostile_expect("too long", EINVAL, hostile_filter(fd, 5000, 0, many));
	hostile_expect("far too long", EINVAL,
		       hostile_filter(fd, ~0U, 0, many));
	hostile_expect("no return", EINVAL,
		       hostile_filter(fd, 1, 0, &endless));
	hostile_expect("jump out", EINVAL, hostile_filter(fd, 2, 0, jump));
	hostile_expect("unknown instruction", EINVAL,
		       hostile_filter(fd, 1, 0, &unknown));
	hostile_expect("longest", 0, hostile_filter(fd, 4096, 0, many));
	hostile_expect("a good one", 0, hostile_filter(fd, 1, 0, &all));
	hostile_expect("none", 0, hostile_filter(fd, 0, 0, NULL));
	close(fd);
}

/* Leave a tail at @offset from head in ring 0, until killed. */
static void hostile_tail(const char *device, uint64_t offset)
{
	struct device_map map;

	device_map_open(&map, device);
	__atomic_store_n(&device_map_consumer(&map, 0)->tail,
			 device_map_head(&map, 0) + offset, __ATOMIC_RELEASE);
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

static void hostile_tail_beyond(const char *device)
{
	hostile_tail(device, 1ULL << 20);
}

static void hostile_tail_below(const char *device)
{
	hostile_tail(device, -(1ULL << 30));
}

static void hostile_tail_far(const char *device)
{
	hostile_tail(device, 1ULL << 63);
}

/* The consumer page of ring 0, for as long as it takes to write to it. */
static struct pcapring_consumer *hostile_consumer(int fd)
{
	void *memory = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, getpagesize());

	if (memory == MAP_FAILED)
		die("mmap of the consumer page");
	return memory;
}

static ssize_t hostile_read(int fd, void *to, size_t count)
{
	ssize_t n = read(fd, to, count);

	if (n < 0)
		die("read");
	return n;
}

/*
 * Of a long record, which comes first, read a part that is longer than the
 * short one that follows; move the tail to that one. Read gives it whole.
 */
static void hostile_moved_tail(const char *device)
{
	const size_t header = sizeof(struct pcapring_file_header);
	static char buffer[1 << 20];
	struct pcapring_consumer *consumer;
	struct pcapring_record record;
	int fd = hostile_open(device);
	size_t length;

	hostile_read(fd, buffer, header);
	hostile_read(fd, buffer, 300);
	memcpy(&record, buffer, sizeof(record));
	consumer = hostile_consumer(fd);
	consumer->tail += sizeof(record) + record.caplen;
	munmap(consumer, getpagesize());

	length = hostile_read(fd, buffer, sizeof(buffer));
	memcpy(&record, buffer, sizeof(record));
	if (record.caplen >= 300 || length != sizeof(record) + record.caplen) {
		fprintf(stderr, "%zu bytes of a record of %zu + %u\n", length,
			sizeof(record), record.caplen);
		failures++;
	}
}

/* A reader that had the ring mapped need not have stored seen before it polls. */
static void hostile_stale_seen(const char *device)
{
	struct pollfd file = { .events = POLLIN };
	struct pcapring_consumer *consumer;
	struct device_map map;

	device_map_open(&map, device);
	file.fd = map.fd;
	munmap(map.consumers, map.info->ring_count * getpagesize());
	hostile_read(map.fd, &(struct pcapring_file_header){},
		     sizeof(struct pcapring_file_header));
	consumer = hostile_consumer(map.fd);
	consumer->tail = device_map_head(&map, 0);
	munmap(consumer, getpagesize());
	puts("ready");
	fflush(stdout);
	if (poll(&file, 1, -1) != 1)
		die("poll");
}

/* Scribble over the consumer page, faster than packets come, until killed. */
static void hostile_scribble(const char *device)
{
	struct pcapring_consumer *consumer;
	struct device_map map;
	uint64_t noise = 1;

	device_map_open(&map, device);
	consumer = device_map_consumer(&map, 0);
	puts("ready");
	fflush(stdout);
	for (;;) {
		noise = noise * 6364136223846793005ULL + 1442695040888963407ULL;
		__atomic_store_n(&consumer->seen, noise, __ATOMIC_RELEASE);
		__atomic_store_n(&consumer->wake_bytes, noise >> (noise & 63),
				 __ATOMIC_RELEASE);
		__atomic_store_n(&consumer->tail, noise & 1 ? noise :
				 device_map_head(&map, 0) - (noise >> 48),
				 __ATOMIC_RELEASE);
	}
}

#define CROWD		4
#define CROWD_TURNS	300

/* Devices come and go under us: any errno will do, as long as we live. */
static void *hostile_crowd_member(void *argument)
{
	unsigned int turn, seed = (uintptr_t)argument;
	char device[32], bytes[512];
	struct pollfd poll_one;
	int fd;

	for (turn = 0; turn < CROWD_TURNS; turn++) {
		snprintf(device, sizeof(device), "/dev/pcapring%d",
			 rand_r(&seed) % 3);
		fd = open(device, O_RDWR | O_NONBLOCK);
		if (fd < 0)
			continue;
		poll_one = (struct pollfd){ .fd = fd, .events = POLLIN };
		poll(&poll_one, 1, rand_r(&seed) % 2);
		if (rand_r(&seed) % 2)
			hostile_mmap(fd, getpagesize() * (rand_r(&seed) % 5),
				     PROT_READ, MAP_SHARED,
				     getpagesize() * (rand_r(&seed) % 4));
		else if (read(fd, bytes, rand_r(&seed) % sizeof(bytes)) < 0)
			hostile_filter(fd, 0, 0, NULL);
		close(fd);
	}
	return NULL;
}

static void hostile_crowd(const char *device)
{
	pthread_t members[CROWD];
	uintptr_t i;

	(void)device;
	for (i = 0; i < CROWD; i++)
		pthread_create(&members[i], NULL, hostile_crowd_member,
			       (void *)(i + 1));
	for (i = 0; i < CROWD; i++)
		pthread_join(members[i], NULL);
}

static const struct {
	const char *name;
	void (*run)(const char *device);
} cases[] = {
	{ "writable", hostile_writable },
	{ "mprotect", hostile_mprotect },
	{ "private", hostile_private },
	{ "beyond", hostile_beyond },
	{ "overlapping", hostile_overlapping },
	{ "mremap", hostile_mremap },
	{ "fork", hostile_fork },
	{ "busy", hostile_busy },
	{ "read-sleeps", hostile_read_sleeps },
	{ "ioctl", hostile_ioctl },
	{ "tail-beyond", hostile_tail_beyond },
	{ "tail-below", hostile_tail_below },
	{ "tail-far", hostile_tail_far },
	{ "moved-tail", hostile_moved_tail },
	{ "stale-seen", hostile_stale_seen },
	{ "scribble", hostile_scribble },
	{ "crowd", hostile_crowd },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc == 3 && i < sizeof(cases) / sizeof(*cases); i++)
		if (!strcmp(argv[1], cases[i].name)) {
			cases[i].run(argv[2]);
			return failures != 0;
		}
	fprintf(stderr, "usage: see the table at the end of hostile.c\n");
	return 2;
}
