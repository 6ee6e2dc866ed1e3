/* SPDX-License-Identifier: MIT */
/*
 * How the relay is: its numbers, as the loop knows them when somebody asks, for
 * Prometheus and for a terminal.
 */
#ifndef RELAY_STATUS_H
#define RELAY_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/pcapring.h>

#include "common/ask.h"
#include "common/metrics.h"
#include "relay.h"

struct metadata;
struct peer;
struct reader;
struct spool;

/**
 * struct status_wait - what of a ring waits for the receiver
 * @bytes: how much, in the ring and in the spool
 * @oldest: when the oldest of it was captured, nanoseconds since 1970; 0: nothing
 *	waits, or nobody knows
 */
struct status_wait {
	uint64_t bytes;
	uint64_t oldest;
};

/**
 * struct status_ring - a ring, as it was
 * @count: the kernel's
 * @used: bytes that are not free
 */
struct status_ring {
	struct pcapring_counters count;
	uint64_t used;
	struct status_wait wait;
};

/**
 * struct status_view - an answer
 * @time: when it was given, nanoseconds since 1970; 0: never yet
 * @connected: to a receiver that takes the stream
 * @spooled: bytes in the spool
 */
struct status_view {
	uint64_t time;
	struct status_ring rings[PCAPRING_RINGS_MAX];
	struct relay_counts counts;
	struct metrics_histogram delay;
	bool connected;
	uint64_t spooled;
};

/**
 * struct status - what is looked at, all of it the loop's, and the answer
 * @reader: its rings; @capture: a kernel fills and counts them
 * @spool: NULL: none; in @folder, for @spool_max bytes
 * @target: what messages call the receiver
 * @delay: from the capture of the oldest record that an Ack is the first to tell
 *	of to that Ack
 * @view: the askers'
 */
struct status {
	struct ask ask;
	const struct reader *reader;
	bool capture;
	const struct spool *spool;
	const char *folder;
	uint64_t spool_max;
	const char *target;
	const struct relay_counts *counts;
	const struct metadata *metadata;
	struct metrics_histogram delay;
	struct status_view view;
};

/*
 * For the loop, at any time: answer, if somebody asks. @waits: what of each ring
 * does; NULL: what is in it. @status may be NULL.
 */
void status_answer(struct status *status, const struct peer *peer,
		   const struct status_wait *waits);

/* Is there something to answer? */
bool status_is_asked(struct status *status);

/*
 * When the record at @position of the ring was captured, nanoseconds since 1970. 0:
 * there is none.
 */
uint64_t status_captured_at(const struct status *status, unsigned int ring,
			    uint64_t position);

/* For the loop: what was captured at @since has arrived. 0: nobody knows. */
void status_arrived(struct status *status, uint64_t since);

/* For who asks: /metrics. False: there was no answer yet. */
bool status_write_metrics(void *status, FILE *out);

/* The same for a terminal: what the live line says (live.h). */
struct live_numbers;
bool status_look(void *status, struct live_numbers *numbers);

#endif
