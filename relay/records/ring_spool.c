// SPDX-License-Identifier: MIT
#include "ring_spool.h"

#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "past.h"
#include "ring_call.h"
#include "ring_keep.h"
#include "source/reader.h"
#include "spool/spool.h"

/* Only files that are not what they say could have more of a ring than it had. */
static bool ring_spool_fits(const struct records *records, const struct spool_ring *spool)
{
	const struct reader_ring *ring = &records->reader->rings[spool->index];

	if (spool_empty(spool) || spool_end(spool) <= ring->head)
		return true;
	log_error("--spool: has bytes of ring %u up to %" PRIu64 ", which ends at %" PRIu64 ": move the files of this capture elsewhere",
		  spool->index, spool_end(spool), ring->head);
	return false;
}

/* The epoch that is captured, as far as it is known. */
static struct spool_epoch *ring_spool_live(struct records *records)
{
	const struct ring_epoch *epoch = &records->epoch;
	struct spoolfile_header header = {
		.ring_count = epoch->ring_count,
		.resolution = epoch->resolution,
		.ring_bytes = epoch->ring_bytes,
		.metadata = *epoch->metadata,
	};

	memcpy(header.id.boot, epoch->boot_id, sizeof(header.id.boot));
	memcpy(header.id.capture, epoch->capture, sizeof(header.id.capture));
	return spool_live(records->config->spool, &header);
}

bool ring_spool_open(struct records *records, void (*wake)(void *stream))
{
	struct spool *spool = records->config->spool;
	struct spool_epoch *live;

	if (!spool)
		return true;
	live = ring_spool_live(records);
	spool_listen(spool, wake, records->config->stream);
	for (unsigned int i = 0; i < records->reader->ring_count; i++) {
		if (!ring_spool_fits(records, &live->rings[i]))
			return false;
		ring_call_init(records, i, &records->epoch, i, &records->reader->rings[i],
			       &records->config->extents[i], &live->rings[i]);
	}
	records->past = past_new(records);
	return true;
}

void ring_spool_describe(struct records *records)
{
	if (records->config->spool)
		ring_spool_live(records);
}

void ring_spool_close(struct records *records)
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
