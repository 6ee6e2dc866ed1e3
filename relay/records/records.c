// SPDX-License-Identifier: MIT
#include "records.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot.h"
#include "channel/stream.h"
#include "common/log.h"
#include "common/service.h"
#include "copy.h"
#include "intake.h"
#include "limit.h"
#include "past.h"
#include "rate.h"
#include "relay.h"
#include "ring_answer.h"
#include "ring_call.h"
#include "ring_keep.h"
#include "ring_send.h"
#include "ring_spool.h"
#include "source/exclude.h"
#include "source/reader.h"
#include "spool/spool.h"
#include "status.h"
#include "watch.h"

#define RECORDS_ALIVE_MS	5000
#define RECORDS_WELCOME_MS	20000
#define RECORDS_PATIENCE_MS	10000
/*
 * Calls are spread over those of the target's addresses that are connected: the
 * first call shows that one is, and the others get so long to follow.
 */
#define RECORDS_GATHER		(250 * CLOCK_MILLISECOND)
#define RECORDS_GATHER_MAX	CLOCK_SECOND

static int64_t records_limit(unsigned int ms, unsigned int otherwise)
{
	return (ms ? ms : otherwise) * CLOCK_MILLISECOND;
}

void records_release(struct reader *reader, struct extents *extents)
{
	for (unsigned int i = 0; i < reader->ring_count; i++)
		ring_keep_release(&reader->rings[i], &extents[i]);
}

static void records_give_all_up(struct records *records)
{
	for (unsigned int i = 0; i < records->count; i++) {
		struct ring_call *ring = &records->rings[i];

		if (ring->call && ring->state != RING_CALL_ENDING)
			ring_call_give_up(ring);
		else if (ring->state == RING_CALL_PAUSE)
			ring->state = RING_CALL_DONE;
	}
}

/* No life on the connection: all its calls go, and the next ones get another. */
static void records_bury(struct records *records, int64_t limit)
{
	struct stream_end end = {};

	snprintf(end.reason, sizeof(end.reason), "nothing was heard for %g s",
		 (double)limit / CLOCK_SECOND);
	peer_away(records->peer, &end, ring_call_left(records), true);
	for (unsigned int i = 0; i < records->count; i++) {
		struct ring_call *ring = &records->rings[i];

		if (!ring->call || ring->state == RING_CALL_ENDING)
			continue;
		ring->said = true;
		ring_call_give_up(ring);
	}
	stream_renew(records->config->stream);
}

/* Without a collector, there is something to wait for or there is not. */
static void records_finish(struct records *records, const char *why)
{
	if (records->finishing)
		return;
	log_info("%s: sending what is left", why);
	records->finishing = true;
	intake_stop(records);
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		struct ring_call *ring = &records->rings[i];

		if (!ring_call_is_complete(ring))
			continue;
		if (ring->state == RING_CALL_PAUSE)
			ring->state = RING_CALL_DONE;
		else if (ring->state == RING_CALL_OPENING && ring->wait)
			ring_call_leave(ring);
	}
}

/* Nothing is sent for a moment where that shows whether we feed on ourselves. */
static bool records_may_send(struct records *records)
{
	const struct exclude *exclude = records->config->exclude;
	uint64_t captured, room;

	if (!exclude || !exclude->own || records->ending)
		return true;
	reader_level(records->reader, &captured, &room);
	if (feedback_look(&records->feedback, clock_now(), captured, room) == FEEDBACK_TOLD)
		peer_feeds(records->peer);
	return !feedback_holds(&records->feedback);
}

/* Where a rate keeps rings waiting, they take turns. */
static void records_step(struct records *records)
{
	unsigned int first = records->turn;

	records->paced = false;
	for (unsigned int i = 0; i < records->count; i++)
		ring_send_step(&records->rings[(first + i) % records->count]);
}

static void records_stream(struct records *records)
{
	do {
		if (intake_look(records))
			records_finish(records, "the limit is reached");
		if (!records_may_send(records))
			break;
		records_step(records);
	} while (intake_is_dry(records) && !intake_sleep(records));
}

static void records_make_calls(struct records *records)
{
	struct exclude *exclude = records->config->exclude;

	records->broken |= exclude && !exclude_start(exclude, records->metadata.linktype);
	ring_spool_describe(records);
	if (records->config->copy)
		copy_start(records->config->copy, stream_wake, records->config->stream);
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		struct ring_call *ring = &records->rings[i];

		if (records->broken)
			ring->state = RING_CALL_DONE;
		if (ring->state == RING_CALL_PAUSE)
			ring_call_enter(ring, RING_CALL_PAUSE,
					i && !records->worked ? RECORDS_GATHER_MAX : 0);
	}
}

/* The first Welcome: the other calls follow, but those that there is no Hello for. */
static void records_on_worked(struct records *records)
{
	unsigned int first = records->described ? 0 : records->reader->ring_count;

	for (unsigned int i = first; i < records->count; i++)
		if (records->rings[i].state == RING_CALL_PAUSE)
			ring_call_enter(&records->rings[i], RING_CALL_PAUSE,
					RECORDS_GATHER);
}

/* Until the capture knows its link type there is nothing to say of it. */
static void records_describe(struct records *records)
{
	while (!records->described && !records->armed) {
		records->described = intake_describe(records);
		if (records->described) {
			records_make_calls(records);
			break;
		}
		if (!records->waits && !records->ending)
			log_info("%s was not there yet: waiting for its first packet",
				 records->metadata.interface);
		records->waits = true;
		intake_sleep(records);
	}
}

/* What is past has no need of the capture. */
static void records_work(struct records *records)
{
	records_describe(records);
	if (records->config->drain)
		records_finish(records, "draining");
	if (records->past && !records->signalled && !records->unimplemented)
		past_begin(records->past);
	records_stream(records);
}

static void records_on_deadline(struct ring_call *ring)
{
	switch (ring->state) {
	case RING_CALL_PAUSE:
		ring_call_open(ring);
		break;
	case RING_CALL_ASKING:
		records_bury(ring->records, ring->records->welcome);
		break;
	case RING_CALL_STREAMING:
	case RING_CALL_CLOSING:
		records_bury(ring->records, ring->records->alive);
		break;
	default:
		break;
	}
}

/* When it is enough. */
static int64_t records_until(const struct records *records)
{
	const struct limit *limit = records->config->limit;

	return limit && !records->finishing ? limit->until : CLOCK_NEVER;
}

/* @busy: for so long nobody listened to collectors, which is not their fault. */
static void records_check_time(struct records *records, int64_t now, int64_t busy)
{
	if (records->patience_at != CLOCK_NEVER && now >= records->patience_at) {
		log_warning("%s: no answer within %u s", records->config->target,
			    (unsigned int)(records->patience / CLOCK_SECOND));
		records->patience_at = CLOCK_NEVER;
		records_give_all_up(records);
	}
	if (records_until(records) != CLOCK_NEVER && now >= records_until(records))
		records_finish(records, "the time is over");
	for (unsigned int i = 0; i < records->count; i++) {
		struct ring_call *ring = &records->rings[i];

		if (ring->deadline == CLOCK_NEVER)
			continue;
		if (ring->state >= RING_CALL_ASKING && busy > CLOCK_SECOND)
			ring->deadline += busy;
		if (now >= ring->deadline)
			records_on_deadline(ring);
	}
}

static int64_t records_deadline(const struct records *records)
{
	int64_t deadline = clock_sooner(records->look_at, records->patience_at);

	deadline = clock_sooner(deadline, records_until(records));
	if (records->paced && rate_limits(records->config->rate))
		deadline = clock_sooner(deadline, rate_deadline(records->config->rate));
	if (feedback_holds(&records->feedback))
		deadline = clock_sooner(deadline, records->feedback.deadline);
	for (unsigned int i = 0; i < records->count; i++) {
		const struct ring_call *ring = &records->rings[i];

		if (ring->state != RING_CALL_DONE)
			deadline = clock_sooner(deadline, ring->deadline);
		if (ring_send_is_idle(ring) && ring_send_owes_mark(ring))
			deadline = clock_sooner(deadline, ring->mark_at);
	}
	return deadline;
}

/* What is there now still goes, where a collector takes it. */
static void records_on_signal(struct records *records)
{
	service_stopping();
	records->signalled = true;
	intake_stop(records);
	records_progress(records);
	for (unsigned int i = 0; i < records->count; i++) {
		struct ring_call *ring = &records->rings[i];

		if (ring->state == RING_CALL_PAUSE)
			ring->state = RING_CALL_DONE;
		else if (ring->state == RING_CALL_OPENING && ring->wait)
			ring_call_leave(ring);
	}
}

static void records_on_deleted(struct records *records)
{
	records->deleted = true;
	records_finish(records, "capture deleted");
}

/* How the capture's rings are, where somebody asks. */
static void records_tell(struct records *records)
{
	struct status *status = records->config->status;
	struct status_wait waits[PCAPRING_RINGS_MAX];

	if (!status_is_asked(status))
		return;
	for (unsigned int i = 0; i < records->reader->ring_count; i++)
		ring_keep_wait(&records->rings[i], &waits[i]);
	status_answer(status, records->peer, waits);
}

static void records_on_woken(struct records *records)
{
	unsigned int events = watch_take(records->config->watch);

	records_tell(records);
	if (events & (WATCH_READABLE | WATCH_HANGUP))
		records->armed = false;
	if (events & WATCH_HANGUP && !records->config->feed)
		records_on_deleted(records);
	if (events & WATCH_SIGNAL)
		records_on_signal(records);
}

static void records_on(struct records *records, struct ring_call *ring,
		       enum stream_event event)
{
	bool worked = records->worked;

	switch (event) {
	case STREAM_OPENED:
		ring_call_on_opened(ring);
		break;
	case STREAM_SENT:
		ring_call_on_sent(ring);
		break;
	case STREAM_RECEIVED:
		ring_answer_take(ring);
		if (records->worked && !worked)
			records_on_worked(records);
		break;
	case STREAM_ENDED:
		ring_call_on_ended(ring);
		if (records->unimplemented)
			records_give_all_up(records);
		break;
	case STREAM_WOKEN:
		records_on_woken(records);
		break;
	case STREAM_TIMEOUT:
		break;
	}
}

static bool records_are_done(const struct records *records, unsigned int begin,
			     unsigned int end)
{
	for (unsigned int i = begin; i < end; i++)
		if (records->rings[i].state != RING_CALL_DONE)
			return false;
	return true;
}

/* Where the capture is, what is past waits for the next relay, unless it drains. */
static bool records_is_done(struct records *records)
{
	unsigned int live = records->reader->ring_count;

	if (!records_are_done(records, 0, live))
		return false;
	if (records->config->drain && records->past && !records->signalled &&
	    !records->unimplemented) {
		past_begin(records->past);
		return records_are_done(records, live, records->count);
	}
	for (unsigned int i = live; i < records->count; i++) {
		struct ring_call *ring = &records->rings[i];

		if (ring->call && ring->state != RING_CALL_ENDING && !records->signalled)
			ring_call_leave(ring);
		else if (ring->state == RING_CALL_PAUSE)
			ring->state = RING_CALL_DONE;
	}
	return records_are_done(records, live, records->count);
}

static enum records_result records_result(const struct records *records)
{
	bool safe = true;

	for (unsigned int i = 0; i < records->reader->ring_count; i++)
		safe &= records->rings[i].acked == records->rings[i].ring->head;
	if (records->unimplemented)
		return RECORDS_UNIMPLEMENTED;
	if (records->broken || records->failed)
		return RECORDS_FAILED;
	/* a feed that was not read to its end has more than the ring */
	if (records->config->feed && !records->ending)
		return RECORDS_FAILED;
	/* with a capture that is still there, nothing is lost */
	if (safe || (!records->config->feed && !records->finishing))
		return RECORDS_OK;
	return RECORDS_FAILED;
}

/* A savefile has no boot: all zero. */
static bool records_find_boot(struct records *records)
{
	const struct records_config *config = records->config;

	if (config->feed)
		return true;
	if (!config->boot)
		return boot_read(records->epoch.boot_id);
	memcpy(records->epoch.boot_id, config->boot, MESSAGE_ID_BYTES);
	return true;
}

static void records_init(struct records *records)
{
	const struct records_config *config = records->config;
	struct reader *reader = config->reader;
	struct ring_epoch *epoch = &records->epoch;

	records->count = reader->ring_count;
	records->rings = calloc(records->count + PCAPRING_RINGS_MAX, sizeof(*records->rings));
	if (!records->rings)
		abort();
	memcpy(epoch->capture, reader->info->uuid, sizeof(epoch->capture));
	epoch->ring_count = reader->ring_count;
	epoch->ring_bytes = config->feed ? 0 : reader->ring_bytes;
	epoch->resolution = config->feed ? config->feed->resolution : 0;
	epoch->metadata = &records->metadata;
	if (config->limit)
		limit_start(config->limit, reader);
	for (unsigned int i = 0; i < records->count; i++)
		ring_call_init(records, i, epoch, i, &reader->rings[i], &config->extents[i],
			       NULL);
	if (ring_spool_open(records, stream_wake))
		return;
	records->broken = true;
	for (unsigned int i = 0; i < records->count; i++)
		records->rings[i].state = RING_CALL_DONE;
}

static void records_loop(struct records *records)
{
	int64_t woken = clock_now();

	while (!records_is_done(records)) {
		struct stream *stream = records->config->stream;
		enum stream_event event;
		void *ring;
		int64_t now;

		records_work(records);
		now = clock_now();
		records_check_time(records, now, now - woken);
		if (records_is_done(records))
			break;
		event = stream_wait(stream, records_deadline(records), &ring);
		woken = clock_now();
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
		.alive = records_limit(config->alive_ms, RECORDS_ALIVE_MS),
		.welcome = records_limit(config->welcome_ms, RECORDS_WELCOME_MS),
		.patience = records_limit(config->patience_ms, RECORDS_PATIENCE_MS),
		.metadata = config->metadata,
		.look_at = CLOCK_NEVER,
		.patience_at = CLOCK_NEVER,
	};

	enum records_result result;

	records.peer = config->peer ? config->peer : &records.own;
	if (!records_find_boot(&records))
		return config->fallback ? RECORDS_UNIMPLEMENTED : RECORDS_FAILED;
	if (config->eventfd > 0)
		fcntl(config->eventfd, F_SETFL, O_NONBLOCK);
	records_init(&records);
	records_loop(&records);
	result = records_result(&records);
	ring_spool_close(&records);
	records_release(config->reader, config->extents);
	free(records.rings);
	return result;
}
