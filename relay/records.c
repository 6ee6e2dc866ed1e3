// SPDX-License-Identifier: MIT
#include "records.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "backoff.h"
#include "common/log.h"
#include "common/service.h"
#include "encode.h"
#include "exclude.h"
#include "extent.h"
#include "message.h"
#include "notes.h"
#include "peer.h"
#include "reader.h"
#include "relay.h"
#include "stream.h"
#include "watch.h"

#define RECORDS_METHOD		"/pcapring.v1.Collector/Stream"
#define RECORDS_MILLISECOND	1000000LL
#define RECORDS_SECOND		1000000000LL
#define RECORDS_NEVER		(-1LL)
#define RECORDS_ALIVE_MS	5000
#define RECORDS_WELCOME_MS	20000
#define RECORDS_PATIENCE_MS	10000
/* Larger gains nothing, and receivers refuse messages above 4 MiB. */
#define RECORDS_EXTENT_MAX	(1 << 20)
/* A call that was welcome for so long, or acknowledged, is tried again at once. */
#define RECORDS_LIVED		RECORDS_SECOND
/* An idle ring says how far it is complete no more often than this. */
#define RECORDS_MARK		(20 * RECORDS_MILLISECOND)
#define RECORDS_UNKNOWN \
	"it does not know pcapring.v1; --protocol packet streams to those that do not"
#define RECORDS_COMPLAINT	256	/* bytes */
/* Rings that nobody wakes for are looked at so often. */
#define RECORDS_LOOK		(10 * RECORDS_MILLISECOND)

enum records_state {
	RECORDS_PAUSE,		/* no call; one is made at the deadline */
	RECORDS_OPENING,	/* a call waits for its connection */
	RECORDS_ASKING,		/* Hello was sent: Welcome, or dead at the deadline */
	RECORDS_STREAMING,	/* bytes flow; dead at the deadline */
	RECORDS_CLOSING,	/* half-closed: waits for Acks and the status */
	RECORDS_ENDING,		/* given up: waits for its end */
	RECORDS_DONE		/* no more calls */
};

/**
 * struct records_ring - a ring and its call
 * @records: the run
 * @index: the ring's number
 * @ring: positions; its position is the end of what the call sent
 * @state: and until when, CLOCK_MONOTONIC nanoseconds; RECORDS_NEVER: for ever
 * @call: where the state has one
 * @wait: the next call waits for the collector
 * @sending: a message of the call is under way
 * @starved: all extents are held
 * @lived: the call was taken
 * @said: it was told why the call is given up
 * @objected: because the collector does what it must not; @complained: which
 *	is told once, until an Ack is right again
 * @welcome_at: when it came
 * @asked_tail, @asked_head: as in Hello
 * @answered: an Ack came, the last one with offset @ack
 * @safe: the highest offset that was ever acknowledged in this run
 * @dropped: the ring's counter; @told of it to the collector
 * @complete: how far the ring was said to be complete, at @mark_at
 */
struct records_ring {
	struct records *records;
	unsigned int index;
	struct reader_ring *ring;
	struct extents *extents;
	enum records_state state;
	int64_t deadline;
	struct stream_call *call;
	bool wait;
	bool sending;
	bool starved;
	bool lived;
	bool said;
	bool objected;
	bool complained;
	int64_t welcome_at;
	uint64_t asked_tail;
	uint64_t asked_head;
	bool answered;
	uint64_t ack;
	uint64_t safe;
	uint64_t dropped;
	uint64_t told;
	uint64_t complete;
	int64_t mark_at;
	struct notes notes;
	struct backoff backoff;
};

/**
 * struct records - a run
 * @own: the peer where nobody gave one
 * @generation: of the last call
 * @stamp: CLOCK_REALTIME before heads were loaded last
 * @news: the stamp of what was sent last, of any ring
 * @look_at: when rings have to be looked at though nothing happened
 * @patience_at: when a run that has to end gives up
 * @described: the link type is known
 * @waits: it was told that it is not
 * @armed: the watch will tell when there is more
 * @dry: the feed has nothing now
 * @signalled: a signal came: no more calls
 * @deleted: the capture was
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
	struct records_ring *rings;
	uint8_t boot_id[MESSAGE_ID_BYTES];
	uint64_t generation;
	uint64_t stamp;
	uint64_t news;
	int64_t look_at;
	int64_t patience_at;
	bool described;
	bool waits;
	bool armed;
	bool dry;
	bool signalled;
	bool deleted;
	bool ending;
	bool broken;
	bool failed;
	bool worked;
	bool unimplemented;
};

static uint64_t records_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * RECORDS_SECOND + now.tv_nsec;
}

static int64_t records_now(void)
{
	return records_clock(CLOCK_MONOTONIC);
}

static int64_t records_limit(unsigned int ms, unsigned int otherwise)
{
	return (ms ? ms : otherwise) * RECORDS_MILLISECOND;
}

static void records_enter(struct records_ring *ring, enum records_state state,
			  int64_t wait)
{
	ring->state = state;
	ring->deadline = wait == RECORDS_NEVER ? RECORDS_NEVER : records_now() + wait;
}

static int64_t records_alive(const struct records *records)
{
	return records_limit(records->config->alive_ms, RECORDS_ALIVE_MS);
}

/* A run that has to end goes on as long as something moves. */
static void records_progress(struct records *records)
{
	if (records->signalled)
		records->patience_at = records_now() +
			records_limit(records->config->patience_ms,
				      RECORDS_PATIENCE_MS);
}

static const char *records_left(const struct records *records)
{
	return records->config->feed ? "what it has not acknowledged waits" :
				       "what it has not acknowledged waits in the ring";
}

/*
 * Only what is safe, and only where nobody refers to anything before it: tails
 * lie between records, as acknowledged offsets do, while extents begin anywhere.
 */
static void records_release_ring(struct reader_ring *ring, struct extents *extents)
{
	if (extents_tail(extents, ring->safe) == ring->safe)
		reader_release(ring, ring->safe);
}

void records_release(struct reader *reader, struct extents *extents)
{
	for (unsigned int i = 0; i < reader->ring_count; i++)
		records_release_ring(&reader->rings[i], &extents[i]);
}

/* Between Hello and Welcome the tail is what the collector was told. */
static void records_free(struct records_ring *ring)
{
	if (ring->state != RECORDS_ASKING)
		records_release_ring(ring->ring, ring->extents);
}

/* The page belongs to the kernel, which does not look at the notes. */
static void records_note(struct records_ring *ring)
{
	notes_write(&ring->notes, ring->ring->consumer->notes);
}

static void records_give_up(struct records_ring *ring)
{
	stream_cancel(ring->call);
	records_enter(ring, RECORDS_ENDING, RECORDS_NEVER);
}

static void records_give_all_up(struct records *records)
{
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		struct records_ring *ring = &records->rings[i];

		if (ring->call && ring->state != RECORDS_ENDING)
			records_give_up(ring);
		else if (ring->state == RECORDS_PAUSE)
			ring->state = RECORDS_DONE;
	}
}

/* The collector does what the protocol does not have: somebody has to look. */
static void records_object(struct records_ring *ring, const char *what)
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
	records_give_up(ring);
}

/* No life on the connection: all its calls go, and the next ones get another. */
static void records_bury(struct records *records, int64_t limit)
{
	struct stream_end end = {};

	snprintf(end.reason, sizeof(end.reason), "nothing was heard for %g s",
		 (double)limit / RECORDS_SECOND);
	peer_away(records->peer, &end, records_left(records), true);
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		struct records_ring *ring = &records->rings[i];

		if (!ring->call || ring->state == RECORDS_ENDING)
			continue;
		ring->said = true;
		records_give_up(ring);
	}
	stream_renew(records->config->stream);
}

static void records_call(struct records_ring *ring)
{
	ring->said = false;
	ring->objected = false;
	ring->lived = false;
	ring->answered = false;
	ring->starved = false;
	ring->call = stream_open(ring->records->config->stream, RECORDS_METHOD,
				 ring->wait, ring);
	records_enter(ring, RECORDS_OPENING, RECORDS_NEVER);
}

/* Grows over all relays of this boot. */
static uint64_t records_next_generation(struct records *records)
{
	uint64_t now = records_clock(CLOCK_BOOTTIME);

	records->generation = now > records->generation ? now : records->generation + 1;
	return records->generation;
}

static void records_say_hello(struct records_ring *ring)
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
		.generation = records_next_generation(records),
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

static void records_exclude_peer(struct records_ring *ring)
{
	struct exclude *exclude = ring->records->config->exclude;
	char peer[EXCLUDE_PEER_MAX];

	if (!exclude)
		return;
	stream_peer(ring->call, peer, sizeof(peer));
	exclude_peer(exclude, ring->index, peer);
}

static void records_on_opened(struct records_ring *ring)
{
	struct reader_ring *positions = ring->ring;

	if (ring->state != RECORDS_OPENING)
		return;
	records_exclude_peer(ring);
	records_free(ring);
	/* What was acknowledged, but is referred to, is not safe with another one. */
	positions->safe = positions->tail;
	records_say_hello(ring);
	records_enter(ring, RECORDS_ASKING,
		      records_limit(ring->records->config->welcome_ms,
				    RECORDS_WELCOME_MS));
}

/* Who consumed what, where Welcome and Hello do not meet. */
static void records_account(struct records_ring *ring,
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
	records_note(ring);
}

static void records_on_welcome(struct records_ring *ring,
			       const struct message_answer *welcome)
{
	struct records *records = ring->records;
	uint64_t start = welcome->offset;
	char what[RECORDS_COMPLAINT];

	if (start > ring->asked_head) {
		snprintf(what, sizeof(what), "says that it holds bytes up to %" PRIu64 " of a ring that ends at %" PRIu64 ": its journal is not of this ring",
			 start, ring->asked_head);
		records_object(ring, what);
		return;
	}
	if (start < ring->asked_tail)
		start = ring->asked_tail;
	records_account(ring, welcome, start);
	if (!records->worked && !welcome->durable)
		log_info("%s acknowledges what it wrote, safe or not: at most once",
			 records->config->target);
	records->worked = true;
	if (!records->peer->connected || records->peer->away)
		records->counts->reconnects += peer_connected(records->peer);
	ring->ring->position = start;
	ring->welcome_at = records_now();
	ring->told = 0;
	ring->complete = 0;
	records_enter(ring, RECORDS_STREAMING, records_alive(records));
	records_progress(records);
}

/* Before it has synced what it had at Welcome, it may be below that, or the tail. */
static void records_on_ack(struct records_ring *ring, uint64_t offset)
{
	if (offset > ring->ring->position || (ring->answered && offset < ring->ack)) {
		char what[RECORDS_COMPLAINT];

		snprintf(what, sizeof(what), "acknowledges bytes up to %" PRIu64 ", where %" PRIu64 " were sent and %" PRIu64 " acknowledged",
			 offset, ring->ring->position, ring->answered ? ring->ack : 0);
		records_object(ring, what);
		return;
	}
	records_enter(ring, ring->state, records_alive(ring->records));
	ring->answered = true;
	ring->ack = offset;
	if (offset <= ring->ring->safe) {
		records_free(ring);
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
	records_free(ring);
	records_progress(ring->records);
}

static void records_on_received(struct records_ring *ring)
{
	uint8_t bytes[MESSAGE_ANSWER_MAX];
	size_t length = stream_take(ring->call, bytes, sizeof(bytes));
	struct message_answer answer;
	enum message_kind kind = MESSAGE_NEITHER;

	if (ring->state == RECORDS_ENDING)
		return;
	if (length <= sizeof(bytes))
		kind = message_unpack(&answer, bytes, length);
	if (kind == MESSAGE_WELCOME && ring->state == RECORDS_ASKING) {
		records_on_welcome(ring, &answer);
	} else if (kind == MESSAGE_ACK && (ring->state == RECORDS_STREAMING ||
					   ring->state == RECORDS_CLOSING)) {
		records_on_ack(ring, answer.offset);
	} else {
		records_object(ring, "sends what pcapring.v1 does not have");
	}
}

static void records_on_sent(struct records_ring *ring)
{
	ring->sending = false;
	records_progress(ring->records);
}

/* Everything that the ring will ever hold is safe. */
static bool records_is_complete(const struct records_ring *ring)
{
	return ring->records->ending && ring->ring->safe == ring->ring->head;
}

static bool records_is_fallback(const struct records_ring *ring,
				const struct stream_end *end, enum records_state state)
{
	const struct records *records = ring->records;

	return end->unimplemented && state <= RECORDS_ASKING &&
	       records->config->fallback && !records->worked && !records->signalled;
}

static void records_say_away(struct records_ring *ring, const struct stream_end *end)
{
	const struct records *records = ring->records;

	if (ring->said)
		return;
	peer_away(records->peer, end, end->unimplemented ?
		  RECORDS_UNKNOWN :
		  records_left(records), false);
}

/* Call again: at once, once, after one that lived or to say what is the matter. */
static void records_try_again(struct records_ring *ring, const struct stream_end *end,
			      enum records_state state)
{
	bool lived = ring->lived && !ring->objected &&
		     (end->unavailable || state == RECORDS_ENDING);
	bool unreached = state == RECORDS_OPENING && !ring->wait && !end->refused;

	ring->wait = !lived && ring->records->peer->away;
	if (lived)
		ring->backoff = (struct backoff) {};
	records_enter(ring, RECORDS_PAUSE, lived || unreached ? 0 :
		      backoff_next(&ring->backoff) * RECORDS_MILLISECOND);
}

static void records_fail(struct records_ring *ring, const struct stream_end *end)
{
	struct records *records = ring->records;

	if (!records->unimplemented && !ring->said)
		log_error("the stream to %s failed: %s; %s%" PRIu64 " bytes are not acknowledged",
			  records->config->target, end->reason,
			  end->unimplemented ? RECORDS_UNKNOWN "; " : "",
			  ring->ring->head - ring->ring->safe);
	if (records->config->feed && !records->unimplemented)
		records->failed = true;
	ring->state = RECORDS_DONE;
}

static void records_on_ended(struct records_ring *ring)
{
	struct records *records = ring->records;
	const struct stream_end *end = stream_end(records->config->stream);
	enum records_state state = ring->state;

	ring->call = NULL;
	ring->sending = false;
	ring->state = RECORDS_PAUSE;
	ring->lived |= ring->welcome_at &&
		       records_now() - ring->welcome_at >= RECORDS_LIVED;
	ring->welcome_at = 0;
	records_free(ring);
	if ((state == RECORDS_CLOSING || records->deleted) && records_is_complete(ring)) {
		ring->state = RECORDS_DONE;
	} else if (records_is_fallback(ring, end, state)) {
		records->unimplemented = true;
		ring->state = RECORDS_DONE;
		records_give_all_up(records);
	} else if (records->signalled || records->unimplemented ||
		   (records->config->feed && end->refused)) {
		records_fail(ring, end);
	} else {
		records_say_away(ring, end);
		records_try_again(ring, end, state);
	}
}

/* Heads, and a time before which nothing more will come into any ring. */
static void records_look(struct records *records)
{
	struct records_feed *feed = records->config->feed;

	/* A receiver that speaks packet_streaming gets the file from its beginning. */
	if (feed && records->worked && !records->ending) {
		enum source_result result = feed->fill(feed);

		records->dry = result == SOURCE_EMPTY;
		records->broken |= result == SOURCE_ERROR;
		records->ending = result == SOURCE_END || result == SOURCE_ERROR;
	}
	records->stamp = feed ? 0 : records_clock(CLOCK_REALTIME);
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		struct records_ring *ring = &records->rings[i];

		if (!reader_load(records->reader, ring->ring)) {
			/* what came before is good */
			records->reader->frozen = true;
			records->broken = true;
			records->ending = true;
		}
		records_free(ring);
		ring->dropped = __atomic_load_n(&ring->ring->producer->count.dropped,
						__ATOMIC_RELAXED);
	}
}

/* The message is the last one for now: it says how far the ring is complete. */
static void records_send(struct records_ring *ring, uint32_t size, struct extent *extent,
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
		ring->mark_at = records_now() + RECORDS_MARK;
	}
}

/* Nothing goes out that the next relay would not know of. */
static void records_note_sent(struct records_ring *ring, uint64_t end)
{
	uint64_t begin = ring->ring->position, before = ring->notes.sent;

	if (begin < before)
		ring->records->counts->again += (end < before ? end : before) - begin;
	if (end <= before)
		return;
	ring->notes.sent = end;
	records_note(ring);
}

static void records_send_data(struct records_ring *ring)
{
	struct reader_ring *positions = ring->ring;
	uint64_t left = positions->head - positions->position;
	uint64_t size = (positions->mask + 1) / 8;
	struct extent *extent = NULL;

	if (size > RECORDS_EXTENT_MAX)
		size = RECORDS_EXTENT_MAX;
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
	records_note_sent(ring, positions->position + size);
	ring->records->news = ring->records->stamp;
	/* What would follow at once does, unless it cannot. */
	records_send(ring, size, extent, size == left,
		     size < left && !extents_full(ring->extents));
}

static bool records_owes_mark(const struct records_ring *ring)
{
	return ring->records->reader->ring_count > 1 &&
	       ring->complete < ring->records->news;
}

static void records_close(struct records_ring *ring)
{
	stream_half_close(ring->call);
	records_enter(ring, RECORDS_CLOSING, records_alive(ring->records));
}

static bool records_is_idle(const struct records_ring *ring)
{
	return ring->state == RECORDS_STREAMING && !ring->sending &&
	       ring->ring->position == ring->ring->head;
}

static void records_step(struct records_ring *ring)
{
	if (ring->state != RECORDS_STREAMING || ring->sending)
		return;
	if (!records_is_idle(ring))
		records_send_data(ring);
	else if (ring->records->ending && ring->told == ring->dropped)
		records_close(ring);
	else if (ring->records->ending ||
		 (records_owes_mark(ring) && records_now() >= ring->mark_at))
		records_send(ring, 0, NULL, true, false);
}

/* Wait for more, unless there is more meanwhile. */
static bool records_sleep(struct records *records)
{
	const struct records_config *config = records->config;
	eventfd_t value;

	if (config->eventfd > 0)
		eventfd_read(config->eventfd, &value);
	if (config->feed ? !config->feed->sleep(config->feed) :
			   !reader_seen(records->reader))
		return false;
	records->armed = true;
	watch_arm(config->watch);
	return true;
}

/* Is there nothing to do but to wait for more? */
static bool records_is_asleep(struct records *records)
{
	bool all = true, any = false, held = false;

	records->look_at = RECORDS_NEVER;
	if (records->armed || records->ending || (records->config->feed && !records->dry))
		all = false;
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		const struct records_ring *ring = &records->rings[i];
		bool idle = records_is_idle(ring);

		any |= idle;
		all &= idle;
		held |= (ring->state == RECORDS_STREAMING && ring->starved) ||
			ring->ring->safe != ring->ring->tail;
	}
	/*
	 * Nobody tells when extents are let go of. And a ring that cannot be
	 * emptied would wake us for ever: instead the others are looked at.
	 */
	if (held || (any && !all && !records->armed &&
		     records->reader->ring_count > 1))
		records->look_at = records_now() + RECORDS_LOOK;
	return all;
}

static void records_stream(struct records *records)
{
	do {
		records_look(records);
		for (unsigned int i = 0; i < records->reader->ring_count; i++)
			records_step(&records->rings[i]);
	} while (records_is_asleep(records) && !records_sleep(records));
}

/* What Hello says of the source. A capture may learn its link type later. */
static bool records_describe(struct records *records)
{
	const struct pcapring_info *info = records->reader->info;
	struct metadata *metadata = &records->metadata;

	metadata->linktype = reader_linktype(records->reader);
	metadata->snaplen = info->snaplen;
	if (!records->config->feed)
		snprintf(metadata->interface, sizeof(metadata->interface), "%.*s",
			 (int)sizeof(info->ifname), info->ifname);
	return metadata->linktype != PCAPRING_LINKTYPE_NONE;
}

static void records_make_calls(struct records *records)
{
	struct exclude *exclude = records->config->exclude;

	records->broken = exclude && !exclude_start(exclude, records->metadata.linktype);
	for (unsigned int i = 0; i < records->reader->ring_count; i++)
		records_enter(&records->rings[i],
			      records->broken ? RECORDS_DONE : RECORDS_PAUSE, 0);
}

/* Until the capture knows its link type there is nothing to say. */
static void records_start(struct records *records)
{
	while (!records->described && !records->armed) {
		records->described = records_describe(records);
		if (records->described)
			break;
		if (!records->waits)
			log_info("%s was not there yet: waiting for its first packet",
				 records->metadata.interface);
		records->waits = true;
		records_sleep(records);
	}
	if (records->described)
		records_make_calls(records);
}

static void records_work(struct records *records)
{
	if (records->described)
		records_stream(records);
	else
		records_start(records);
}

static void records_on_deadline(struct records_ring *ring)
{
	const struct records_config *config = ring->records->config;

	switch (ring->state) {
	case RECORDS_PAUSE:
		records_call(ring);
		break;
	case RECORDS_ASKING:
		records_bury(ring->records, records_limit(config->welcome_ms,
							  RECORDS_WELCOME_MS));
		break;
	case RECORDS_STREAMING:
	case RECORDS_CLOSING:
		records_bury(ring->records, records_alive(ring->records));
		break;
	default:
		break;
	}
}

/* @busy: for so long nobody listened to collectors, which is not their fault. */
static void records_check_time(struct records *records, int64_t now, int64_t busy)
{
	if (records->patience_at != RECORDS_NEVER && now >= records->patience_at) {
		log_warning("%s: no answer within %u s", records->config->target,
			    records->config->patience_ms ?
			    records->config->patience_ms / 1000 :
			    RECORDS_PATIENCE_MS / 1000);
		records->patience_at = RECORDS_NEVER;
		records_give_all_up(records);
	}
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		struct records_ring *ring = &records->rings[i];

		if (ring->deadline == RECORDS_NEVER)
			continue;
		if (ring->state >= RECORDS_ASKING && busy > RECORDS_SECOND)
			ring->deadline += busy;
		if (now >= ring->deadline)
			records_on_deadline(ring);
	}
}

static int64_t records_sooner(int64_t a, int64_t b)
{
	if (a == RECORDS_NEVER || b == RECORDS_NEVER)
		return a == RECORDS_NEVER ? b : a;
	return a < b ? a : b;
}

static int64_t records_deadline(const struct records *records)
{
	int64_t deadline = records_sooner(records->look_at, records->patience_at);

	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		const struct records_ring *ring = &records->rings[i];

		if (ring->state != RECORDS_DONE)
			deadline = records_sooner(deadline, ring->deadline);
		if (records_is_idle(ring) && records_owes_mark(ring))
			deadline = records_sooner(deadline, ring->mark_at);
	}
	return deadline;
}

static void records_stop_source(struct records *records)
{
	struct records_feed *feed = records->config->feed;

	records->armed = false;
	if (feed) {
		feed->stop(feed);
		return;
	}
	if (!reader_freeze(records->reader)) {
		records->reader->frozen = true;
		records->broken = true;
	}
	records->ending = true;
}

/* It is known that there is no collector. */
static void records_leave(struct records_ring *ring)
{
	ring->said = true;
	records_give_up(ring);
}

/* What is there now still goes, where a collector takes it. */
static void records_on_signal(struct records *records)
{
	service_stopping();
	records->signalled = true;
	records_stop_source(records);
	records_progress(records);
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		struct records_ring *ring = &records->rings[i];

		if (ring->state == RECORDS_PAUSE)
			ring->state = RECORDS_DONE;
		else if (ring->state == RECORDS_OPENING && ring->wait)
			records_leave(ring);
	}
}

static void records_on_deleted(struct records *records)
{
	if (records->deleted)
		return;
	log_info("capture deleted: sending what is left");
	records->deleted = true;
	records_stop_source(records);
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		struct records_ring *ring = &records->rings[i];

		/* without a collector, there is something to wait for or there is not */
		if (!records_is_complete(ring))
			continue;
		if (ring->state == RECORDS_PAUSE)
			ring->state = RECORDS_DONE;
		else if (ring->state == RECORDS_OPENING && ring->wait)
			records_leave(ring);
	}
}

static void records_on_woken(struct records *records)
{
	unsigned int events = watch_take(records->config->watch);

	if (events & (WATCH_READABLE | WATCH_HANGUP))
		records->armed = false;
	if (events & WATCH_HANGUP && !records->config->feed)
		records_on_deleted(records);
	if (events & WATCH_SIGNAL)
		records_on_signal(records);
}

static void records_on(struct records *records, struct records_ring *ring,
		       enum stream_event event)
{
	switch (event) {
	case STREAM_OPENED:
		records_on_opened(ring);
		break;
	case STREAM_SENT:
		records_on_sent(ring);
		break;
	case STREAM_RECEIVED:
		records_on_received(ring);
		break;
	case STREAM_ENDED:
		records_on_ended(ring);
		break;
	case STREAM_WOKEN:
		records_on_woken(records);
		break;
	case STREAM_TIMEOUT:
		break;
	}
}

static bool records_is_done(const struct records *records)
{
	for (unsigned int i = 0; i < records->reader->ring_count; i++)
		if (records->rings[i].state != RECORDS_DONE)
			return false;
	return true;
}

static enum records_result records_result(const struct records *records)
{
	bool safe = true;

	for (unsigned int i = 0; i < records->reader->ring_count; i++)
		safe &= records->rings[i].ring->safe == records->rings[i].ring->head;
	if (records->unimplemented)
		return RECORDS_UNIMPLEMENTED;
	if (records->broken || records->failed)
		return RECORDS_FAILED;
	/* a feed that was not read to its end has more than the ring */
	if (records->config->feed && !records->ending)
		return RECORDS_FAILED;
	/* with a capture that is still there, nothing is lost */
	if (safe || (!records->config->feed && !records->deleted))
		return RECORDS_OK;
	return RECORDS_FAILED;
}

static void records_start_ring(struct records *records, unsigned int index)
{
	struct records_ring *ring = &records->rings[index];
	struct reader_ring *positions = &records->reader->rings[index];
	struct notes *notes = &ring->notes;

	ring->records = records;
	ring->index = index;
	ring->ring = positions;
	ring->extents = &records->config->extents[index];
	ring->deadline = RECORDS_NEVER;
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

/* A savefile has no boot: all zero. */
static bool records_find_boot(struct records *records)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	FILE *file = records->config->feed ? NULL : fopen(path, "re");
	char text[64] = "";
	unsigned int n = 0;

	if (records->config->feed)
		return true;
	if (file && fgets(text, sizeof(text), file))
		for (char *p = text; n < MESSAGE_ID_BYTES; n++, p += 2) {
			p += *p == '-';
			if (sscanf(p, "%2hhx", &records->boot_id[n]) != 1)
				break;
		}
	if (file)
		fclose(file);
	if (n == MESSAGE_ID_BYTES)
		return true;
	log_error("cannot read %s, which names what is captured: %s", path,
		  file ? "not an id" : strerror(errno));
	return false;
}

static void records_loop(struct records *records)
{
	int64_t woken = records_now();

	while (!records_is_done(records)) {
		struct stream *stream = records->config->stream;
		enum stream_event event;
		void *ring;
		int64_t now;

		records_work(records);
		now = records_now();
		records_check_time(records, now, now - woken);
		if (records_is_done(records))
			break;
		event = stream_wait(stream, records_deadline(records), &ring);
		woken = records_now();
		records_on(records, ring, event);
	}
}

enum records_result records_run(const struct records_config *config,
				struct relay_counts *counts)
{
	struct records records = {
		.config = config,
		.reader = config->reader,
		.counts = counts,
		.own.target = config->target,
		.metadata = config->metadata,
		.look_at = RECORDS_NEVER,
		.patience_at = RECORDS_NEVER,
	};

	enum records_result result;

	records.peer = config->peer ? config->peer : &records.own;
	if (!records_find_boot(&records))
		return config->fallback ? RECORDS_UNIMPLEMENTED : RECORDS_FAILED;
	records.rings = calloc(config->reader->ring_count, sizeof(*records.rings));
	if (!records.rings)
		abort();
	if (config->eventfd > 0)
		fcntl(config->eventfd, F_SETFL, O_NONBLOCK);
	for (unsigned int i = 0; i < config->reader->ring_count; i++)
		records_start_ring(&records, i);
	records_loop(&records);
	records_release(config->reader, config->extents);
	result = records_result(&records);
	free(records.rings);
	return result;
}
