/* SPDX-License-Identifier: MIT */
/*
 * What the targets share. A target takes its input apart from the front:
 * first what steers it, then the bytes that its parser is to read. What a
 * parser reads lies in memory of exactly that size, so that the sanitizer sees
 * it when it reads on.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* The oracle: what does not hold ends the run, and libFuzzer keeps the input. */
#define FUZZ_TRUE(condition) \
	((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

__attribute__((noreturn))
void fuzz_fail(const char *file, int line, const char *condition);

struct fuzz_input {
	const uint8_t *p;
	size_t left;
};

/* The next @bytes as a number, the lowest first; at the end, zeros come. */
uint64_t fuzz_number(struct fuzz_input *in, size_t bytes);

/* Up to @size bytes are taken; *@have says how many. */
const uint8_t *fuzz_take(struct fuzz_input *in, size_t size, size_t *have);

/*
 * The next text, behind a byte that says how long it is, without the bytes of
 * @never, and NUL: at most 255 bytes.
 */
void fuzz_text(struct fuzz_input *in, char out[256], const char *never);

#define FUZZ_CUTS	15

/* Where bytes are cut: the sizes of the pieces, the last takes the rest. */
struct fuzz_cuts {
	size_t count;
	size_t sizes[FUZZ_CUTS];
};

/* One byte says how many there are, one each its size. */
void fuzz_cuts(struct fuzz_input *in, struct fuzz_cuts *cuts);

/**
 * struct fuzz_pieces - bytes in pieces, each in memory of its own
 * @list: to be handed over; it may change
 */
struct fuzz_pieces {
	struct iovec list[FUZZ_CUTS + 1];
	void *memory[FUZZ_CUTS + 1];
	size_t count;
};

/* @cuts NULL: a single one. */
void fuzz_cut(struct fuzz_pieces *pieces, const struct fuzz_cuts *cuts,
	      const uint8_t *bytes, size_t size);
void fuzz_free(struct fuzz_pieces *pieces);

/* A file in memory that holds the bytes; path: how others open it. */
int fuzz_file(const uint8_t *bytes, size_t size, char path[32]);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
