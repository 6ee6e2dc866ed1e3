// SPDX-License-Identifier: MIT
/*
 * ring_reader DEVICE: a savefile of what the rings hold, until the capture is deleted;
 * on standard error, where packets are missing. Written from <linux/pcapring.h> alone.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <linux/pcapring.h>

static const struct pcapring_info *info;
static struct pcapring_file_header header;
static struct ring {
	struct pcapring_consumer *consumer;
	const struct pcapring_producer *producer;
	const char *data;
	__u64 gap; /* number of the next one */
} rings[PCAPRING_RINGS_MAX];

static void *map(int fd, int protection, __u64 offset, __u64 bytes)
{
	void *at = mmap(NULL, bytes, protection, MAP_SHARED, fd, offset);

	if (at == MAP_FAILED)
		err(1, "mmap");
	return at;
}

/* Those before the records up to @head; at head it may still grow, until the end. */
static void show_gaps(struct ring *ring, __u64 head, int final)
{
	for (; ring->gap < __atomic_load_n(&ring->producer->gap_head, __ATOMIC_ACQUIRE); ring->gap++) {
		struct pcapring_gap gap = ring->producer->gap[ring->gap % PCAPRING_GAPS];

		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (ring->producer->gap_tail > ring->gap)
			continue;
		if (gap.position >= head + final)
			break;
		if (gap.position >= ring->consumer->tail)
			fprintf(stderr, "ring %zd, byte %llu: %llu packets are missing\n",
				ring - rings, gap.position, gap.count);
	}
}

/* Give what is there up to head; of a copy, what was not overwritten meanwhile. */
static void drain(struct ring *ring, int final)
{
	static char *copy;
	__u64 head = __atomic_load_n(&ring->producer->head, __ATOMIC_ACQUIRE);
	__u64 from = MAX(ring->consumer->tail, ring->producer->oldest);
	const char *end = ring->data + (from & (info->ring_bytes - 1)) + (head - from);

	if (info->mode == PCAPRING_MODE_OVERWRITE && from < head) {
		copy = copy ?: malloc(info->ring_bytes);
		end = (char *)memcpy(copy, end - (head - from), head - from) + (head - from);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		from = MAX(from, ring->producer->oldest);
	}
	show_gaps(ring, head, final);
	fwrite(end - (MAX(from, head) - from), 1, MAX(from, head) - from, stdout);
	__atomic_store_n(&ring->consumer->seen, MAX(from, head), __ATOMIC_RELEASE);
	__atomic_store_n(&ring->consumer->tail, MAX(from, head), __ATOMIC_RELEASE);
}

int main(int argc, char **argv)
{
	struct pollfd device = { argc == 2 ? open(argv[1], O_RDWR) : -1, POLLIN, 0 };
	__u64 page = 4096, i, count;

	if (device.fd < 0)
		err(1, "ring_reader DEVICE");
	info = map(device.fd, PROT_READ, 0, page);
	if (info->magic != PCAPRING_MAGIC || info->version != PCAPRING_VERSION || info->mode > 1)
		errx(1, "%s: not what this program knows", argv[1]);
	page = info->page_bytes, count = info->ring_count;
	for (i = 0; i < count; i++) {
		rings[i].consumer = map(device.fd, PROT_READ | PROT_WRITE, page * (1 + i), page);
		rings[i].producer = map(device.fd, PROT_READ, page * (1 + count + i), page);
		rings[i].data = map(device.fd, PROT_READ, page * (1 + 2 * count) +
				    2 * info->ring_bytes * i, 2 * info->ring_bytes);
	}
	do {
		if (!header.magic && info->linktype != PCAPRING_LINKTYPE_NONE) {
			header = (struct pcapring_file_header){ PCAPRING_FILE_MAGIC_NSEC,
				PCAPRING_FILE_VERSION_MAJOR, PCAPRING_FILE_VERSION_MINOR,
				0, 0, info->snaplen, info->linktype };
			fwrite(&header, sizeof(header), 1, stdout);
		}
		for (i = 0; i < count; i++)
			drain(&rings[i], !!(device.revents & POLLHUP));
		if (fflush(stdout))
			err(1, "standard output");
	} while (!(device.revents & POLLHUP) && poll(&device, 1, -1) > 0);
}
