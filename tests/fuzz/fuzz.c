// SPDX-License-Identifier: MIT
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	abort();
}

uint64_t fuzz_number(struct fuzz_input *in, size_t bytes)
{
	uint64_t number = 0;

	for (size_t i = 0; i < bytes && in->left; i++, in->p++, in->left--)
		number |= (uint64_t)*in->p << 8 * i;
	return number;
}

const uint8_t *fuzz_take(struct fuzz_input *in, size_t size, size_t *have)
{
	const uint8_t *bytes = in->p;

	*have = size < in->left ? size : in->left;
	in->p += *have;
	in->left -= *have;
	return bytes;
}

void fuzz_text(struct fuzz_input *in, char out[256], const char *never)
{
	size_t have;
	const uint8_t *bytes = fuzz_take(in, fuzz_number(in, 1), &have);

	for (size_t i = 0; i < have; i++)
		/* strchr() finds the NUL, too */
		if (!strchr(never, bytes[i]))
			*out++ = bytes[i];
	*out = '\0';
}

void fuzz_cuts(struct fuzz_input *in, struct fuzz_cuts *cuts)
{
	cuts->count = fuzz_number(in, 1) % (FUZZ_CUTS + 1);
	for (size_t i = 0; i < cuts->count; i++) {
		size_t size = fuzz_number(in, 1);

		/* near ones, and some that are far away */
		cuts->sizes[i] = size < 0xc0 ? size : (size - 0xc0) * 64;
	}
}

static void fuzz_add(struct fuzz_pieces *pieces, const uint8_t *bytes, size_t size)
{
	void *memory = malloc(size);

	FUZZ_TRUE(memory);
	if (size)
		memcpy(memory, bytes, size);
	pieces->memory[pieces->count] = memory;
	pieces->list[pieces->count++] = (struct iovec) { memory, size };
}

void fuzz_cut(struct fuzz_pieces *pieces, const struct fuzz_cuts *cuts,
	      const uint8_t *bytes, size_t size)
{
	pieces->count = 0;
	for (size_t i = 0; cuts && i < cuts->count; i++) {
		size_t n = cuts->sizes[i] < size ? cuts->sizes[i] : size;

		fuzz_add(pieces, bytes, n);
		bytes += n;
		size -= n;
	}
	fuzz_add(pieces, bytes, size);
}

void fuzz_free(struct fuzz_pieces *pieces)
{
	for (size_t i = 0; i < pieces->count; i++)
		free(pieces->memory[i]);
	pieces->count = 0;
}

int fuzz_file(const uint8_t *bytes, size_t size, char path[32])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_TRUE(fd >= 0);
	FUZZ_TRUE(!size || write(fd, bytes, size) == (ssize_t)size);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}
