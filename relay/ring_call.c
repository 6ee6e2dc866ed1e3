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
#include "rate.h"
#include "reader.h"
#include "relay.h"
#include "spool/spool.h"
#include "status.h"
#include "stream.h"

#define RING_CALL_METHOD	"/pcapring.v1.Collector/Stream"
/* Larger gains nothing, and receivers refuse messages above 4 MiB. */
#define RING_CALL_EXTENT_MAX	(1 << 20)
/* A call that was welcome for so long, or acknowledged, is tried again at once. */
#define RING_CALL_LIVED		CLOCK_SECOND
/* A collector that acknowledges nothing more for so long stays away. */
#define RING_CALL_AWAY		(2 * CLOCK_SECOND)
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
	if (records->config->feed)
		return "what it has not acknowledged waits";
	return records->config->spool ?
	       "what it has not acknowledged waits in the ring, then in the spool" :
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

/* What is the collector's is safe, and what is in the spool; tails never go back. */
static void ring_call_secure(struct ring_call *ring)
{
	struct reader_ring *positions = ring->ring;
	uint64_t spooled = ring_source_spooled(&ring->source);

	positions->safe = ring->acked > positions->tail ? ring->acked : positions->tail;
	if (spooled > positions->safe)
		positions->safe = spooled;
}

/* Between Hello and Welcome there has to be what the collector was told. */
void ring_call_free(struct ring_call *ring)
{
	if (ring->source.past)
		return;
	ring_call_secure(ring);
	if (ring->state != RING_CALL_ASKING ||
	    ring_source_keeps(&ring->source, ring->asked_tail, ring->ring->safe))
		ring_call_release(ring->ring, ring->source.extents);
}

/* The page belongs to the kernel, which does not look at the notes. */
static void ring_call_note(struct ring_call *ring)
{
	notes_write(&ring->notes, ring->ring->consumer->notes);
}

/* All that the ring will ever hold is there already. */
static bool ring_call_is_ending(const struct ring_call *ring)
{
	return ring->source.past || ring->records->ending;
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
	ring->kept = false;
	ring->call = stream_open(ring->records->config->stream, RING_CALL_METHOD,
				 ring->wait, ring);
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
	exclude_peer(exclude, ring->number, peer);
}

void ring_call_on_opened(struct ring_call *ring)
{
	if (ring->state != RING_CALL_OPENING)
		return;
	ring_call_exclude_peer(ring);
	ring_call_free(ring);
	/* What was acknowledged, but is referred to, is not safe with another one. */
	ring->acked = ring_source_tail(&ring->source);
	ring_call_secure(ring);
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

	/* it had more of that ring than was left of it */
	if (ring->source.past && start > ring->asked_head)
		ring->ring->head = ring->asked_head = start;
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
	ring->moved_at = ring->welcome_at;
	ring->held = start;
	ring->told = 0;
	ring->complete = 0;
	ring_call_enter(ring, RING_CALL_STREAMING, records->alive);
	records_progress(records);
}

/* When the record at @position was captured, nanoseconds since 1970; 0: nobody knows. */
static uint64_t ring_call_captured_at(const struct ring_call *ring, uint64_t position)
{
	const struct status *status = ring->records->config->status;

	return status && !ring->source.past ?
	       status_captured_at(status, ring->index, position) : 0;
}

/* The first byte that the collector does not have. */
static uint64_t ring_call_first(const struct ring_call *ring)
{
	uint64_t tail = ring_source_tail(&ring->source);

	return ring->acked > tail ? ring->acked : tail;
}

void ring_call_wait(const struct ring_call *ring, struct status_wait *wait)
{
	uint64_t head = __atomic_load_n(&ring->ring->producer->head, __ATOMIC_ACQUIRE);
	uint64_t first = ring_call_first(ring);

	*wait = (struct status_wait) {};
	if (first >= head)
		return;
	wait->bytes = head - first;
	wait->oldest = first < ring->ring->tail ? ring->spooled_since :
						  ring_call_captured_at(ring, first);
	/* what came since heads were loaded last is not older than that */
	if (!wait->oldest && first >= ring->ring->tail)
		wait->oldest = ring->records->stamp;
}

/* Nobody looks into files for times: what was spooled tells when it was written. */
static void ring_call_advance_spooled(struct ring_call *ring)
{
	if (ring->spooled_end && ring->acked >= ring->spooled_end) {
		ring->spooled_since = ring->spooled_next;
		ring->spooled_end = 0;
	}
	if (!ring_source_spooled(&ring->source))
		ring->spooled_since = 0;
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
	if (offset <= ring->acked) {
		ring_call_free(ring);
		return;
	}
	ring->moved_at = clock_now();
	ring->lived = true;
	ring->complained = false;
	ring->backoff = (struct backoff) {};
	status_arrived(ring->records->config->status,
		       ring_call_captured_at(ring, ring->acked));
	ring->acked = offset;
	ring_source_acknowledge(&ring->source, offset);
	ring_call_advance_spooled(ring);
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
	ring_call_free(ring);
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

/* The time until which the ring is complete, where all of it was sent. */
static uint64_t ring_call_stamp(const struct ring_call *ring)
{
	return ring->source.past ? ring->source.spool->newest.complete_until :
				   ring->records->stamp;
}

/* @complete: said with the message, the last one for now; 0: more will follow. */
static void ring_call_send(struct ring_call *ring, const struct ring_piece *piece,
			   uint32_t size, struct extent *extent, uint64_t complete, bool hint)
{
	const struct encode_records message = {
		.offset = ring->ring->position,
		.dropped = piece->dropped,
		.complete_until = complete,
		.size = size,
	};
	uint8_t prefix[ENCODE_RECORDS_MAX];
	size_t length = encode_records(prefix, &message);

	stream_send_bytes(ring->call, prefix, length, piece->data, size, extent, !hint);
	if (rate_limits(ring->records->config->rate))
		rate_spend(ring->records->config->rate, length + size);
	ring->sending = true;
	ring->told = piece->dropped;
	ring->ring->position += size;
	if (complete) {
		ring->complete = complete;
		ring->mark_at = clock_now() + RING_CALL_MARK;
	}
}

static void ring_call_send_mark(struct ring_call *ring)
{
	const struct ring_piece nothing = { .dropped = ring->dropped };

	ring_call_send(ring, &nothing, 0, NULL, ring_call_stamp(ring), false);
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

/* How much of a piece goes into one message. */
static uint32_t ring_call_size(const struct ring_call *ring, const struct ring_piece *piece)
{
	const struct rate *rate = ring->records->config->rate;
	uint64_t size = piece->spooled ? RING_CALL_EXTENT_MAX : (ring->ring->mask + 1) / 8;

	if (size > RING_CALL_EXTENT_MAX)
		size = RING_CALL_EXTENT_MAX;
	if (rate_limits(rate) && size > rate_share(rate))
		size = rate_share(rate);
	return size < piece->size ? size : piece->size;
}

/* With a rate each message goes out by itself: the next one may be far away. */
static bool ring_call_is_paced(const struct ring_call *ring)
{
	return rate_limits(ring->records->config->rate);
}

static void ring_call_send_data(struct ring_call *ring)
{
	uint64_t begin = ring->ring->position;
	struct extent *extent = NULL;
	struct ring_piece piece;
	uint64_t complete = 0;
	uint32_t size;

	ring->starved = false;
	if (ring_call_is_paced(ring) && !rate_may(ring->records->config->rate)) {
		ring->records->paced = true;
		return;
	}
	if (!ring_source_piece(&ring->source, begin, &piece))
		return;
	size = ring_call_size(ring, &piece);
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
		complete = piece.spooled ? piece.complete_until : ring_call_stamp(ring);
	ring_call_note_sent(ring, begin + size);
	if (!ring->source.past)
		ring->records->news = ring->records->stamp;
	/* What would follow at once does, unless it cannot. */
	ring_call_send(ring, &piece, size, extent, complete,
		       size < piece.size && !extents_full(piece.extents) &&
		       !ring_call_is_paced(ring));
	if (ring_call_is_paced(ring))
		ring->records->turn = ring->number + 1;
}

bool ring_call_owes_mark(const struct ring_call *ring)
{
	return ring->records->reader->ring_count > 1 && !ring->source.past &&
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

/* A relay that has to end does not empty the spool first. */
static bool ring_call_leaves_off(const struct ring_call *ring)
{
	return ring->records->signalled &&
	       ring->ring->position < ring_source_spooled(&ring->source);
}

/* Another call, at once, with another Hello. */
static void ring_call_renew(struct ring_call *ring)
{
	ring->said = true;
	ring->lived = true;
	ring_call_give_up(ring);
}

/* What follows here is not there: when all before is safe, ask once more. */
static void ring_call_jump(struct ring_call *ring)
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
	ring_call_renew(ring);
}

/*
 * The spool is empty, so the ring counts again: its quarters are acknowledged
 * only where the collector knows its size.
 */
static bool ring_call_outgrew(const struct ring_call *ring)
{
	return ring->filed && !ring_call_is_ending(ring) &&
	       !ring_source_spooled(&ring->source);
}

void ring_call_step(struct ring_call *ring)
{
	if (ring->state != RING_CALL_STREAMING || ring->sending)
		return;
	if (ring_call_leaves_off(ring)) {
		ring->kept = true;
		ring_call_close(ring);
	} else if (ring_call_outgrew(ring)) {
		ring_call_renew(ring);
	} else if (ring_source_has(&ring->source, ring->ring->position)) {
		ring_call_send_data(ring);
	} else if (!ring_call_is_idle(ring)) {
		ring_call_jump(ring);
	} else if (ring_call_is_ending(ring) && ring->told == ring->dropped) {
		/* of what it had before, only an Ack says whether it is safe */
		if (!ring->source.past || ring->acked >= ring->held)
			ring_call_close(ring);
	} else if (ring_call_is_ending(ring) ||
		   (ring_call_owes_mark(ring) && clock_now() >= ring->mark_at)) {
		ring_call_send_mark(ring);
	}
}

/* Does a collector take what the ring holds? Not where it may not have it yet. */
static bool ring_call_is_taken(const struct ring_call *ring)
{
	return !ring_call_is_paced(ring) &&
	       (ring->state == RING_CALL_STREAMING || ring->state == RING_CALL_CLOSING) &&
	       ring->ring->position >= ring_source_spooled(&ring->source) &&
	       clock_now() - ring->moved_at < RING_CALL_AWAY;
}

bool ring_call_owes_spill(const struct ring_call *ring)
{
	const struct reader_ring *positions = ring->ring;

	return ring->source.spool && !ring->source.past &&
	       positions->head - positions->safe > (positions->mask + 1) / 2;
}

void ring_call_spill(struct ring_call *ring, bool all)
{
	struct spool_ring *spool = ring->source.spool;
	const struct reader_ring *positions = ring->ring;
	uint64_t begin = positions->safe, length = positions->head - begin;
	struct spoolfile_stretch stretch = {
		.offset = begin,
		.length = length,
		.dropped = ring->dropped,
		.complete_until = ring->records->stamp,
		.known = ring->notes.known,
	};
	struct extent *extent;

	if (!spool || spool->write || !length)
		return;
	if (!all && (!ring_call_owes_spill(ring) || ring_call_is_taken(ring)))
		return;
	extent = extents_hold(ring->source.extents, begin, positions->head);
	if (!extent)
		return;
	if (!ring->spooled_since)
		ring->spooled_since = ring_call_captured_at(ring, begin);
	memcpy(stretch.collector, ring->notes.collector, sizeof(stretch.collector));
	if (!spool_write(spool, &stretch, reader_at(positions, begin), extent))
		extent_let_go(extent);
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
	ring_call_secure(ring);
	ring_call_read_notes(ring);
	/* of files that were there before: their end, at least */
	if (spool && !spool_empty(spool))
		ring->spooled_since = spool->newest.complete_until;
}
