/* SPDX-License-Identifier: MIT */
/*
 * A ring and its call: Hello, Welcome, Records, Acks, and the next call when one
 * ends. What all rings of a run share is struct records; records.c runs them.
 */
#ifndef RELAY_RING_CALL_H
#define RELAY_RING_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "channel/backoff.h"
#include "channel/peer.h"
#include "clock.h"
#include "feedback.h"
#include "message.h"
#include "notes.h"
#include "records.h"
#include "ring_source.h"

struct past;
struct reader_ring;
struct spool_ring;
struct status_wait;
struct stream_call;

enum ring_call_state {
	RING_CALL_PAUSE,		/* no call; one is made at the deadline */
	RING_CALL_OPENING,	/* a call waits for its connection */
	RING_CALL_ASKING,		/* Hello was sent: Welcome, or dead at the deadline */
	RING_CALL_STREAMING,	/* bytes flow; dead at the deadline */
	RING_CALL_CLOSING,	/* half-closed: waits for Acks and the status */
	RING_CALL_ENDING,		/* given up: waits for its end */
	RING_CALL_DONE		/* no more calls */
};

/**
 * struct ring_epoch - what the calls of a capture's rings say of it in Hello
 * @metadata: of the run, or of the spool
 */
struct ring_epoch {
	uint8_t boot_id[MESSAGE_ID_BYTES];
	uint8_t capture[MESSAGE_ID_BYTES];
	uint32_t ring_count;
	uint64_t ring_bytes;
	int resolution;
	const struct metadata *metadata;
};

/**
 * struct ring_call - a ring and its call
 * @records: the run
 * @epoch: whose ring it is
 * @index: the ring's number; @number: the call's, of the run
 * @ring: positions; its position is the end of what the call sent
 * @source: where the bytes are
 * @state: and until when, CLOCK_MONOTONIC nanoseconds; CLOCK_NEVER: for ever
 * @call: where the state has one
 * @wait: the next call waits for the collector
 * @sending: a message of the call is under way
 * @starved: all extents are held
 * @filed: Hello told no ring_bytes, because of the spool
 * @kept: it was ended before all was sent, which the spool keeps
 * @lived: the call was taken
 * @said: it was told why the call is given up
 * @objected: because the collector does what it must not; @complained: which
 *	is told once, until an Ack is right again
 * @welcome_at: when it came
 * @asked_tail, @asked_head: as in Hello; @held: where the collector stood then
 * @moved_at: when Welcome, or an Ack of more, came
 * @answered: an Ack came, the last one with offset @ack
 * @acked: everything before it is the collector's
 * @safe: the highest offset that was ever acknowledged in this run
 * @dropped: the ring's counter; @told of it to the collector
 * @complete: how far the ring was said to be complete, at @mark_at
 * @spooled_since: when the oldest of what went to the spool, and waits there, was
 *	captured, nanoseconds since 1970, or before; 0: nobody knows
 * @spooled_end: once everything before this offset is the collector's, it is
 *	@spooled_next; 0: there is no such offset
 */
struct ring_call {
	struct records *records;
	const struct ring_epoch *epoch;
	unsigned int index;
	unsigned int number;
	struct reader_ring *ring;
	struct ring_source source;
	enum ring_call_state state;
	int64_t deadline;
	struct stream_call *call;
	bool wait;
	bool sending;
	bool starved;
	bool filed;
	bool kept;
	bool lived;
	bool said;
	bool objected;
	bool complained;
	int64_t welcome_at;
	uint64_t asked_tail;
	uint64_t asked_head;
	uint64_t held;
	int64_t moved_at;
	bool answered;
	uint64_t ack;
	uint64_t acked;
	uint64_t safe;
	uint64_t dropped;
	uint64_t told;
	uint64_t complete;
	int64_t mark_at;
	uint64_t spooled_since;
	uint64_t spooled_end;
	uint64_t spooled_next;
	struct notes notes;
	struct backoff backoff;
};

/**
 * struct records - a run
 * @rings: those of the capture, then those of an epoch that is @past
 * @count: of them
 * @epoch: the capture's
 * @own: the peer where nobody gave one
 * @alive, @welcome, @patience: limits of the configuration, nanoseconds
 * @generation: of the last call
 * @stamp: CLOCK_REALTIME before heads were loaded last
 * @news: the stamp of what was sent last, of any ring
 * @look_at: when rings have to be looked at though nothing happened
 * @patience_at: when a run that has to end gives up
 * @described: the link type is known
 * @waits: it was told that it is not
 * @turn: which ring may send first
 * @paced: one has something to send, too early for the rate
 * @armed: the watch will tell when there is more
 * @dry: the feed has nothing now
 * @signalled: a signal came: no more calls
 * @finishing: no more will come: what is there is sent until all of it is safe
 * @deleted: because the capture was
 * @ending: what the rings hold is all that will come
 * @broken: the source is
 * @failed: the collector refuses what cannot wait
 * @worked: a Welcome came
 * @unimplemented: the receiver does not know the method
 */
struct records {
	const struct records_config *config;
	struct reader *reader;
	struct relay_counts *counts;
	struct peer *peer;
	struct peer own;
	struct metadata metadata;
	struct ring_call *rings;
	unsigned int count;
	struct ring_epoch epoch;
	struct past *past;
	struct feedback feedback;
	int64_t alive;
	int64_t welcome;
	int64_t patience;
	uint64_t generation;
	uint64_t stamp;
	uint64_t news;
	int64_t look_at;
	int64_t patience_at;
	bool described;
	bool waits;
	unsigned int turn;
	bool paced;
	bool armed;
	bool dry;
	bool signalled;
	bool finishing;
	bool deleted;
	bool ending;
	bool broken;
	bool failed;
	bool worked;
	bool unimplemented;
};

/* A run that has to end goes on as long as something moves. */
static inline void records_progress(struct records *records)
{
	if (records->signalled)
		records->patience_at = clock_now() + records->patience;
}

/*
 * Number @number of the run, for ring @index of @epoch, as the ring lies, with
 * what the notes on its page say. @spool: what there is of it; NULL: none.
 * @extents: the ring's; NULL: it is past. No call yet.
 */
void ring_call_init(struct records *records, unsigned int number,
		    const struct ring_epoch *epoch, unsigned int index,
		    struct reader_ring *positions, struct extents *extents,
		    struct spool_ring *spool);

/* A state, and for how long at most: nanoseconds, or CLOCK_NEVER. */
void ring_call_enter(struct ring_call *ring, enum ring_call_state state, int64_t wait);

/* Make a call; there is none. */
void ring_call_open(struct ring_call *ring);

/* What stream_wait() tells of the call; ring_answer.h has what was received. */
void ring_call_on_opened(struct ring_call *ring);
void ring_call_on_sent(struct ring_call *ring);
void ring_call_on_ended(struct ring_call *ring);

/* All that the ring will ever hold is there already. */
bool ring_call_is_ending(const struct ring_call *ring);

/* Everything that the ring will ever hold is safe. */
bool ring_call_is_complete(const struct ring_call *ring);

/* Cancel; RING_CALL_ENDING until it has ended. */
void ring_call_give_up(struct ring_call *ring);

/* The same because the collector does what the protocol does not have. */
void ring_call_object(struct ring_call *ring, const char *what);

/* The same where it is known that there is no collector. */
void ring_call_leave(struct ring_call *ring);

/* Write its notes, for relays to come. */
void ring_call_note(struct ring_call *ring);

/* What becomes of what was not acknowledged, for people. */
const char *ring_call_left(const struct records *records);

#endif
