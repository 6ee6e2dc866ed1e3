/* SPDX-License-Identifier: MIT */
/*
 * A line that lives, for who watches the program on a terminal: once a second, how
 * much comes and what is lost. What the program says otherwise goes above it.
 */
#ifndef COMMON_LIVE_H
#define COMMON_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIVE_NOTE_MAX	64

/**
 * struct live_numbers - totals, of which rates are made
 * @note: what else there is to say, such as "ring 3 % full"
 */
struct live_numbers {
	uint64_t packets;
	uint64_t bytes;
	uint64_t lost;
	char note[LIVE_NOTE_MAX];
};

struct live;

/*
 * Begin, where standard error is a terminal and no service manager's. @look tells
 * the numbers, in a thread of the line's own; false: not now. NULL: there is no
 * line.
 */
struct live *live_open(bool (*look)(void *context, struct live_numbers *numbers),
		       void *context);

/* The line goes away. NULL is fine. */
void live_close(struct live *live);

/*
 * What the line says, at most @size bytes with the NUL, of numbers that are
 * @seconds apart.
 */
void live_write(char *out, size_t size, const struct live_numbers *before,
		const struct live_numbers *now, double seconds);

#endif
