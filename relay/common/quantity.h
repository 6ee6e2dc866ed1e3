/* SPDX-License-Identifier: MIT */
/* Numbers for people, with their units. */
#ifndef COMMON_QUANTITY_H
#define COMMON_QUANTITY_H

#include <stdint.h>

#define QUANTITY_MAX	48

/* 12345678, "bit/s" to "12.3 Mbit/s": powers of 1000, three digits. */
const char *quantity_scaled(char out[QUANTITY_MAX], double number, const char *unit);

/* 12345678, "packets" to "12.3M packets": the same of what is no unit. */
const char *quantity_counted(char out[QUANTITY_MAX], double number, const char *what);

/* 0.0123 to "12.3 ms", 93784 to "1 d 2 h"; with a sign where it is below 0. */
const char *quantity_time(char out[QUANTITY_MAX], double seconds);

/* Nanoseconds since 1970 to "2026-11-22T15:31:06Z". */
const char *quantity_date(char out[QUANTITY_MAX], uint64_t ns);

#endif
