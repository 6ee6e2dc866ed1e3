// SPDX-License-Identifier: MIT
#include "records.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "common/log.h"
#include "common/service.h"
#include "copy.h"
#include "exclude.h"
#include "extent.h"
#include "limit.h"
#include "past.h"
#include "rate.h"
#include "reader.h"
#include "relay.h"
#include "ring_answer.h"
#include "ring_call.h"
#include "ring_keep.h"
#include "ring_send.h"
#include "spool/spool.h"
#include "status.h"
#include "stream.h"
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
/* Rings that nobody wakes for are looked at so often. */
#define RECORDS_LOOK		(10 * CLOCK_MILLISECOND)

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

/* What came before is good. */
static void records_break(struct records *records)
{
	records->reader->frozen = true;
	records->broken = true;
	records->ending = true;
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

/* Without a collector, there is something to wait for or there is not. */
static void records_finish(struct records *records, const char *why)
{
	if (records->finishing)
		return;
	log_info("%s: sending what is left", why);
	records->finishing = true;
	records_stop_source(records);
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

/* Heads, as far as they are wanted. */
static void records_load(struct records *records)
{
	struct limit *limit = records->config->limit;

	for (unsigned int i = 0; i < records->reader->ring_count; i++)
		if (!reader_load(records->reader, records->rings[i].ring))
			records_break(records);
	if (!limit || records->config->feed)
		return;
	switch (limit_look(limit, records->reader)) {
	case LIMIT_BELOW:
		break;
	case LIMIT_REACHED:
		records_finish(records, "the limit is reached");
		break;
	case LIMIT_BROKEN:
		records_break(records);
		break;
	}
}

/* Heads, and a time before which nothing more will come into any ring. */
static void records_look(struct records *records)
{
	struct records_feed *feed = records->config->feed;

	if (records->config->spool)
		spool_collect(records->config->spool);
	/* A receiver that speaks packet_streaming gets the file from its beginning. */
	if (feed && records->worked && !records->ending) {
		enum source_result result = feed->fill(feed);

		records->dry = result == SOURCE_EMPTY;
		records->broken |= result == SOURCE_ERROR;
		records->ending = result == SOURCE_END || result == SOURCE_ERROR;
	}
	records->stamp = feed ? 0 : clock_read(CLOCK_REALTIME);
	records_load(records);
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		struct ring_call *ring = &records->rings[i];

		if (records->config->copy)
			copy_want(records->config->copy, i, ring->ring->head);
		ring_keep_free(ring);
		ring->dropped = __atomic_load_n(&ring->ring->producer->count.dropped,
						__ATOMIC_RELAXED);
		if (!records->ending)
			ring_keep_spill(ring, false);
	}
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
	const struct spool *spool = records->config->spool;
	bool all = true, any = false, held = false, quiet = true;

	records->look_at = CLOCK_NEVER;
	if (records->armed || records->ending || (records->config->feed && !records->dry))
		all = false;
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		const struct ring_call *ring = &records->rings[i];
		bool idle = ring_send_is_idle(ring);

		any |= idle;
		all &= idle;
		quiet &= idle;
		held |= (ring->state == RING_CALL_STREAMING && ring->starved) ||
			ring->ring->safe != ring->ring->tail ||
			ring_keep_owes_spill(ring);
	}
	/*
	 * Nobody tells when extents are let go of, nor when half of a ring is full
	 * that no collector empties. And such a ring would wake us for ever:
	 * instead the others are looked at.
	 */
	held |= spool && (!quiet || spool_waits(spool));
	if (held || (any && !all && !records->armed &&
		     records->reader->ring_count > 1))
		records->look_at = clock_now() + RECORDS_LOOK;
	return all;
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
		records_look(records);
		if (!records_may_send(records))
			break;
		records_step(records);
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

static void records_wake(void *stream)
{
	stream_wake(stream);
}

/* Only files that are not what they say could have more of a ring than it had. */
static bool records_fits(const struct records *records, const struct spool_ring *spool)
{
	const struct reader_ring *ring = &records->reader->rings[spool->index];

	if (spool_empty(spool) || spool_end(spool) <= ring->head)
		return true;
	log_error("--spool: has bytes of ring %u up to %" PRIu64 ", which ends at %" PRIu64 ": move the files of this capture elsewhere",
		  spool->index, spool_end(spool), ring->head);
	return false;
}

/* What is there of the rings goes first. */
static bool records_open_spool(struct records *records)
{
	const struct ring_epoch *epoch = &records->epoch;
	struct spool *spool = records->config->spool;
	struct spoolfile_header header = {
		.ring_count = epoch->ring_count,
		.resolution = epoch->resolution,
		.ring_bytes = epoch->ring_bytes,
		.metadata = *epoch->metadata,
	};
	struct spool_epoch *live;

	if (!spool)
		return true;
	memcpy(header.id.boot, epoch->boot_id, sizeof(header.id.boot));
	memcpy(header.id.capture, epoch->capture, sizeof(header.id.capture));
	live = spool_live(spool, &header);
	spool_listen(spool, records_wake, records->config->stream);
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		if (!records_fits(records, &live->rings[i]))
			return false;
		ring_call_init(records, i, epoch, i, &records->reader->rings[i],
			       &records->config->extents[i], &live->rings[i]);
	}
	records->past = past_new(records);
	return true;
}

static void records_make_calls(struct records *records)
{
	struct exclude *exclude = records->config->exclude;

	records->broken = exclude && !exclude_start(exclude, records->metadata.linktype);
	records->broken |= !records_open_spool(records);
	if (records->config->copy)
		copy_start(records->config->copy, records_wake, records->config->stream);
	for (unsigned int i = 0; i < records->reader->ring_count; i++)
		ring_call_enter(&records->rings[i],
				records->broken ? RING_CALL_DONE : RING_CALL_PAUSE,
				i && !records->worked ? RECORDS_GATHER_MAX : 0);
}

/* The first Welcome: the other calls follow. */
static void records_on_worked(struct records *records)
{
	for (unsigned int i = 0; i < records->count; i++)
		if (records->rings[i].state == RING_CALL_PAUSE)
			ring_call_enter(&records->rings[i], RING_CALL_PAUSE,
					RECORDS_GATHER);
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
	if (!records->described)
		records_start(records);
	if (!records->described)
		return;
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

static int64_t records_sooner(int64_t a, int64_t b)
{
	if (a == CLOCK_NEVER || b == CLOCK_NEVER)
		return a == CLOCK_NEVER ? b : a;
	return a < b ? a : b;
}

static int64_t records_deadline(const struct records *records)
{
	int64_t deadline = records_sooner(records->look_at, records->patience_at);

	deadline = records_sooner(deadline, records_until(records));
	if (records->paced && rate_limits(records->config->rate))
		deadline = records_sooner(deadline, rate_deadline(records->config->rate));
	if (feedback_holds(&records->feedback))
		deadline = records_sooner(deadline, records->feedback.deadline);
	for (unsigned int i = 0; i < records->count; i++) {
		const struct ring_call *ring = &records->rings[i];

		if (ring->state != RING_CALL_DONE)
			deadline = records_sooner(deadline, ring->deadline);
		if (ring_send_is_idle(ring) && ring_send_owes_mark(ring))
			deadline = records_sooner(deadline, ring->mark_at);
	}
	return deadline;
}

/* What is there now still goes, where a collector takes it. */
static void records_on_signal(struct records *records)
{
	service_stopping();
	records->signalled = true;
	records_stop_source(records);
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
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	FILE *file = NULL;
	char text[64] = "";
	unsigned int n = 0;

	if (records->config->feed)
		return true;
	if (records->config->boot) {
		memcpy(records->epoch.boot_id, records->config->boot, MESSAGE_ID_BYTES);
		return true;
	}
	file = fopen(path, "re");
	if (file && fgets(text, sizeof(text), file))
		for (char *p = text; n < MESSAGE_ID_BYTES; n++, p += 2) {
			p += *p == '-';
			if (sscanf(p, "%2hhx", &records->epoch.boot_id[n]) != 1)
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

/* What no collector took may outlive the machine, too. */
static void records_close_spool(struct records *records)
{
	struct spool *spool = records->config->spool;

	if (!spool)
		return;
	spool_settle(spool);
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		ring_keep_free(&records->rings[i]);
		if (!records->unimplemented && records->described)
			ring_keep_spill(&records->rings[i], true);
	}
	spool_settle(spool);
	spool_listen(spool, NULL, NULL);
	for (unsigned int i = 0; i < records->reader->ring_count; i++)
		ring_keep_free(&records->rings[i]);
	past_free(records->past);
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
	records_close_spool(&records);
	records_release(config->reader, config->extents);
	free(records.rings);
	return result;
}
