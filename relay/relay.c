// SPDX-License-Identifier: MIT
#include "relay.h"

#include <inttypes.h>
#include <stdio.h>

#include "channel/encode.h"
#include "channel/extent.h"
#include "channel/peer.h"
#include "channel/run.h"
#include "channel/stream.h"
#include "clock.h"
#include "common/log.h"
#include "common/service.h"
#include "copy.h"
#include "feedback.h"
#include "flight.h"
#include "limit.h"
#include "rate.h"
#include "source/exclude.h"
#include "source/source.h"
#include "status.h"
#include "watch.h"

/* Without progress for so long, a relay that has to end gives up. */
#define RELAY_PATIENCE		(10 * CLOCK_SECOND)
/* Rings are released at least so often, in packets. */
#define RELAY_RELEASE_PACKETS	64

enum relay_state {
	RELAY_START,
	RELAY_UNKNOWN,	/* no call: the link type is not known yet */
	RELAY_PAUSE,	/* no call: the last one failed; until the deadline */
	RELAY_OPENING,	/* a call waits for its connection */
	RELAY_TRIAL,	/* does the receiver take it? until the deadline */
	RELAY_OPEN,	/* packets flow */
	RELAY_CLOSING,	/* half-closed: waits for the answer */
	RELAY_DONE
};

/**
 * struct relay - a run
 * @deadline: of the state, CLOCK_MONOTONIC nanoseconds; CLOCK_NEVER: none
 * @opened_at: when the call was
 * @sending: a message is under way
 * @armed: the watch will tell when the source has more
 * @signalled: a signal came: no more calls
 * @finishing: no more will come: the capture was deleted, or it is enough
 * @broken: the source is
 * @answered: all that was sent has arrived
 * @lost: the last call failed, and something of it may not have
 * @called: at least once
 * @peer: the receiver; @own where nobody gave it
 * @run: its calls; @call: the current one
 * @flight: of the current call
 * @feedback: does the relay feed on itself? @held: nothing is sent, to see that
 * @look: it is time to see
 */
struct relay {
	const struct relay_config *config;
	struct source *source;
	struct stream *stream;
	struct metadata metadata;
	enum relay_state state;
	int64_t deadline;
	int64_t opened_at;
	bool sending;
	bool armed;
	bool signalled;
	bool finishing;
	bool broken;
	bool answered;
	bool lost;
	bool called;
	struct peer *peer;
	struct peer own;
	struct run run;
	struct stream_call *call;
	struct flight flight;
	struct feedback feedback;
	bool held;
	bool look;
	struct relay_counts *counts;
};

static void relay_enter(struct relay *relay, enum relay_state state, int64_t wait)
{
	relay->state = state;
	relay->deadline = wait == CLOCK_NEVER ? CLOCK_NEVER : clock_now() + wait;
}

void relay_release(struct source *source, struct extents *extents)
{
	for (unsigned int i = 0; i < source->rings; i++)
		source->release(source, i,
				extents_tail(&extents[i], source->position(source, i)));
}

static void relay_let_go(struct relay *relay)
{
	uint64_t ends[PCAPRING_RINGS_MAX];

	/* they are read in order */
	for (unsigned int i = 0; relay->config->copy && i < relay->source->rings; i++)
		ends[i] = relay->source->position(relay->source, i);
	copy_want(relay->config->copy, ends, true);
	relay_release(relay->source, relay->config->extents);
}

/* From now on, packets go out. */
static void relay_flow(struct relay *relay)
{
	relay->counts->reconnects += peer_connected(relay->peer);
	relay_enter(relay, RELAY_OPEN, CLOCK_NEVER);
}

static void relay_say_away(struct relay *relay, const struct stream_end *end,
			   uint64_t unconfirmed)
{
	char left[64];

	snprintf(left, sizeof(left), "%" PRIu64 " packets unconfirmed, %s", unconfirmed,
		 relay->source->capture ? "others wait in the ring" : "others wait");
	peer_away(relay->peer, end, left, unconfirmed);
}

/*
 * A call fails where the receiver cannot be reached, which says why; once that
 * has been told, calls wait for the receiver instead.
 */
static void relay_call(struct relay *relay)
{
	if (relay->called && relay->config->peer) {
		relay->peer->again = true;
		relay->state = RELAY_DONE;
		return;
	}
	relay->called = true;
	flight_init(&relay->flight);
	relay->call = run_call(&relay->run, &relay->metadata, relay->peer->away, relay);
	relay_enter(relay, RELAY_OPENING, CLOCK_NEVER);
}

static void relay_first_call(struct relay *relay)
{
	struct exclude *exclude = relay->config->exclude;

	if (relay->config->copy)
		copy_start(relay->config->copy, stream_wake, relay->stream);
	if (!exclude || exclude_start(exclude, relay->metadata.linktype)) {
		relay_call(relay);
		return;
	}
	relay->broken = true;
	relay->state = RELAY_DONE;
}

/* Wait for the source, unless it has more meanwhile. */
static void relay_sleep(struct relay *relay)
{
	if (relay->armed || !relay->source->sleep(relay->source))
		return;
	relay->armed = true;
	watch_arm(relay->config->watch);
}

/* A capture whose interface never was there knows its link type later. */
static void relay_start(struct relay *relay)
{
	if (relay->source->describe(relay->source, &relay->metadata)) {
		relay_first_call(relay);
		return;
	}
	if (relay->state != RELAY_UNKNOWN) {
		log_info("%s was not there yet: waiting for its first packet",
			 relay->metadata.interface);
		service_status("waiting for the first packet of %s",
			       relay->metadata.interface);
	}
	relay_enter(relay, RELAY_UNKNOWN, CLOCK_NEVER);
	relay_sleep(relay);
}

static void relay_send(struct relay *relay, const struct packet *packet)
{
	struct limit *limit = relay->config->limit;
	struct rate *rate = relay->config->rate;
	bool last = !relay->source->more(relay->source);
	uint32_t size;

	if (limit)
		limit_take(limit, packet->header.caplen);
	/* the next one may be far away */
	if (rate_limits(rate) && rate->credit <= packet->header.caplen + ENCODE_PREFIX_MAX)
		last = true;
	size = run_send(&relay->run, relay->call, packet, last);
	if (rate_limits(rate))
		rate_spend(rate, size);
	flight_add(&relay->flight, size);
	relay->sending = true;
	relay->counts->bytes += packet->header.caplen;
	if (++relay->counts->packets % RELAY_RELEASE_PACKETS == 0) {
		relay_let_go(relay);
		relay->look = true;
	}
}

/* Nothing more will come: ask for the answer. */
static void relay_close(struct relay *relay)
{
	relay_let_go(relay);
	stream_half_close(relay->call);
	relay_enter(relay, RELAY_CLOSING,
		    relay->signalled ? RELAY_PATIENCE : CLOCK_NEVER);
}

static enum source_result relay_next(struct relay *relay, struct packet *packet)
{
	const struct limit *limit = relay->config->limit;

	if (limit && limit_is_over(limit))
		return SOURCE_END;
	return relay->source->next(relay->source, packet);
}

/* Send the next packet, or go to sleep. */
static void relay_step(struct relay *relay)
{
	struct packet packet;

	switch (relay_next(relay, &packet)) {
	case SOURCE_PACKET:
		relay_send(relay, &packet);
		break;
	case SOURCE_EMPTY:
		relay_let_go(relay);
		relay_sleep(relay);
		break;
	case SOURCE_ERROR:
		relay->broken = true;
		relay_close(relay);
		break;
	case SOURCE_END:
		relay_close(relay);
		break;
	}
}

/* Nothing is sent for a moment where that shows whether we feed on ourselves. */
static bool relay_may_send(struct relay *relay)
{
	const struct exclude *exclude = relay->config->exclude;
	uint64_t captured, room;

	if (!exclude || !exclude->own || relay->signalled || relay->finishing)
		return true;
	relay->source->level(relay->source, &captured, &room);
	if (feedback_look(&relay->feedback, clock_now(), captured, room) == FEEDBACK_TOLD)
		peer_feeds(relay->peer);
	return !feedback_holds(&relay->feedback);
}

static void relay_finish(struct relay *relay, const char *why)
{
	if (relay->finishing)
		return;
	log_info("%s: sending what is left", why);
	relay->source->stop(relay->source);
	relay->armed = false;
	/* without a receiver, there is something to wait for or there is not */
	if (relay->state < RELAY_OPEN && !relay->source->more(relay->source))
		relay->state = RELAY_DONE;
	else
		relay->finishing = true;
}

/* When it is enough. */
static int64_t relay_until(const struct relay *relay)
{
	const struct limit *limit = relay->config->limit;

	return limit && !relay->finishing ? limit->until : CLOCK_NEVER;
}

/* What need not be seen to at each packet. */
static void relay_look(struct relay *relay)
{
	int64_t until = relay_until(relay);

	relay->look = false;
	if (until != CLOCK_NEVER && clock_now() >= until)
		relay_finish(relay, "the time is over");
	relay->held = !relay_may_send(relay);
	/* the copy may have come further */
	relay_let_go(relay);
}

/* Nothing but the rate keeps the next packet back, if there is one. */
static bool relay_is_ready(const struct relay *relay)
{
	return relay->state == RELAY_OPEN && !relay->sending && !relay->armed &&
	       !relay->held;
}

/* Afterwards there is something to wait for. */
static void relay_work(struct relay *relay)
{
	struct rate *rate = relay->config->rate;

	while (relay->state == RELAY_UNKNOWN && !relay->armed)
		relay_start(relay);
	if (relay->look || relay->held)
		relay_look(relay);
	while (relay_is_ready(relay) && (!rate_limits(rate) || rate_may(rate)))
		relay_step(relay);
}

/* When there is something to do though nothing happened. */
static int64_t relay_deadline(const struct relay *relay)
{
	int64_t deadline = clock_sooner(relay->deadline, relay_until(relay));

	if (relay_is_ready(relay) && rate_limits(relay->config->rate))
		deadline = clock_sooner(deadline, rate_deadline(relay->config->rate));
	return relay->held ? clock_sooner(deadline, relay->feedback.deadline) : deadline;
}

static void relay_exclude_peer(struct relay *relay)
{
	char peer[EXCLUDE_PEER_MAX];

	if (!relay->config->exclude)
		return;
	stream_peer(relay->call, peer, sizeof(peer));
	exclude_peer(relay->config->exclude, 0, peer);
}

static void relay_on_opened(struct relay *relay)
{
	relay_exclude_peer(relay);
	relay->opened_at = clock_now();
	if (relay->peer->trial)
		relay_enter(relay, RELAY_TRIAL, relay->peer->trial);
	else
		relay_flow(relay);
}

static void relay_on_sent(struct relay *relay)
{
	relay->sending = false;
	if (relay->signalled)
		relay_enter(relay, relay->state, RELAY_PATIENCE);
}

/* Is there a reason to call again? */
static bool relay_again(const struct relay *relay, const struct stream_end *end)
{
	if (relay->signalled || relay->state == RELAY_CLOSING)
		return false;
	return relay->source->capture || (!relay->counts->packets && !end->refused);
}

static void relay_on_ended(struct relay *relay)
{
	const struct stream_end *end = stream_end(relay->stream);
	uint64_t unconfirmed = flight_packets(&relay->flight);
	int64_t lived = relay->state >= RELAY_OPEN ? clock_now() - relay->opened_at :
			relay->state == RELAY_OPENING ? PEER_UNREACHED : 0;
	int64_t wait;

	relay->sending = false;
	/* nothing of it is in core's hands any more */
	run_let_go(&relay->run);
	relay_let_go(relay);
	flight_init(&relay->flight);
	relay->answered = relay->state == RELAY_CLOSING && !end->code;
	if (relay->answered) {
		relay->state = RELAY_DONE;
		return;
	}
	relay->counts->unconfirmed += unconfirmed;
	if (!relay_again(relay, end)) {
		log_error("the stream to %s failed: %s; %" PRIu64 " packets unconfirmed",
			  relay->config->target, end->reason, unconfirmed);
		relay->lost = unconfirmed;
		relay->state = RELAY_DONE;
		return;
	}
	wait = peer_retry(relay->peer, end, lived);
	relay_say_away(relay, end, unconfirmed);
	if (wait)
		relay_enter(relay, RELAY_PAUSE, wait);
	else
		relay_call(relay);
}

static void relay_on_timeout(struct relay *relay)
{
	switch (relay->state) {
	case RELAY_PAUSE:
		relay_call(relay);
		break;
	case RELAY_TRIAL:
		relay_flow(relay);
		break;
	default:
		log_warning("%s: no answer within %lld s", relay->config->target,
			    RELAY_PATIENCE / CLOCK_SECOND);
		stream_cancel(relay->call);
		relay_enter(relay, relay->state, CLOCK_NEVER);
	}
}

/* What is there now still goes, where a receiver takes it. */
static void relay_on_signal(struct relay *relay)
{
	service_stopping();
	relay->signalled = true;
	relay->source->stop(relay->source);
	relay->armed = false;
	if (relay->state == RELAY_OPEN || relay->state == RELAY_CLOSING)
		relay_enter(relay, relay->state, RELAY_PATIENCE);
	else
		relay->state = RELAY_DONE;
}

static void relay_on_woken(struct relay *relay)
{
	unsigned int events = watch_take(relay->config->watch);

	status_answer(relay->config->status, relay->peer, NULL);
	if (events & (WATCH_READABLE | WATCH_HANGUP))
		relay->armed = false;
	relay->look = true;
	if (events & WATCH_HANGUP && relay->source->capture)
		relay_finish(relay, "capture deleted");
	if (events & WATCH_SIGNAL)
		relay_on_signal(relay);
}

static void relay_on(struct relay *relay, enum stream_event event)
{
	switch (event) {
	case STREAM_SENT:
		relay_on_sent(relay);
		break;
	case STREAM_OPENED:
		relay_on_opened(relay);
		break;
	case STREAM_ENDED:
		relay_on_ended(relay);
		break;
	case STREAM_WOKEN:
		relay_on_woken(relay);
		break;
	case STREAM_TIMEOUT:
		relay->look = true;
		if (relay->deadline != CLOCK_NEVER && clock_now() >= relay->deadline)
			relay_on_timeout(relay);
		break;
	case STREAM_RECEIVED:	/* Run has an answer only */
		break;
	}
}

/* With a capture that is still there, what was not sent is not lost. */
static bool relay_result(const struct relay *relay)
{
	if (relay->broken)
		return false;
	if (relay->answered)
		return true;
	return relay->source->capture && !relay->finishing && !relay->lost;
}

bool relay_run(const struct relay_config *config, struct relay_counts *counts)
{
	struct relay relay = {
		.config = config,
		.source = config->source,
		.stream = config->stream,
		.metadata = config->metadata,
		.counts = counts,
		.deadline = CLOCK_NEVER,
		.own.target = config->target,
	};
	void *context;

	run_init(&relay.run, config->stream, config->extents, config->source->rings,
		 config->metadata.tsresol == 9);
	relay.peer = config->peer ? config->peer : &relay.own;
	relay.peer->again = false;
	if (!config->peer)
		*counts = (struct relay_counts) {};
	if (relay.source->resume)
		relay.source->resume(relay.source);
	if (config->drain)
		relay_finish(&relay, "draining");
	if (relay.state != RELAY_DONE)
		relay_start(&relay);
	while (relay.state != RELAY_DONE) {
		relay_work(&relay);
		if (relay.state == RELAY_DONE)
			break;
		relay_on(&relay, stream_wait(relay.stream, relay_deadline(&relay), &context));
	}
	run_let_go(&relay.run);
	relay_let_go(&relay);
	return relay_result(&relay);
}
