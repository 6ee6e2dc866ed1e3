/* SPDX-License-Identifier: MIT */
/*
 * The sensor's side of pcapring.v1, from rings in a memfd to a collector in this
 * process. Whatever does not come within a minute fails.
 */
#ifndef UNIT_SENDING_H
#define UNIT_SENDING_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "channel/extent.h"
#include "channel/stream.h"
#include "collector.h"
#include "memring.h"
#include "records/records.h"
#include "relay.h"
#include "source/reader.h"
#include "watch.h"

#define PATIENCE_MS	60000
#define RINGS		2
#define START		4000000000	/* positions need more than 32 bits soon */
#define RECORD(caplen)	(sizeof(struct pcapring_record) + (caplen))
#define DATA_MAX	65536
#define UNIMPLEMENTED	12
#define ABORTED		10
#define UNAVAILABLE	14

struct sending {
	struct memring memring;
	struct reader reader;
	struct extents extents[RINGS];
	struct watch watch;
	struct records_config config;
	struct relay_counts counts;
	struct collector *collector;
	char target[32];
	int wake;
	int signals;
	int device[2];	/* a pipe that hangs up when the capture is deleted */
	pthread_t thread;
	enum records_result result;
	uint32_t written;
};

/* Rings without a packet, nobody at them yet. */
void sending_begin(struct sending *f, unsigned int rings, uint64_t ring_bytes);

/* Open the rings; run the engine on them in a thread; both. */
void sending_start(struct sending *f);
void sending_launch(struct sending *f);
void sending_go(struct sending *f);

/* Tell it to end; wait until it has, and let go of the rings. */
void sending_stop(struct sending *f);
void sending_join(struct sending *f);

/* No call is left. */
void sending_end(struct sending *f);

/* Positions of a ring. */
uint64_t sending_tail(struct sending *f, unsigned int ring);
uint64_t sending_head(struct sending *f, unsigned int ring);

/* Until the ring is free up to there. */
void sending_wait_for_tail(struct sending *f, unsigned int ring, uint64_t position);

/* A packet of @caplen bytes comes, which tell its number; try: unless there is no room. */
void sending_append(struct sending *f, unsigned int ring, uint32_t caplen);
bool sending_try_append(struct sending *f, unsigned int ring, uint32_t caplen);

/* Take Records until they end at @end. */
void sending_take(struct collector_call *call, uint64_t begin, uint64_t end);

/* Nothing but empty Records until the sensor half-closed. */
void sending_take_end(struct collector_call *call);

/* A call of a run that ends well. */
void sending_finish(struct sending *f, struct collector_call *call, uint64_t offset);

/* What came goes behind the *@length bytes of @stream. */
void sending_check_data(const struct collector_call *call, uint8_t *stream, uint64_t *length);

/* Whole records of @stream, of packets from *@number on, leave it. @return how many bytes. */
uint64_t sending_check_records(uint8_t *stream, uint64_t *length, uint32_t *number);

#endif
