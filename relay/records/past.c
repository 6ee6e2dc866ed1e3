// SPDX-License-Identifier: MIT
#include "past.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "ring_call.h"
#include "source/reader.h"
#include "spool/spool.h"

/**
 * struct past - an epoch
 * @spooled: NULL: none yet
 * @rings: positions; there is no memory behind them
 * @pages: consumer pages of theirs, for notes
 */
struct past {
	struct records *records;
	struct spool_epoch *spooled;
	struct ring_epoch epoch;
	struct reader_ring rings[PCAPRING_RINGS_MAX];
	struct pcapring_consumer pages[PCAPRING_RINGS_MAX];
};

struct past *past_new(struct records *records)
{
	struct past *past = calloc(1, sizeof(*past));

	if (!past)
		abort();
	past->records = records;
	return past;
}

void past_free(struct past *past)
{
	free(past);
}

/*
 * How far it was sent when its relay died, nobody knows; if to the collector of
 * which the spool knows, as far as it goes.
 */
static void past_write_notes(const struct spool_ring *spool, struct pcapring_consumer *page)
{
	const struct spoolfile_stretch *newest = &spool->newest;
	struct notes notes = {
		.sent = newest->known ? spool_end(spool) : spool_begin(spool),
		.known = newest->known,
	};

	memcpy(notes.collector, newest->collector, sizeof(notes.collector));
	memset(page->notes, 0, sizeof(page->notes));
	notes_write(&notes, page->notes);
}

static void past_add(struct past *past, struct spool_ring *spool)
{
	struct records *records = past->records;
	unsigned int number = records->count++;
	struct reader_ring *ring = &past->rings[number - records->reader->ring_count];
	struct pcapring_consumer *page = &past->pages[ring - past->rings];

	past_write_notes(spool, page);
	*ring = (struct reader_ring) {
		.position = spool_begin(spool),
		.head = spool_end(spool),
		.tail = spool_begin(spool),
		.consumer = page,
	};
	ring_call_init(records, number, &past->epoch, spool->index, ring, NULL, spool);
	records->rings[number].dropped = spool->newest.dropped;
	ring_call_enter(&records->rings[number], RING_CALL_PAUSE,
			records->worked ? 0 : CLOCK_SECOND);
}

static bool past_is_under_way(const struct past *past)
{
	const struct records *records = past->records;

	for (unsigned int i = records->reader->ring_count; i < records->count; i++)
		if (records->rings[i].state != RING_CALL_DONE)
			return true;
	return false;
}

void past_begin(struct past *past)
{
	struct records *records = past->records;
	const struct spoolfile_header *header;
	struct spool_epoch *before = past->spooled;

	if (past_is_under_way(past))
		return;
	records->count = records->reader->ring_count;
	past->spooled = spool_past(records->config->spool);
	if (!past->spooled || past->spooled == before)
		return;
	header = &past->spooled->header;
	past->epoch = (struct ring_epoch) {
		.ring_count = header->ring_count,
		.ring_bytes = header->ring_bytes,
		.resolution = header->resolution,
		.metadata = &header->metadata,
	};
	memcpy(past->epoch.boot_id, header->id.boot, sizeof(past->epoch.boot_id));
	memcpy(past->epoch.capture, header->id.capture, sizeof(past->epoch.capture));
	for (unsigned int i = 0; i < header->ring_count; i++)
		if (!spool_empty(&past->spooled->rings[i]))
			past_add(past, &past->spooled->rings[i]);
}
