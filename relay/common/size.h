/* SPDX-License-Identifier: MIT */
#ifndef COMMON_SIZE_H
#define COMMON_SIZE_H

#include <stdbool.h>
#include <stdint.h>

#define SECONDS_MAX	(1ULL << 31)	/* most of seconds_parse() */
#define RATE_MAX	(1ULL << 40)	/* most of rate_parse(), bytes a second */

/* "65536", "64k", "32M", "1G" (powers of 1024) to bytes. False: not a size. */
bool size_parse(const char *text, uint64_t *bytes);

/* "90", "90s", "5m", "12h", "7d" to seconds, at least 1. False: not a time. */
bool seconds_parse(const char *text, uint64_t *seconds);

/*
 * "10M", or in bits "100Mbit", with decimal units, to bytes a second, at least 1.
 * False: not a rate.
 */
bool rate_parse(const char *text, uint64_t *bytes);

/* Like size_parse() without units, within [low, high]. False: it is not. */
bool number_parse(const char *text, uint64_t low, uint64_t high, uint64_t *number);

#endif
