/* SPDX-License-Identifier: MIT */
/*
 * Numbers as Prometheus reads them: the text format, version 0.0.4. A family is
 * said once, then all its samples.
 */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <stdint.h>
#include <stdio.h>

#define METRICS_CONTENT_TYPE	"text/plain; version=0.0.4; charset=utf-8"

/* Upper bounds of a histogram's buckets, but for the last one, which has none. */
#define METRICS_BOUNDS		15

/**
 * struct metrics_label - a list of them ends with one of no name
 * @value: any UTF-8; it is escaped
 */
struct metrics_label {
	const char *name;
	const char *value;
};

/**
 * struct metrics_family - what has one name
 * @type: "counter", "gauge" or "histogram"
 * @help: for people
 */
struct metrics_family {
	const char *name;
	const char *type;
	const char *help;
};

/**
 * struct metrics_histogram - of durations; all zero at first
 * @counts: observations in each bucket, not in those below it
 * @sum: of what was observed, seconds
 */
struct metrics_histogram {
	uint64_t counts[METRICS_BOUNDS + 1];
	double sum;
};

void metrics_family(FILE *out, const struct metrics_family *family);

/* A sample of the family. @labels may be NULL. */
void metrics_count(FILE *out, const struct metrics_family *family,
		   const struct metrics_label *labels, uint64_t count);
void metrics_value(FILE *out, const struct metrics_family *family,
		   const struct metrics_label *labels, double value);
void metrics_histogram(FILE *out, const struct metrics_family *family,
		       const struct metrics_label *labels,
		       const struct metrics_histogram *histogram);

/* A family of a single sample without labels. */
void metrics_single(FILE *out, const struct metrics_family *family, double value);

/* What is below zero counts as zero: clocks differ. */
void metrics_observe(struct metrics_histogram *histogram, double seconds);

/* Add @more to @to. */
void metrics_add(struct metrics_histogram *to, const struct metrics_histogram *more);

/* "PREFIX_build_info", and process_*: of this program. */
void metrics_program(FILE *out, const char *prefix);

/* PREFIX_disk_free_bytes and _size_bytes of the file system of @path. */
void metrics_disk(FILE *out, const char *prefix, const char *path);

#endif
