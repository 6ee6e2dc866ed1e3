// SPDX-License-Identifier: MIT
#include "ring_send.h"

#include <inttypes.h>

#include "channel/encode.h"
#include "channel/extent.h"
#include "channel/stream.h"
#include "common/log.h"
#include "rate.h"
#include "relay.h"
#include "source/reader.h"
#include "spool/spool.h"

/* Larger gains nothing, and receivers refuse messages above 4 MiB. */
#define RING_SEND_EXTENT_MAX	(1 << 20)
/* An idle ring says how far it is complete no more often than this. */
#define RING_SEND_MARK		(20 * CLOCK_MILLISECOND)

/* The time until which the ring is complete, where all of it was sent. */
static uint64_t ring_send_stamp(const struct ring_call *ring)
{
	return ring->source.past ? ring->source.spool->newest.complete_until :
				   ring->records->stamp;
}

/* @complete: said with the message, the last one for now; 0: more will follow. */
static void ring_send_message(struct ring_call *ring, const struct ring_piece *piece,
			      uint32_t size, struct extent *extent, uint64_t complete,
			      bool hint)
{
	const struct encode_records message = {
		.offset = ring->ring->position,
		.dropped = piece->dropped,
		.complete_until = complete,
		.size = size,
	};
	uint8_t prefix[ENCODE_RECORDS_MAX];
	size_t length = encode_records(prefix, &message);

	stream_send(ring->call, prefix, length, piece->data, size, extent, !hint);
	if (rate_limits(ring->records->config->rate))
		rate_spend(ring->records->config->rate, length + size);
	ring->sending = true;
	ring->told = piece->dropped;
	ring->ring->position += size;
	if (complete) {
		ring->complete = complete;
		ring->mark_at = clock_now() + RING_SEND_MARK;
	}
}

static void ring_send_mark(struct ring_call *ring)
{
	const struct ring_piece nothing = { .dropped = ring->dropped };

	ring_send_message(ring, &nothing, 0, NULL, ring_send_stamp(ring), false);
}

/* Nothing goes out that the next relay would not know of. */
static void ring_send_note(struct ring_call *ring, uint64_t end)
{
	uint64_t begin = ring->ring->position, before = ring->notes.sent;

	if (begin < before)
		ring->records->counts->again += (end < before ? end : before) - begin;
	if (end <= before)
		return;
	ring->notes.sent = end;
	ring_call_note(ring);
}

/* How much of a piece goes into one message. */
static uint32_t ring_send_size(const struct ring_call *ring, const struct ring_piece *piece)
{
	const struct rate *rate = ring->records->config->rate;
	uint64_t size = piece->spooled ? RING_SEND_EXTENT_MAX : (ring->ring->mask + 1) / 8;

	if (size > RING_SEND_EXTENT_MAX)
		size = RING_SEND_EXTENT_MAX;
	if (rate_limits(rate) && size > rate_share(rate))
		size = rate_share(rate);
	return size < piece->size ? size : piece->size;
}

/* With a rate each message goes out by itself: the next one may be far away. */
static bool ring_send_is_paced(const struct ring_call *ring)
{
	return rate_limits(ring->records->config->rate);
}

static void ring_send_data(struct ring_call *ring)
{
	uint64_t begin = ring->ring->position;
	struct extent *extent = NULL;
	struct ring_piece piece;
	uint64_t complete = 0;
	uint32_t size;

	ring->starved = false;
	if (ring_send_is_paced(ring) && !rate_may(ring->records->config->rate)) {
		ring->records->paced = true;
		return;
	}
	if (!ring_source_piece(&ring->source, begin, &piece))
		return;
	size = ring_send_size(ring, &piece);
	if (size >= STREAM_REFER_BYTES) {
		extent = extents_hold(piece.extents, begin, begin + size);
		if (!extent) {
			ring->starved = true;
			return;
		}
	}
	if (!piece.spooled)
		piece.dropped = ring->dropped;
	if (piece.spooled && size == piece.size && !ring->spooled_end) {
		ring->spooled_end = begin + size;
		ring->spooled_next = piece.complete_until;
	}
	if (size == piece.size)
		complete = piece.spooled ? piece.complete_until : ring_send_stamp(ring);
	ring_send_note(ring, begin + size);
	if (!ring->source.past)
		ring->records->news = ring->records->stamp;
	/* What would follow at once does, unless it cannot. */
	ring_send_message(ring, &piece, size, extent, complete,
			  size < piece.size && !extents_full(piece.extents) &&
			  !ring_send_is_paced(ring));
	if (ring_send_is_paced(ring))
		ring->records->turn = ring->number + 1;
}

bool ring_send_owes_mark(const struct ring_call *ring)
{
	return ring->records->reader->ring_count > 1 && !ring->source.past &&
	       ring->complete < ring->records->news;
}

static void ring_send_close(struct ring_call *ring)
{
	stream_half_close(ring->call);
	ring_call_enter(ring, RING_CALL_CLOSING, ring->records->alive);
}

bool ring_send_is_idle(const struct ring_call *ring)
{
	return ring->state == RING_CALL_STREAMING && !ring->sending &&
	       ring->ring->position == ring->ring->head;
}

/* A relay that has to end does not empty the spool first. */
static bool ring_send_leaves_off(const struct ring_call *ring)
{
	return ring->records->signalled &&
	       ring->ring->position < ring_source_spooled(&ring->source);
}

/* Another call, at once, with another Hello. */
static void ring_send_renew(struct ring_call *ring)
{
	ring->said = true;
	ring->lived = true;
	ring_call_give_up(ring);
}

/* What follows here is not there: when all before is safe, ask once more. */
static void ring_send_jump(struct ring_call *ring)
{
	if (ring->acked < ring->ring->position)
		return;
	/* the end of what is past was damaged: this is the end */
	if (ring->source.past && ring_source_spooled(&ring->source) <= ring->ring->position) {
		ring->ring->head = ring->ring->position;
		return;
	}
	log_debug("ring %u: nothing is left between %" PRIu64 " and %" PRIu64,
		  ring->index, ring->ring->position, ring_source_tail(&ring->source));
	ring_send_renew(ring);
}

/*
 * The spool is empty, so the ring counts again: its quarters are acknowledged
 * only where the collector knows its size.
 */
static bool ring_send_outgrew(const struct ring_call *ring)
{
	return ring->filed && !ring_call_is_ending(ring) &&
	       !ring_source_spooled(&ring->source);
}

void ring_send_step(struct ring_call *ring)
{
	if (ring->state != RING_CALL_STREAMING || ring->sending)
		return;
	if (ring_send_leaves_off(ring)) {
		ring->kept = true;
		ring_send_close(ring);
	} else if (ring_send_outgrew(ring)) {
		ring_send_renew(ring);
	} else if (ring_source_has(&ring->source, ring->ring->position)) {
		ring_send_data(ring);
	} else if (!ring_send_is_idle(ring)) {
		ring_send_jump(ring);
	} else if (ring_call_is_ending(ring) && ring->told == ring->dropped) {
		/* of what it had before, only an Ack says whether it is safe */
		if (!ring->source.past || ring->acked >= ring->held)
			ring_send_close(ring);
	} else if (ring_call_is_ending(ring) ||
		   (ring_send_owes_mark(ring) && clock_now() >= ring->mark_at)) {
		ring_send_mark(ring);
	}
}
