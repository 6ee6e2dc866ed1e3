/* SPDX-License-Identifier: MIT */
/* Files of an epoch that follow each other in a directory: when, and their names. */
#ifndef COLLECTOR_SERIES_H
#define COLLECTOR_SERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger.h"

struct folder;
struct template;

/**
 * struct series_config - when a file is complete; 0: not for that
 * @folder: where they are
 * @template: what names them
 * @size: once it has so many bytes
 * @packets: once it has so many
 * @interval: whenever the clock shows a multiple of so many seconds since 1970, as
 *	UTC does at midnight
 */
struct series_config {
	struct folder *folder;
	const struct template *template;
	uint64_t size;
	uint64_t packets;
	uint64_t interval;
};

/**
 * struct series - where one is
 * @name: of the file now, "": there is none
 * @packets: in it
 * @due: it is complete at this time at the latest, in nanoseconds since 1970
 * @last: what the template said last
 * @number: how often it did
 */
struct series {
	const struct series_config *config;
	char name[LEDGER_NAME_MAX];
	uint64_t packets;
	uint64_t due;
	char last[LEDGER_NAME_MAX];
	unsigned int number;
};

/* Nanoseconds since 1970. */
uint64_t series_now(void);

/* Create the file that comes next, of @state's sensor. -1: errno says why. */
int series_begin(struct series *series, const struct ledger_file *state);

/* The file is complete, or there never was one. */
void series_end(struct series *series);

/*
 * What a file of @length bytes may get until it is complete: whatever is the first,
 * so many packets or bytes, each at least 1.
 */
void series_most(const struct series *series, uint64_t length, uint64_t *packets,
		 uint64_t *bytes);

/* Is it complete, as it is, by its size or packets? */
bool series_full(const struct series *series, uint64_t length);

#endif
