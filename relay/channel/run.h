/* SPDX-License-Identifier: MIT */
/*
 * Run, the only method of packet_streaming: what a call says first, and a message for
 * each packet. Small packets are copied; for others, messages refer to parts of the
 * current extent of their ring.
 */
#ifndef RELAY_RUN_H
#define RELAY_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/pcapring.h>

#include "stream.h"

struct extents;
struct metadata;
struct packet;

/**
 * struct run_base - the current extent of a ring
 * @extent: NULL: none
 * @hold: all of it
 */
struct run_base {
	struct extent *extent;
	struct stream_hold hold;
};

/**
 * struct run - calls of Run, one after the other
 * @extents: of each ring that packets come from, by number, @rings of them
 * @nanoseconds: messages carry ts_nsec
 * @sent: messages
 */
struct run {
	struct stream *stream;
	struct extents *extents;
	unsigned int rings;
	bool nanoseconds;
	unsigned int sent;
	struct run_base bases[PCAPRING_RINGS_MAX];
};

/* Stream and extents outlive it. */
void run_init(struct run *run, struct stream *stream, struct extents *extents,
	      unsigned int rings, bool nanoseconds);

/* Start a call, as stream_open() does; there is none. */
struct stream_call *run_call(struct run *run, const struct metadata *metadata, bool wait,
			     void *context);

/* Send a packet, as stream_send() does. Returns the message's size in bytes. */
uint32_t run_send(struct run *run, struct stream_call *call, const struct packet *packet,
		  bool last);

/* The call has ended, or there will be none: only messages refer to rings now. */
void run_let_go(struct run *run);

#endif
