// SPDX-License-Identifier: MIT
#include "ring_call.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/service.h"
#include "encode.h"
#include "exclude.h"
#include "extent.h"
#include "reader.h"
#include "relay.h"
#include "stream.h"

#define RING_CALL_METHOD	"/pcapring.v1.Collector/Stream"
/* Larger gains nothing, and receivers refuse messages above 4 MiB. */
#define RING_CALL_EXTENT_MAX	(1 << 20)
/* A call that was welcome for so long, or acknowledged, is tried again at once. */
#define RING_CALL_LIVED		CLOCK_SECOND
#define RING_CALL_UNKNOWN \
	"it does not know pcapring.v1; --protocol packet streams to those that do not"
#define RING_CALL_COMPLAINT	256	/* bytes */

void ring_call_enter(struct ring_call *ring, enum ring_call_state state,
		     int64_t wait)
{
	ring->state = state;
	ring->deadline = wait == CLOCK_NEVER ? CLOCK_NEVER : clock_now() + wait;
}

const char *ring_call_left(const struct records *records)
{
	return records->config->feed ? "what it has not acknowledged waits" :
				       "what it has not acknowledged waits in the ring";
}

/*
 * Only what is safe, and only where nobody refers to anything before it: tails
 * lie between records, as acknowledged offsets do, while extents begin anywhere.
 */
void ring_call_release(struct reader_ring *ring, struct extents *extents)
{
	if (extents_tail(extents, ring->safe) == ring->safe)
		reader_release(ring, ring->safe);
}

/* Between Hello and Welcome the tail is what the collector was told. */
void ring_call_free(struct ring_call *ring)
{
	if (ring->state != RING_CALL_ASKING)
		ring_call_release(ring->ring, ring->extents);
}

/* The page belongs to the kernel, which does not look at the notes. */
static void ring_call_note(struct ring_call *ring)
{
	notes_write(&ring->notes, ring->ring->consumer->notes);
}

void ring_call_give_up(struct ring_call *ring)
{
	stream_cancel(ring->call);
	ring_call_enter(ring, RING_CALL_ENDING, CLOCK_NEVER);
}

/* The collector does what the protocol does not have: somebody has to look. */
static void ring_call_object(struct ring_call *ring, const char *what)
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
	ring->call = stream_open(ring->records->config->stream, RING_CALL_METHOD,
				 ring->wait, ring);
	ring_call_enter(ring, RING_CALL_OPENING, CLOCK_NEVER);
}

/* Grows over all relays of this boot. */
static uint64_t ring_call_next_generation(struct records *records)
{
	uint64_t now = clock_read(CLOCK_BOOTTIME);

	records->generation = now > records->generation ? now : records->generation + 1;
	return records->generation;
}

static void ring_call_say_hello(struct ring_call *ring)
{
	struct records *records = ring->records;
	const struct records_feed *feed = records->config->feed;
	uint8_t bytes[MESSAGE_HELLO_MAX];
	struct message_hello hello = {
		.ring = ring->index,
		.ring_count = records->reader->ring_count,
		.ring_bytes = feed ? 0 : records->reader->ring_bytes,
		.tail = ring->ring->tail,
		.head = ring->ring->head,
		.sent = ring->notes.sent,
		.generation = ring_call_next_generation(records),
		.collector = ring->notes.known ? ring->notes.collector : NULL,
		.metadata = &records->metadata,
		.resolution = feed ? feed->resolution : 0,
	};

	memcpy(hello.boot_id, records->boot_id, sizeof(hello.boot_id));
	memcpy(hello.capture, records->reader->info->uuid, sizeof(hello.capture));
	ring->asked_tail = hello.tail;
	ring->asked_head = hello.head;
	stream_send_bytes(ring->call, bytes, message_pack_hello(bytes, &hello), NULL, 0,
			  NULL, true);
	ring->sending = true;
}

static void ring_call_exclude_peer(struct ring_call *ring)
{
	struct exclude *exclude = ring->records->config->exclude;
	char peer[EXCLUDE_PEER_MAX];

	if (!exclude)
		return;
	stream_peer(ring->call, peer, sizeof(peer));
	exclude_peer(exclude, ring->index, peer);
}

void ring_call_on_opened(struct ring_call *ring)
{
	struct reader_ring *positions = ring->ring;

	if (ring->state != RING_CALL_OPENING)
		return;
	ring_call_exclude_peer(ring);
	ring_call_free(ring);
	/* What was acknowledged, but is referred to, is not safe with another one. */
	positions->safe = positions->tail;
	ring_call_say_hello(ring);
	ring_call_enter(ring, RING_CALL_ASKING, ring->records->welcome);
}

/* Who consumed what, where Welcome and Hello do not meet. */
static void ring_call_account(struct ring_call *ring,
			      const struct message_answer *welcome, uint64_t start)
{
	struct records *records = ring->records;
	struct notes *notes = &ring->notes;
	bool other = notes->known && memcmp(notes->collector, welcome->collector,
					    NOTES_ID_BYTES);

	if (!welcome->new_epoch && welcome->offset < ring->asked_tail) {
		records->counts->elsewhere += ring->asked_tail - welcome->offset;
		log_warning("ring %u: %" PRIu64 " bytes that %s does not have were consumed elsewhere",
			    ring->index, ring->asked_tail - welcome->offset,
			    records->config->target);
	}
	if (other && notes->sent > start) {
		records->counts->twice += notes->sent - start;
		log_warning("ring %u: %s is not the collector of the call before: %" PRIu64 " bytes that were sent to that one may be there twice",
			    ring->index, records->config->target, notes->sent - start);
	}
	notes->known = true;
	memcpy(notes->collector, welcome->collector, NOTES_ID_BYTES);
	if (notes->sent < start)
		notes->sent = start;
	ring_call_note(ring);
}

static void ring_call_on_welcome(struct ring_call *ring,
				 const struct message_answer *welcome)
{
	struct records *records = ring->records;
	uint64_t start = welcome->offset;
	char what[RING_CALL_COMPLAINT];

	if (start > ring->asked_head) {
		snprintf(what, sizeof(what), "says that it holds bytes up to %" PRIu64 " of a ring that ends at %" PRIu64 ": its journal is not of this ring",
			 start, ring->asked_head);
		ring_call_object(ring, what);
		return;
	}
	if (start < ring->asked_tail)
		start = ring->asked_tail;
	ring_call_account(ring, welcome, start);
	if (!records->worked && !welcome->durable)
		log_info("%s acknowledges what it wrote, safe or not: at most once",
			 records->config->target);
	records->worked = true;
	if (!records->peer->connected || records->peer->away)
		records->counts->reconnects += peer_connected(records->peer);
	ring->ring->position = start;
	ring->welcome_at = clock_now();
	ring->told = 0;
	ring->complete = 0;
	ring_call_enter(ring, RING_CALL_STREAMING, records->alive);
	records_progress(records);
}

/* Before it has synced what it had at Welcome, it may be below that, or the tail. */
static void ring_call_on_ack(struct ring_call *ring, uint64_t offset)
{
	if (offset > ring->ring->position || (ring->answered && offset < ring->ack)) {
		char what[RING_CALL_COMPLAINT];

		snprintf(what, sizeof(what), "acknowledges bytes up to %" PRIu64 ", where %" PRIu64 " were sent and %" PRIu64 " acknowledged",
			 offset, ring->ring->position, ring->answered ? ring->ack : 0);
		ring_call_object(ring, what);
		return;
	}
	ring_call_enter(ring, ring->state, ring->records->alive);
	ring->answered = true;
	ring->ack = offset;
	if (offset <= ring->ring->safe) {
		ring_call_free(ring);
		return;
	}
	ring->lived = true;
	ring->complained = false;
	ring->backoff = (struct backoff) {};
	ring->ring->safe = offset;
	if (offset > ring->safe) {
		ring->records->counts->acknowledged += offset - ring->safe;
		ring->safe = offset;
	}
	ring_call_free(ring);
	records_progress(ring->records);
}

void ring_call_on_received(struct ring_call *ring)
{
	uint8_t bytes[MESSAGE_ANSWER_MAX];
	size_t length = stream_take(ring->call, bytes, sizeof(bytes));
	struct message_answer answer;
	enum message_kind kind = MESSAGE_NEITHER;

	if (ring->state == RING_CALL_ENDING)
		return;
	if (length <= sizeof(bytes))
		kind = message_unpack(&answer, bytes, length);
	if (kind == MESSAGE_WELCOME && ring->state == RING_CALL_ASKING) {
		ring_call_on_welcome(ring, &answer);
	} else if (kind == MESSAGE_ACK && (ring->state == RING_CALL_STREAMING ||
					   ring->state == RING_CALL_CLOSING)) {
		ring_call_on_ack(ring, answer.offset);
	} else {
		ring_call_object(ring, "sends what pcapring.v1 does not have");
	}
}

void ring_call_on_sent(struct ring_call *ring)
{
	ring->sending = false;
	records_progress(ring->records);
}

/* Everything that the ring will ever hold is safe. */
bool ring_call_is_complete(const struct ring_call *ring)
{
	return ring->records->ending && ring->ring->safe == ring->ring->head;
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
			  ring->ring->head - ring->ring->safe);
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
	ring_call_free(ring);
	if ((state == RING_CALL_CLOSING || records->deleted) && ring_call_is_complete(ring)) {
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

/* The message is the last one for now: it says how far the ring is complete. */
static void ring_call_send(struct ring_call *ring, uint32_t size, struct extent *extent,
			   bool last, bool hint)
{
	const struct records *records = ring->records;
	const struct encode_records message = {
		.offset = ring->ring->position,
		.dropped = ring->dropped,
		.complete_until = last ? records->stamp : 0,
		.size = size,
	};
	uint8_t prefix[ENCODE_RECORDS_MAX];
	size_t length = encode_records(prefix, &message);

	stream_send_bytes(ring->call, prefix, length,
			  reader_at(ring->ring, ring->ring->position), size, extent,
			  !hint);
	ring->sending = true;
	ring->told = ring->dropped;
	ring->ring->position += size;
	if (last) {
		ring->complete = records->stamp;
		ring->mark_at = clock_now() + RING_CALL_MARK;
	}
}

/* Nothing goes out that the next relay would not know of. */
static void ring_call_note_sent(struct ring_call *ring, uint64_t end)
{
	uint64_t begin = ring->ring->position, before = ring->notes.sent;

	if (begin < before)
		ring->records->counts->again += (end < before ? end : before) - begin;
	if (end <= before)
		return;
	ring->notes.sent = end;
	ring_call_note(ring);
}

static void ring_call_send_data(struct ring_call *ring)
{
	struct reader_ring *positions = ring->ring;
	uint64_t left = positions->head - positions->position;
	uint64_t size = (positions->mask + 1) / 8;
	struct extent *extent = NULL;

	if (size > RING_CALL_EXTENT_MAX)
		size = RING_CALL_EXTENT_MAX;
	if (size > left)
		size = left;
	ring->starved = false;
	if (size >= STREAM_REFER_BYTES) {
		extent = extents_hold(ring->extents, positions->position,
				      positions->position + size);
		if (!extent) {
			ring->starved = true;
			return;
		}
	}
	ring_call_note_sent(ring, positions->position + size);
	ring->records->news = ring->records->stamp;
	/* What would follow at once does, unless it cannot. */
	ring_call_send(ring, size, extent, size == left,
		       size < left && !extents_full(ring->extents));
}

bool ring_call_owes_mark(const struct ring_call *ring)
{
	return ring->records->reader->ring_count > 1 &&
	       ring->complete < ring->records->news;
}

static void ring_call_close(struct ring_call *ring)
{
	stream_half_close(ring->call);
	ring_call_enter(ring, RING_CALL_CLOSING, ring->records->alive);
}

bool ring_call_is_idle(const struct ring_call *ring)
{
	return ring->state == RING_CALL_STREAMING && !ring->sending &&
	       ring->ring->position == ring->ring->head;
}

void ring_call_step(struct ring_call *ring)
{
	if (ring->state != RING_CALL_STREAMING || ring->sending)
		return;
	if (!ring_call_is_idle(ring))
		ring_call_send_data(ring);
	else if (ring->records->ending && ring->told == ring->dropped)
		ring_call_close(ring);
	else if (ring->records->ending ||
		 (ring_call_owes_mark(ring) && clock_now() >= ring->mark_at))
		ring_call_send(ring, 0, NULL, true, false);
}

/* It is known that there is no collector. */
void ring_call_leave(struct ring_call *ring)
{
	ring->said = true;
	ring_call_give_up(ring);
}

void ring_call_init(struct records *records, unsigned int index)
{
	struct ring_call *ring = &records->rings[index];
	struct reader_ring *positions = &records->reader->rings[index];
	struct notes *notes = &ring->notes;

	ring->records = records;
	ring->index = index;
	ring->ring = positions;
	ring->extents = &records->config->extents[index];
	ring->deadline = CLOCK_NEVER;
	ring->wait = records->peer->away;
	ring->safe = positions->tail;
	positions->safe = positions->tail;
	/* what notes say of bytes that are not there is not of this ring */
	if (!notes_read(notes, positions->consumer->notes) ||
	    notes->sent < positions->tail || notes->sent > positions->head)
		*notes = (struct notes) { .sent = positions->tail };
	/* Run may have sent more of it */
	if (notes->sent < positions->position)
		notes->sent = positions->position;
}
