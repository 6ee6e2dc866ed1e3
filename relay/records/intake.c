// SPDX-License-Identifier: MIT
#include "intake.h"

#include <stdio.h>
#include <sys/eventfd.h>

#include "copy.h"
#include "limit.h"
#include "ring_call.h"
#include "ring_keep.h"
#include "ring_send.h"
#include "source/reader.h"
#include "spool/spool.h"
#include "watch.h"

/* Rings that nobody wakes for are looked at so often. */
#define INTAKE_LOOK		(10 * CLOCK_MILLISECOND)

bool intake_describe(struct records *records)
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

/* What came before is good. */
static void intake_break(struct records *records)
{
	records->reader->frozen = true;
	records->broken = true;
	records->ending = true;
}

/* After the heads, and as long as those are wanted: what is lost later has no end. */
static void intake_count_dropped(struct records *records)
{
	for (unsigned int i = 0; i < records->reader->ring_count; i++)
		records->rings[i].dropped =
			__atomic_load_n(&records->rings[i].ring->producer->count.dropped,
					__ATOMIC_RELAXED);
}

void intake_stop(struct records *records)
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
	intake_count_dropped(records);
	records->ending = true;
}

static void intake_fill(struct records *records)
{
	struct records_feed *feed = records->config->feed;
	enum source_result result = feed->fill(feed);

	records->dry = result == SOURCE_EMPTY;
	records->broken |= result == SOURCE_ERROR;
	records->ending = result == SOURCE_END || result == SOURCE_ERROR;
}

/* Heads, as far as they are wanted. True: the last one is. */
static bool intake_load(struct records *records)
{
	struct limit *limit = records->config->limit;
	enum limit_result result;

	for (unsigned int i = 0; i < records->reader->ring_count; i++)
		if (!reader_load(records->reader, records->rings[i].ring))
			intake_break(records);
	if (!limit || records->config->feed || records->broken)
		return false;
	result = limit_look(limit, records->reader);
	if (result == LIMIT_BROKEN)
		intake_break(records);
	return result == LIMIT_REACHED;
}

/* Of several rings, another look shows that nothing older will come. */
static void intake_copy(struct records *records)
{
	const struct reader *reader = records->reader;
	uint64_t ends[PCAPRING_RINGS_MAX];

	for (unsigned int i = 0; i < reader->ring_count; i++)
		ends[i] = reader->rings[i].head;
	copy_want(records->config->copy, ends, reader->ring_count == 1 || reader->frozen);
}

bool intake_look(struct records *records)
{
	struct records_feed *feed = records->config->feed;
	bool ending = records->ending, reached;

	if (records->config->spool)
		spool_collect(records->config->spool);
	/* A receiver that speaks packet_streaming gets the file from its beginning. */
	if (feed && records->worked && !records->ending)
		intake_fill(records);
	records->stamp = feed ? 0 : clock_read(CLOCK_REALTIME);
	reached = intake_load(records);
	if (!ending)
		intake_count_dropped(records);
	intake_copy(records);
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		struct ring_call *ring = &records->rings[i];

		ring_keep_free(ring);
		if (!records->ending || records->deleted)
			ring_keep_spill(ring, false);
	}
	return reached;
}

bool intake_is_dry(struct records *records)
{
	const struct spool *spool = records->config->spool;
	const struct copy *copy = records->config->copy;
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
		held |= ring->ring->safe != ring->ring->tail || ring_keep_owes_spill(ring);
	}
	for (unsigned int i = 0; i < records->count; i++)
		held |= records->rings[i].state == RING_CALL_STREAMING &&
			records->rings[i].starved;
	/*
	 * Nobody tells when extents are let go of, nor when half of a ring is full
	 * that no collector empties, or the copy wants what comes meanwhile. And
	 * such a ring would wake us for ever: instead the others are looked at.
	 */
	held |= (spool || copy) && records->described && !quiet;
	held |= (spool && spool_waits(spool)) || copy_waits(copy);
	if (held || (any && !all && !records->armed &&
		     records->reader->ring_count > 1))
		records->look_at = clock_now() + INTAKE_LOOK;
	return all;
}

bool intake_sleep(struct records *records)
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
