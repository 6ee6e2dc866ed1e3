// SPDX-License-Identifier: MIT
#include "ring_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "channel/stream.h"
#include "common/log.h"
#include "message.h"
#include "relay.h"
#include "ring_call.h"
#include "ring_keep.h"
#include "source/reader.h"
#include "status.h"

#define RING_ANSWER_COMPLAINT	256	/* bytes */

/* Who consumed what, where Welcome and Hello do not meet. */
static void ring_answer_account(struct ring_call *ring,
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

static void ring_answer_welcome(struct ring_call *ring,
				const struct message_answer *welcome)
{
	struct records *records = ring->records;
	uint64_t start = welcome->offset;
	char what[RING_ANSWER_COMPLAINT];

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
	ring_answer_account(ring, welcome, start);
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

/* Before it has synced what it had at Welcome, it may be below that, or the tail. */
static void ring_answer_ack(struct ring_call *ring, uint64_t offset)
{
	if (offset > ring->ring->position || (ring->answered && offset < ring->ack)) {
		char what[RING_ANSWER_COMPLAINT];

		snprintf(what, sizeof(what), "acknowledges bytes up to %" PRIu64 ", where %" PRIu64 " were sent and %" PRIu64 " acknowledged",
			 offset, ring->ring->position, ring->answered ? ring->ack : 0);
		ring_call_object(ring, what);
		return;
	}
	ring_call_enter(ring, ring->state, ring->records->alive);
	ring->answered = true;
	ring->ack = offset;
	if (offset <= ring->acked) {
		ring_keep_free(ring);
		return;
	}
	ring->moved_at = clock_now();
	ring->lived = true;
	ring->complained = false;
	ring->backoff = (struct backoff) {};
	status_arrived(ring->records->config->status,
		       ring_keep_captured_at(ring, ring->acked));
	ring->acked = offset;
	ring_source_acknowledge(&ring->source, offset);
	ring_keep_advance(ring);
	if (offset > ring->safe) {
		ring->records->counts->acknowledged += offset - ring->safe;
		ring->safe = offset;
	}
	ring_keep_free(ring);
	records_progress(ring->records);
}

void ring_answer_take(struct ring_call *ring)
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
		ring_answer_welcome(ring, &answer);
	} else if (kind == MESSAGE_ACK && (ring->state == RING_CALL_STREAMING ||
					   ring->state == RING_CALL_CLOSING)) {
		ring_answer_ack(ring, answer.offset);
	} else {
		ring_call_object(ring, "sends what pcapring.v1 does not have");
	}
}
