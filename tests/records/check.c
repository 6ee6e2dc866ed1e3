// SPDX-License-Identifier: MIT
/*
 * Do savefiles hold every packet that a producer wrote, each once and as it
 * was, those of a ring in order?
 *
 *	check DROPS SEEN[,SEEN...] [SAVEFILE...]
 *
 * DROPS: the producer's list of the packets that it dropped
 * SEEN: for each ring, how many packets came in all, dropped ones included; with
 * a "+", so many at least: what came later may be lost, all from some packet on
 *
 * Prints "N packets, N dropped, N late", where late packets lie behind younger
 * ones of another ring; or the first mistake of each ring, and ends with status
 * 1.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

#define CHECK_SECOND	1000000000ULL

/* Dropped packets: from @first to @last. */
struct check_run {
	uint64_t first;
	uint64_t last;
};

/**
 * struct check_ring - what is known of a ring
 * @seen: packets that came; at @least so many
 * @next: number of the packet that may come next
 * @stamp: of the last packet
 * @drops: runs of dropped packets, in order; those before @drop are passed
 * @faulty: the first mistake was told
 */
struct check_ring {
	uint64_t seen;
	bool least;
	uint64_t next;
	uint64_t stamp;
	struct check_run *drops;
	size_t drop_count;
	size_t drop;
	bool faulty;
};

struct check {
	struct check_ring rings[PCAPRING_RINGS_MAX];
	unsigned int ring_count;
	uint64_t packets;
	uint64_t dropped;
	uint64_t late;
	bool failed;
};

static void __attribute__((noreturn, format(printf, 1, 2)))
check_die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	exit(EXIT_FAILURE);
}

/* Tells the first mistake of a ring: what follows follows from it. */
static void __attribute__((format(printf, 3, 4)))
check_fault(struct check *check, unsigned int index, const char *format, ...)
{
	va_list arguments;

	check->failed = true;
	if (check->rings[index].faulty)
		return;
	check->rings[index].faulty = true;
	printf("ring %u: ", index);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

static void check_read_seen(struct check *check, char *text)
{
	for (char *word = strtok(text, ","); word; word = strtok(NULL, ",")) {
		struct check_ring *ring = &check->rings[check->ring_count];

		if (check->ring_count == PCAPRING_RINGS_MAX)
			check_die("too many rings");
		check->ring_count++;
		ring->seen = strtoull(word, &word, 10);
		ring->least = *word == '+';
	}
}

static void check_add_drops(struct check_ring *ring, struct check_run run)
{
	ring->drops = reallocarray(ring->drops, ring->drop_count + 1, sizeof(run));
	if (!ring->drops)
		abort();
	ring->drops[ring->drop_count++] = run;
}

static void check_read_drops(struct check *check, const char *path)
{
	FILE *file = fopen(path, "r");
	struct check_run run;
	unsigned int index;

	if (!file)
		check_die("%s: %s", path, strerror(errno));
	while (fscanf(file, "%u %" SCNu64 " %" SCNu64, &index, &run.first, &run.last) == 3) {
		if (index >= check->ring_count || run.last < run.first)
			check_die("%s: no such drops", path);
		check_add_drops(&check->rings[index], run);
		check->dropped += run.last - run.first + 1;
	}
	if (!feof(file))
		check_die("%s: not a list of drops", path);
	fclose(file);
}

/* From the number that may come next, without those that were dropped. */
static uint64_t check_next(struct check_ring *ring)
{
	while (ring->drop < ring->drop_count && ring->drops[ring->drop].first == ring->next)
		ring->next = ring->drops[ring->drop++].last + 1;
	return ring->next;
}

static void check_order(struct check *check, const struct packet_name *name, const char *where)
{
	struct check_ring *ring = &check->rings[name->ring];
	uint64_t next = check_next(ring);

	if (name->number < next)
		check_fault(check, name->ring,
			    "%s: packet %" PRIu64 " is there again, %" PRIu64 " was next", where,
			    name->number, next);
	else if (name->number > next)
		check_fault(check, name->ring,
			    "%s: packets %" PRIu64 " to %" PRIu64 " are missing, or some of them",
			    where, next, name->number - 1);
	else if (name->stamp < ring->stamp)
		check_fault(check, name->ring, "%s: packet %" PRIu64 " has an old stamp", where,
			    name->number);
	ring->next = name->number + 1;
	ring->stamp = name->stamp;
}

static void check_header(FILE *file, const char *path)
{
	const struct pcapring_file_header want = {
		.magic = PCAPRING_FILE_MAGIC_NSEC,
		.version_major = PCAPRING_FILE_VERSION_MAJOR,
		.version_minor = PCAPRING_FILE_VERSION_MINOR,
		.snaplen = PCAPRING_SNAPLEN_MAX,
		.linktype = 1,
	};
	struct pcapring_file_header header;

	if (fread(&header, sizeof(header), 1, file) != 1 || memcmp(&header, &want, sizeof(want)))
		check_die("%s: not the header that it should have", path);
}

static void check_file(struct check *check, const char *path)
{
	static uint8_t data[PACKET_BYTES_MAX];
	struct pcapring_record record;
	struct packet_name name;
	FILE *file = fopen(path, "r");
	uint64_t newest = 0;
	const char *fault;
	size_t bytes;

	if (!file)
		check_die("%s: %s", path, strerror(errno));
	check_header(file, path);
	while ((bytes = fread(&record, 1, sizeof(record), file)) == sizeof(record)) {
		long at = ftell(file) - sizeof(record);

		if (record.caplen > sizeof(data) ||
		    fread(data, 1, record.caplen, file) != record.caplen)
			check_die("%s: torn at %ld: record of %u bytes", path, at, record.caplen);
		fault = packet_fault(&record, data, &name);
		if (fault || name.ring >= check->ring_count)
			check_die("%s: at %ld: %s", path, at, fault ?: "not a ring of this run");
		check_order(check, &name, path);
		check->packets++;
		check->late += name.stamp < newest;
		if (name.stamp > newest)
			newest = name.stamp;
	}
	if (bytes)
		check_die("%s: ends in a record's header", path);
	fclose(file);
}

int main(int argc, char **argv)
{
	static struct check check;

	if (argc < 3)
		check_die("DROPS and SEEN are needed");
	check_read_seen(&check, argv[2]);
	check_read_drops(&check, argv[1]);
	for (int i = 3; i < argc; i++)
		check_file(&check, argv[i]);
	for (unsigned int i = 0; i < check.ring_count; i++) {
		const struct check_ring *ring = &check.rings[i];
		uint64_t next = check_next(&check.rings[i]);

		if (next < ring->seen || (next > ring->seen && !ring->least))
			check_fault(&check, i, "ends before packet %" PRIu64 " of %" PRIu64, next,
				    ring->seen);
	}
	printf("%" PRIu64 " packets, %" PRIu64 " dropped, %" PRIu64 " late\n", check.packets,
	       check.dropped, check.late);
	return check.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
