// SPDX-License-Identifier: MIT
/*
 * A folder with a file of the spool as it was written, then torn: cut, with zeroes
 * or other bytes from somewhere on, or with one bit changed in its last stretch.
 * What is found are the stretches before; the file is cut there, and found the
 * same when it is looked at again.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "spool/scan.h"

enum { STRETCHES = 4, ROOM = 16384, START = 70000 };

struct ends {
	size_t count;
	uint64_t bytes[STRETCHES + 1];	/* of the file, after so many stretches */
	uint64_t offsets[STRETCHES + 1];
};

static unsigned int found;
static struct scan_file last;

static void on_found(void *context, const struct scan_file *file)
{
	(void)context;
	found++;
	last = *file;
}

static size_t build(struct fuzz_input *in, uint8_t *file, struct ends *ends)
{
	const struct spoolfile_header header = {
		.id = { .ring = 1, .offset = START },
		.ring_count = 2, .ring_bytes = 1 << 20,
		.metadata = { .linktype = 1, .snaplen = 96 },
	};
	size_t at = SPOOLFILE_HEADER;

	spoolfile_pack_header(file, &header);
	ends->count = 1 + fuzz_number(in, 1) % STRETCHES;
	ends->bytes[0] = at;
	ends->offsets[0] = START;
	for (size_t i = 0; i < ends->count; i++) {
		size_t length = 1 + fuzz_number(in, 2) % 3000;
		uint8_t *data = file + at + SPOOLFILE_STRETCH, first = fuzz_number(in, 1);
		struct spoolfile_stretch stretch = {
			.offset = ends->offsets[i], .length = length, .dropped = i,
		};

		for (size_t n = 0; n < length; n++)
			data[n] = first + n;
		stretch.crc = spoolfile_crc(0, data, length);
		spoolfile_pack_stretch(file + at, &stretch);
		at += SPOOLFILE_STRETCH + length;
		ends->bytes[i + 1] = at;
		ends->offsets[i + 1] = stretch.offset + length;
	}
	return at;
}

/* Somewhere in the last stretch or behind it. Returns the new size. */
static size_t tear(struct fuzz_input *in, uint8_t *file, size_t size, const struct ends *ends,
		   size_t *torn)
{
	size_t begin = ends->bytes[ends->count - 1];
	size_t at = begin + fuzz_number(in, 2) % (size - begin + 1), more, have;
	uint8_t kind = fuzz_number(in, 1);
	const uint8_t *rest;

	*torn = at;
	switch (kind % 4) {
	case 0:
		return at;
	case 1:
		if (at == size)
			return size;
		file[at] ^= 1 << kind / 4 % 8;
		return size;
	case 2:
		more = fuzz_number(in, 2) % 1000;
		memset(file + at, 0, size - at + more);
		return size + more;
	default:
		rest = fuzz_take(in, ROOM - at - 1, &have);
		memcpy(file + at, rest, have);
		return at + have;
	}
}

static void scan(int folder)
{
	found = 0;
	FUZZ_TRUE(scan_folder(folder, "spool", on_found, NULL));
}

static off_t size_of(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, 0) ? -1 : st.st_size;
}

static void check(int folder, const char *name, const struct ends *ends, bool changed)
{
	size_t whole = ends->count - changed;

	scan(folder);
	if (!whole) {
		FUZZ_TRUE(!found && size_of(folder, name) < 0);
		return;
	}
	FUZZ_TRUE(found == 1);
	FUZZ_TRUE(last.end == ends->offsets[whole] && last.bytes == ends->bytes[whole]);
	FUZZ_TRUE(last.newest.dropped == whole - 1);
	FUZZ_TRUE(size_of(folder, name) == (off_t)last.bytes);
	scan(folder);
	FUZZ_TRUE(found == 1 && last.end == ends->offsets[whole]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct spoolfile_id id = { .ring = 1, .offset = START };
	static uint8_t file[ROOM + 2000], before[ROOM + 2000];
	struct fuzz_input in = { bytes, size };
	char path[4096], name[SPOOLFILE_NAME];
	const char *temporary = getenv("TMPDIR");
	size_t length, torn, least;
	struct ends ends;
	bool changed;
	int folder, fd;

	memset(file, 0, sizeof(file));
	length = build(&in, file, &ends);
	memcpy(before, file, sizeof(file));
	least = length;
	length = tear(&in, file, length, &ends, &torn);
	changed = length < least || memcmp(file, before, least);

	snprintf(path, sizeof(path), "%s/spool-XXXXXX", temporary ? temporary : "/tmp");
	FUZZ_TRUE(mkdtemp(path));
	folder = open(path, O_RDONLY | O_DIRECTORY);
	spoolfile_name(name, &id);
	fd = openat(folder, name, O_CREAT | O_WRONLY, 0600);
	FUZZ_TRUE(write(fd, file, length) == (ssize_t)length);
	close(fd);
	check(folder, name, &ends, changed);
	unlinkat(folder, name, 0);
	close(folder);
	FUZZ_TRUE(!rmdir(path));
	return 0;
}
