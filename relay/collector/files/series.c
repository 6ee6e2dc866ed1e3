// SPDX-License-Identifier: MIT
#include "series.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "folder.h"
#include "template.h"

#define SERIES_SECOND	UINT64_C(1000000000)

/* Names that differ by a number only; beyond that something else is wrong. */
#define SERIES_NUMBERS	1000000

uint64_t series_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * SERIES_SECOND + now.tv_nsec;
}

int series_begin(struct series *series, const struct ledger_file *state)
{
	const struct series_config *config = series->config;
	uint64_t now = series_now() / SERIES_SECOND;
	const struct template_words words = {
		.sensor = state->sensor,
		.interface = state->interface,
		.ring = state->ring == LEDGER_ALL ? TEMPLATE_ALL : state->ring,
		.time = now,
	};
	char *name = series->name;
	int fd = -1;

	errno = ENAMETOOLONG;
	if (!template_make(config->template, &words, 0, name, sizeof(series->name)))
		goto out_none;
	if (strcmp(name, series->last)) {
		strcpy(series->last, name);
		series->number = 0;
	}
	for (; fd < 0 && series->number < SERIES_NUMBERS; series->number++) {
		errno = ENAMETOOLONG;
		if (!template_make(config->template, &words, series->number, name,
				   sizeof(series->name)))
			break;
		fd = folder_create(config->folder, name);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0)
		goto out_none;
	series->packets = 0;
	series->due = config->interval ?
		      (now / config->interval + 1) * config->interval * SERIES_SECOND : UINT64_MAX;
	return fd;
out_none:
	series_end(series);
	return -1;
}

void series_end(struct series *series)
{
	*series->name = '\0';
}

void series_most(const struct series *series, uint64_t length, uint64_t *packets,
		 uint64_t *bytes)
{
	const struct series_config *config = series->config;

	*packets = *bytes = UINT64_MAX;
	if (config->packets)
		*packets = config->packets > series->packets ?
			   config->packets - series->packets : 1;
	if (config->size)
		*bytes = config->size > length ? config->size - length : 1;
}

bool series_full(const struct series *series, uint64_t length)
{
	const struct series_config *config = series->config;

	return (config->packets && series->packets >= config->packets) ||
	       (config->size && length >= config->size);
}
