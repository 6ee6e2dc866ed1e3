// SPDX-License-Identifier: MIT
/*
 * What the tests ask of savefiles in native byte order; FILE - is standard
 * input. A torn last record is an error for all but `count`.
 *
 * savefile count FILE		number of whole records
 * savefile longest FILE	largest number of captured bytes in a record
 * savefile sequence FILE	the numbers that `traffic` sent, one a line
 * savefile unstamped FILE	the same with stamps of zero
 * savefile match FILE OFFSET HEX	number of records with these bytes there
 * savefile microseconds FILE	the same with microsecond stamps, to stdout
 * savefile masked FILE		the same with zeroes where a cooked header leaves
 *				an address short of its field: libpcap does not
 *				clear what was in its buffer before
 * savefile sorted FILE		the same in the order of stamps and bytes
 * savefile first N FILE	its first N records
 * savefile apart FILE FILE	nanoseconds between the stamps of two records of
 *				the same place, at most
 * savefile generate COUNT	a new one of COUNT frames, odd ones VLAN-tagged
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pcapring.h>

#include "savefile.h"

struct savefile {
	struct pcapring_file_header header;
	uint8_t *bytes;				/* the whole file */
	size_t size;
	struct pcapring_record **records;	/* into bytes */
	size_t count;
	bool torn;
};

static void savefile_fail(const char *what)
{
	fprintf(stderr, "savefile: %s\n", what);
	exit(1);
}

static void savefile_load(struct savefile *file, const char *path)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "rb") : stdin;
	size_t room = 1 << 16, got;

	if (!in)
		savefile_fail("cannot open the file");
	file->bytes = malloc(room);
	while ((got = fread(file->bytes + file->size, 1, room - file->size,
			    in))) {
		file->size += got;
		if (file->size == room)
			file->bytes = realloc(file->bytes, room *= 2);
	}
	if (in != stdin)
		fclose(in);
}

static void savefile_parse(struct savefile *file)
{
	size_t at = sizeof(file->header);
	struct pcapring_record *record;

	if (file->size < at)
		savefile_fail("no file header");
	memcpy(&file->header, file->bytes, at);
	if (file->header.magic != PCAPRING_FILE_MAGIC_NSEC &&
	    file->header.magic != PCAPRING_FILE_MAGIC_USEC)
		savefile_fail("not a savefile in native byte order");
	file->records = calloc(file->size / sizeof(*record) + 1,
			       sizeof(record));
	while (file->size - at >= sizeof(*record)) {
		record = (void *)(file->bytes + at);
		if (file->size - at - sizeof(*record) < record->caplen)
			break;
		file->records[file->count++] = record;
		at += sizeof(*record) + record->caplen;
	}
	file->torn = at != file->size;
}

static void savefile_write(const struct savefile *file)
{
	size_t i;

	fwrite(&file->header, sizeof(file->header), 1, stdout);
	for (i = 0; i < file->count; i++)
		fwrite(file->records[i],
		       sizeof(**file->records) + file->records[i]->caplen, 1,
		       stdout);
}

static void savefile_longest(const struct savefile *file)
{
	uint32_t longest = 0;
	size_t i;

	for (i = 0; i < file->count; i++)
		if (file->records[i]->caplen > longest)
			longest = file->records[i]->caplen;
	printf("%u\n", longest);
}

static void savefile_sequence(const struct savefile *file)
{
	const uint8_t *mark;
	uint64_t number;
	size_t i, j;

	for (i = 0; i < file->count; i++) {
		mark = memmem(file->records[i] + 1, file->records[i]->caplen,
			      SAVEFILE_MARK, 8);
		if (!mark)
			continue;
		for (number = 0, j = 8; j < SAVEFILE_MARK_BYTES; j++)
			number = number << 8 | mark[j];
		printf("%llu\n", (unsigned long long)number);
	}
}

static void savefile_unstamped(struct savefile *file)
{
	size_t i;

	file->header.magic = PCAPRING_FILE_MAGIC_NSEC;
	for (i = 0; i < file->count; i++)
		file->records[i]->ts_sec = file->records[i]->ts_nsec = 0;
	savefile_write(file);
}

static void savefile_match(const struct savefile *file, size_t offset,
			   const char *hex)
{
	uint8_t wanted[64];
	size_t i, matches = 0, length = strlen(hex) / 2;

	for (i = 0; i < length && i < sizeof(wanted); i++)
		sscanf(hex + 2 * i, "%2hhx", &wanted[i]);
	for (i = 0; i < file->count; i++)
		if (file->records[i]->caplen >= offset + length &&
		    !memcmp((uint8_t *)(file->records[i] + 1) + offset, wanted,
			    length))
			matches++;
	printf("%zu\n", matches);
}

static void savefile_microseconds(struct savefile *file)
{
	size_t i;

	if (file->header.magic != PCAPRING_FILE_MAGIC_NSEC)
		savefile_fail("not in nanoseconds");
	file->header.magic = PCAPRING_FILE_MAGIC_USEC;
	for (i = 0; i < file->count; i++)
		file->records[i]->ts_nsec /= 1000;
	savefile_write(file);
}

/* A cooked header's address: eight bytes, of which the header says how many count. */
static void savefile_mask(struct pcapring_record *record, size_t length_at,
			  size_t address_at)
{
	uint8_t *bytes = (uint8_t *)(record + 1);
	size_t i;

	if (record->caplen <= length_at)
		return;
	for (i = bytes[length_at]; i < 8 && address_at + i < record->caplen; i++)
		bytes[address_at + i] = 0;
}

static void savefile_masked(struct savefile *file)
{
	size_t i;

	for (i = 0; i < file->count; i++) {
		if (file->header.linktype == 276)	/* LINUX_SLL2 */
			savefile_mask(file->records[i], 11, 12);
		else if (file->header.linktype == 113 ||	/* LINUX_SLL */
			 file->header.linktype == 253)	/* NETLINK */
			savefile_mask(file->records[i], 5, 6);
	}
	savefile_write(file);
}

static int savefile_compare(const void *left, const void *right)
{
	const struct pcapring_record *a = *(struct pcapring_record **)left;
	const struct pcapring_record *b = *(struct pcapring_record **)right;
	int order = memcmp(a, b, sizeof(*a));

	return order ? order : memcmp(a + 1, b + 1, a->caplen);
}

static void savefile_sorted(struct savefile *file)
{
	qsort(file->records, file->count, sizeof(*file->records),
	      savefile_compare);
	savefile_write(file);
}

static void savefile_first(struct savefile *file, size_t count)
{
	if (count < file->count)
		file->count = count;
	savefile_write(file);
}

static int64_t savefile_stamp(const struct savefile *file, size_t i)
{
	int64_t unit = file->header.magic == PCAPRING_FILE_MAGIC_NSEC ? 1 : 1000;

	return file->records[i]->ts_sec * 1000000000LL +
	       file->records[i]->ts_nsec * unit;
}

static void savefile_apart(const struct savefile *file, const char *path)
{
	struct savefile other = { 0 };
	int64_t most = 0;
	size_t i;

	savefile_load(&other, path);
	savefile_parse(&other);
	if (other.count != file->count)
		savefile_fail("not the same number of records");
	for (i = 0; i < file->count; i++) {
		int64_t apart = llabs(savefile_stamp(file, i) -
				      savefile_stamp(&other, i));

		if (apart > most)
			most = apart;
	}
	printf("%lld\n", (long long)most);
}

/*
 * Frames of the protocol for local experiments (0x88b5), which no stack
 * answers, between 60 and 1500 bytes, stamped a millisecond apart.
 */
static void savefile_generate(size_t count)
{
	static const uint8_t head[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	static const uint8_t tag[] = { 0x81, 0, 0, 5 };
	struct pcapring_file_header header = {
		.magic = PCAPRING_FILE_MAGIC_USEC,
		.version_major = PCAPRING_FILE_VERSION_MAJOR,
		.version_minor = PCAPRING_FILE_VERSION_MINOR,
		.snaplen = PCAPRING_SNAPLEN_MAX,
		.linktype = 1,
	};
	struct pcapring_record record;
	uint8_t frame[1504];
	size_t i, at;

	fwrite(&header, sizeof(header), 1, stdout);
	for (i = 0; i < count; i++) {
		memset(frame, (int)i, sizeof(frame));
		memcpy(frame, head, at = sizeof(head));
		if (i & 1)
			memcpy(frame + at, tag, sizeof(tag)), at += sizeof(tag);
		frame[at] = 0x88;
		frame[at + 1] = 0xb5;
		record.ts_sec = 1000000000;
		record.ts_nsec = i * 1000 % 1000000;
		record.caplen = record.len = 60 + i * 7919 % 1441;
		fwrite(&record, sizeof(record), 1, stdout);
		fwrite(frame, record.caplen, 1, stdout);
	}
}

static int savefile_usage(void)
{
	fprintf(stderr, "usage: see the head of savefile.c\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct savefile file = { 0 };
	const char *verb = argc > 2 ? argv[1] : "";
	bool first = !strcmp(verb, "first");

	if (argc < 3 || (first && argc < 4))
		return savefile_usage();
	if (!strcmp(verb, "generate")) {
		savefile_generate(strtoul(argv[2], NULL, 10));
		return 0;
	}
	savefile_load(&file, argv[first ? 3 : 2]);
	savefile_parse(&file);
	if (!strcmp(verb, "count")) {
		printf("%zu\n", file.count);
		return 0;
	}
	if (file.torn)
		savefile_fail("the last record is torn");
	if (first)
		savefile_first(&file, strtoul(argv[2], NULL, 10));
	else if (!strcmp(verb, "longest"))
		savefile_longest(&file);
	else if (!strcmp(verb, "sequence"))
		savefile_sequence(&file);
	else if (!strcmp(verb, "unstamped"))
		savefile_unstamped(&file);
	else if (!strcmp(verb, "match") && argc == 5)
		savefile_match(&file, strtoul(argv[3], NULL, 10), argv[4]);
	else if (!strcmp(verb, "microseconds"))
		savefile_microseconds(&file);
	else if (!strcmp(verb, "apart") && argc == 4)
		savefile_apart(&file, argv[3]);
	else if (!strcmp(verb, "masked"))
		savefile_masked(&file);
	else if (!strcmp(verb, "sorted"))
		savefile_sorted(&file);
	else
		return savefile_usage();
	return 0;
}
