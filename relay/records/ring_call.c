// SPDX-License-Identifier: MIT
#include "ring_call.h"

#include <inttypes.h>
#include <string.h>

#include "channel/stream.h"
#include "common/log.h"
#include "common/service.h"
#include "relay.h"
#include "ring_keep.h"
#include "source/exclude.h"
#include "source/reader.h"
#include "spool/spool.h"

#define RING_CALL_METHOD	"/pcapring.v1.Collector/Stream"
/* A call that was welcome for so long, or acknowledged, is tried again at once. */
#define RING_CALL_LIVED		CLOCK_SECOND
#define RING_CALL_UNKNOWN \
	"it does not know pcapring.v1; --protocol packet streams to those that do not"

void ring_call_enter(struct ring_call *ring, enum ring_call_state state,
		     int64_t wait)
{
	ring->state = state;
	ring->deadline = wait == CLOCK_NEVER ? CLOCK_NEVER : clock_now() + wait;
}

const char *ring_call_left(const struct records *records)
{
	if (records->config->feed)
		return "what it has not acknowledged waits";
	return records->config->spool ?
	       "what it has not acknowledged waits in the ring, then in the spool" :
	       "what it has not acknowledged waits in the ring";
}

/* The page belongs to the kernel, which does not look at the notes. */
void ring_call_note(struct ring_call *ring)
{
	notes_write(&ring->notes, ring->ring->consumer->notes);
}

/* All that the ring will ever hold is there already. */
bool ring_call_is_ending(const struct ring_call *ring)
{
	return ring->source.past || ring->records->ending;
}

void ring_call_give_up(struct ring_call *ring)
{
	stream_cancel(ring->call);
	ring_call_enter(ring, RING_CALL_ENDING, CLOCK_NEVER);
}

/* The collector does what the protocol does not have: somebody has to look. */
void ring_call_object(struct ring_call *ring, const char *what)
{
	const char *target = ring->records->config->target;

	if (ring->complained)
		log_debug("ring %u: %s %s", ring->index, target, what);
	else
		log_error("ring %u: %s %s; trying again, at most %d s apart",
			  ring->index, target, what, BACKOFF_MAX_MS / 1000);
	service_status("%s %s", target, what);
	ring->complained = true;
	ring->objected = true;
	ring->said = true;
	ring_call_give_up(ring);
}

void ring_call_open(struct ring_call *ring)
{
	ring->said = false;
	ring->objected = false;
	ring->lived = false;
	ring->answered = false;
	ring->starved = false;
	ring->kept = false;
	ring->call = stream_open(ring->records->config->stream, &(struct stream_opening) {
		.method = RING_CALL_METHOD,
		.hears = true,
		.wait = ring->wait,
		.context = ring,
	});
	ring_call_enter(ring, RING_CALL_OPENING, CLOCK_NEVER);
}

/* Grows over all relays of this boot; of an epoch of another, over that, too. */
static uint64_t ring_call_next_generation(const struct ring_call *ring)
{
	struct records *records = ring->records;
	uint64_t now = clock_read(CLOCK_BOOTTIME);

	if (ring->source.past)
		return clock_read(CLOCK_REALTIME);
	records->generation = now > records->generation ? now : records->generation + 1;
	return records->generation;
}

static void ring_call_say_hello(struct ring_call *ring)
{
	const struct ring_epoch *epoch = ring->epoch;
	uint8_t bytes[MESSAGE_HELLO_MAX];
	struct message_hello hello = {
		.ring = ring->index,
		.ring_count = epoch->ring_count,
		.ring_bytes = epoch->ring_bytes,
		.tail = ring_source_tail(&ring->source),
		.head = ring->ring->head,
		.sent = ring->notes.sent,
		.generation = ring_call_next_generation(ring),
		.collector = ring->notes.known ? ring->notes.collector : NULL,
		.metadata = epoch->metadata,
		.resolution = epoch->resolution,
	};

	memcpy(hello.boot_id, epoch->boot_id, sizeof(hello.boot_id));
	memcpy(hello.capture, epoch->capture, sizeof(hello.capture));
	/* with a spool, more than any ring can hold: files, like a savefile */
	ring->filed = hello.ring_bytes && hello.head - hello.tail > hello.ring_bytes;
	if (ring->filed)
		hello.ring_bytes = 0;
	ring->asked_tail = hello.tail;
	ring->asked_head = hello.head;
	stream_send(ring->call, bytes, message_pack_hello(bytes, &hello), NULL, 0, NULL,
		    true);
	ring->sending = true;
}

static void ring_call_exclude_peer(struct ring_call *ring)
{
	struct exclude *exclude = ring->records->config->exclude;
	char peer[EXCLUDE_PEER_MAX];

	if (!exclude)
		return;
	stream_peer(ring->call, peer, sizeof(peer));
	exclude_peer(exclude, ring->number, peer);
}

void ring_call_on_opened(struct ring_call *ring)
{
	if (ring->state != RING_CALL_OPENING)
		return;
	ring_call_exclude_peer(ring);
	ring_keep_free(ring);
	/* What was acknowledged, but is referred to, is not safe with another one. */
	ring->acked = ring_source_tail(&ring->source);
	ring_keep_secure(ring);
	ring_call_say_hello(ring);
	ring_call_enter(ring, RING_CALL_ASKING, ring->records->welcome);
}

void ring_call_on_sent(struct ring_call *ring)
{
	ring->sending = false;
	records_progress(ring->records);
}

/* Everything that the ring will ever hold is safe. */
bool ring_call_is_complete(const struct ring_call *ring)
{
	return ring_call_is_ending(ring) && ring->acked == ring->ring->head;
}

static bool ring_call_is_fallback(const struct ring_call *ring,
				  const struct stream_end *end, enum ring_call_state state)
{
	const struct records *records = ring->records;

	return end->unimplemented && state <= RING_CALL_ASKING &&
	       records->config->fallback && !records->worked && !records->signalled;
}

static void ring_call_say_away(struct ring_call *ring, const struct stream_end *end)
{
	const struct records *records = ring->records;

	if (ring->said)
		return;
	peer_away(records->peer, end, end->unimplemented ?
		  RING_CALL_UNKNOWN :
		  ring_call_left(records), false);
}

/* Call again: at once, once, after one that lived or to say what is the matter. */
static void ring_call_try_again(struct ring_call *ring, const struct stream_end *end,
				enum ring_call_state state)
{
	bool lived = ring->lived && !ring->objected &&
		     (end->unavailable || state == RING_CALL_ENDING);
	bool unreached = state == RING_CALL_OPENING && !ring->wait && !end->refused;

	ring->wait = !lived && ring->records->peer->away;
	if (lived)
		ring->backoff = (struct backoff) {};
	ring_call_enter(ring, RING_CALL_PAUSE, lived || unreached ? 0 :
		      backoff_next(&ring->backoff) * CLOCK_MILLISECOND);
}

static void ring_call_fail(struct ring_call *ring, const struct stream_end *end)
{
	struct records *records = ring->records;

	if (!records->unimplemented && !ring->said)
		log_error("the stream to %s failed: %s; %s%" PRIu64 " bytes are not acknowledged",
			  records->config->target, end->reason,
			  end->unimplemented ? RING_CALL_UNKNOWN "; " : "",
			  ring->ring->head - ring->acked);
	if (records->config->feed && !records->unimplemented)
		records->failed = true;
	ring->state = RING_CALL_DONE;
}

void ring_call_on_ended(struct ring_call *ring)
{
	struct records *records = ring->records;
	const struct stream_end *end = stream_end(records->config->stream);
	enum ring_call_state state = ring->state;

	ring->call = NULL;
	ring->sending = false;
	ring->state = RING_CALL_PAUSE;
	ring->lived |= ring->welcome_at &&
		       clock_now() - ring->welcome_at >= RING_CALL_LIVED;
	ring->welcome_at = 0;
	ring_keep_free(ring);
	if ((state == RING_CALL_CLOSING || records->finishing || ring->source.past) &&
	    ring_call_is_complete(ring)) {
		ring->state = RING_CALL_DONE;
	} else if (state == RING_CALL_CLOSING && ring->kept && !end->code) {
		ring->state = RING_CALL_DONE;
	} else if (ring_call_is_fallback(ring, end, state)) {
		records->unimplemented = true;
		ring->state = RING_CALL_DONE;
	} else if (records->signalled || records->unimplemented ||
		   (records->config->feed && end->refused)) {
		ring_call_fail(ring, end);
	} else {
		ring_call_say_away(ring, end);
		ring_call_try_again(ring, end, state);
	}
}

/* It is known that there is no collector. */
void ring_call_leave(struct ring_call *ring)
{
	ring->said = true;
	ring_call_give_up(ring);
}

/* What notes say of bytes that are not there is not of this ring. */
static void ring_call_read_notes(struct ring_call *ring)
{
	const struct reader_ring *positions = ring->ring;
	struct notes *notes = &ring->notes;
	uint64_t tail = ring_source_tail(&ring->source);

	if (!notes_read(notes, positions->consumer->notes) ||
	    notes->sent < tail || notes->sent > positions->head)
		*notes = (struct notes) { .sent = tail };
	/* Run may have sent more of it */
	if (positions->position != positions->tail && notes->sent < positions->position)
		notes->sent = positions->position;
}

void ring_call_init(struct records *records, unsigned int number,
		    const struct ring_epoch *epoch, unsigned int index,
		    struct reader_ring *positions, struct extents *extents,
		    struct spool_ring *spool)
{
	struct ring_call *ring = &records->rings[number];

	*ring = (struct ring_call) {
		.records = records,
		.epoch = epoch,
		.index = index,
		.number = number,
		.ring = positions,
		.source = {
			.ring = positions,
			.extents = extents,
			.spool = spool,
			.past = !extents,
		},
		.deadline = CLOCK_NEVER,
		.wait = records->peer->away,
	};
	ring->acked = ring_source_tail(&ring->source);
	ring->safe = ring->acked;
	ring_keep_secure(ring);
	ring_call_read_notes(ring);
	/* of files that were there before: their end, at least */
	if (spool && !spool_empty(spool))
		ring->spooled_since = spool->newest.complete_until;
}
