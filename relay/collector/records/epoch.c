// SPDX-License-Identifier: MIT
#include "epoch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "collector/packets/packet.h"
#include "common/log.h"

/* A quarter of a sensor's buffer that is no ring, or a very small one. */
#define EPOCH_QUARTER		(1u << 20)
#define EPOCH_QUARTER_MIN	4096

struct epoch *epoch_new(struct ledger_file *state, const char *path)
{
	struct epoch *epoch = calloc(1, sizeof(*epoch));

	if (epoch)
		epoch->rings = calloc(state->ring_count, sizeof(*epoch->rings));
	if (!epoch || !epoch->rings) {
		free(epoch);
		ledger_free_file(state);
		return NULL;
	}
	epoch->state = state;
	epoch->format = state->format;
	epoch->file.fd = -1;
	epoch->file.stop_fd = -1;
	snprintf(epoch->path, sizeof(epoch->path), "%s", path);
	return epoch;
}

void epoch_free(struct epoch *epoch)
{
	if (epoch->merge)
		merge_free(epoch->merge);
	ringfile_close(&epoch->file);
	free(epoch->rings);
	ledger_free_file(epoch->state);
	free(epoch);
}

void epoch_note(struct epoch *epoch)
{
	if (epoch->sync)
		syncer_note(epoch->syncer, epoch->sync, epoch->state->rings,
			    epoch->state->length, epoch->came);
	epoch->dirty = false;
	epoch->came = 0;
}

/*
 * How long that took since the capture, by the sensor's clock. A savefile that is
 * streamed, which has no boot, is of any time, as plain packets may be.
 */
static void epoch_measure(struct epoch *epoch, uint32_t i, uint64_t first, uint64_t last)
{
	static const uint8_t none[MESSAGE_ID_BYTES];
	uint64_t now = clock_read(CLOCK_REALTIME);
	struct epoch_ring *ring = &epoch->rings[i];

	if (!memcmp(epoch->state->boot, none, sizeof(none)) ||
	    !memcmp(epoch->state->boot, EPOCH_PLAIN, sizeof(none)))
		return;
	metrics_observe(&epoch->delay, (double)(int64_t)(now - first) / CLOCK_SECOND);
	ring->lag = (double)(int64_t)(now - last) / CLOCK_SECOND;
	ring->lag_known = true;
}

/*
 * So many bytes more of a ring, with records from the @first time to the @last,
 * are in the file.
 */
static void epoch_account(struct ledger_ring *ring, uint64_t length,
			  uint64_t first, uint64_t last)
{
	uint64_t left = ring->twice > ring->offset ? ring->twice - ring->offset : 0;

	ring->duplicates += left < length ? left : length;
	ring->offset += length;
	if (first < ring->first || !ring->first)
		ring->first = first;
	if (last > ring->last)
		ring->last = last;
}

static bool epoch_write(void *context, void *bytes, size_t size,
			const struct merge_part *parts)
{
	struct epoch *epoch = context;
	struct iovec whole = { bytes, size };
	struct pieces pieces = { &whole, 1 };

	if (!epoch_ready(epoch) || !ringfile_append(&epoch->file, &pieces))
		return false;
	epoch->state->length += size;
	for (uint32_t i = 0; i < epoch->state->ring_count; i++) {
		struct ledger_ring *ring = &epoch->state->rings[i];

		if (!parts[i].length)
			continue;
		epoch_account(ring, parts[i].length, parts[i].first, parts[i].last);
		epoch_measure(epoch, i, parts[i].first, parts[i].last);
		ring->packets += parts[i].packets;
		ring->bytes += parts[i].bytes;
		ring->disorder += parts[i].disorder;
		epoch->came += parts[i].length;
		epoch->series.packets += parts[i].packets;
		epoch->dirty = true;
	}
	epoch_turn_full(epoch);
	epoch_most_merged(epoch);
	return true;
}

/* A merge begins, or again, behind what the file has. */
static void epoch_begin_merge(struct epoch *epoch)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < epoch->state->ring_count; i++)
		if (epoch->state->rings[i].last > last)
			last = epoch->state->rings[i].last;
	merge_begin(epoch->merge, last);
}

bool epoch_open(struct epoch *epoch, struct syncer *syncer, uint64_t hold_back,
		uint64_t now)
{
	const struct ledger_file *state = epoch->state;

	epoch->header = state->length;
	if (!syncer || (state->ring_count > 1 && state->ring == LEDGER_ALL)) {
		epoch->merge = merge_new(state->ring_count,
					 ringfile_swapped(&state->format),
					 state->format.microseconds, hold_back,
					 now, epoch_write, epoch);
		if (!epoch->merge)
			return false;
		epoch_begin_merge(epoch);
	}
	epoch->syncer = syncer;
	if (!syncer)
		return true;
	epoch->sync = syncer_add(syncer, epoch->file.fd, state, epoch->declared);
	if (!epoch->sync && epoch->merge) {
		merge_free(epoch->merge);
		epoch->merge = NULL;
	}
	return epoch->sync;
}

bool epoch_close(struct epoch *epoch)
{
	if (*epoch->series.name)
		return false;
	for (uint32_t i = 0; i < epoch->state->ring_count; i++)
		if (epoch->rings[i].stream || !epoch_drained(epoch, i))
			return false;
	if (!epoch->sync ||
	    !syncer_remove(epoch->syncer, epoch->sync, &epoch->declared))
		return false;
	epoch->sync = NULL;
	if (epoch->merge)
		merge_free(epoch->merge);
	epoch->merge = NULL;
	ringfile_close(&epoch->file);
	return true;
}

void epoch_attach(struct epoch *epoch, uint32_t i, uint64_t ring_bytes)
{
	struct epoch_ring *ring = &epoch->rings[i];
	uint64_t quarter = ring_bytes ? ring_bytes / 4 : EPOCH_QUARTER;

	epoch->finished = false;
	ring->received = epoch->state->rings[i].offset;
	if (epoch->merge)
		merge_join(epoch->merge, i);
	walk_begin(&ring->walk, ring->received,
		   ringfile_swapped(&epoch->state->format));
	if (!epoch->sync)
		return;
	syncer_quarter(epoch->syncer, epoch->sync, quarter > EPOCH_QUARTER_MIN ?
		       quarter : EPOCH_QUARTER_MIN);
	if (!epoch_settled(epoch, i)) {
		epoch_note(epoch);
		syncer_urge(epoch->syncer);
	}
}

bool epoch_settled(struct epoch *epoch, uint32_t i)
{
	const struct ledger_ring *ring = &epoch->state->rings[i];
	struct ledger_ring safe;
	bool declared;

	if (!epoch->sync)
		return true;
	return syncer_safe(epoch->syncer, epoch->sync, i, &safe, &declared) &&
	       declared && safe.known == ring->known &&
	       safe.offset == ring->offset && safe.twice == ring->twice;
}

int epoch_error(struct epoch *epoch)
{
	struct ledger_ring safe;
	bool declared;

	if (!epoch->sync || syncer_safe(epoch->syncer, epoch->sync, 0, &safe, &declared))
		return 0;
	return errno;
}

static void epoch_cannot(const struct epoch *epoch, struct call_status *status)
{
	if (epoch->room)
		room_failed(epoch->room, errno);
	call_fail(status, call_code(errno), "cannot write %.256s: %s",
		  epoch->path, strerror(errno));
}

void epoch_snaplen(struct epoch *epoch, uint32_t snaplen)
{
	if (snaplen <= epoch->format.snaplen)
		return;
	epoch->format.snaplen = snaplen;
	if (epoch->header && epoch->sync &&
	    !ringfile_snaplen(&epoch->file, &epoch->format))
		log_warning("%s: its header cannot be changed: %m", epoch->path);
}

static void epoch_too_long(struct call_status *status, uint64_t offset,
			   uint32_t caplen)
{
	call_fail(status, CALL_INVALID_ARGUMENT,
		  "the record at offset %" PRIu64 " has a caplen of %u bytes, at most %d are valid",
		  offset, caplen, PACKET_CAPLEN_MAX);
}

/* Of a file that is the only one. */
static bool epoch_start(struct epoch *epoch)
{
	if (epoch->header)
		return true;
	if (!ringfile_start(&epoch->file, &epoch->format))
		return false;
	epoch->state->length = RINGFILE_HEADER;
	epoch->header = true;
	return true;
}

bool epoch_begin(struct epoch *epoch, uint32_t i, uint64_t start,
		 struct call_status *status)
{
	struct ledger_ring *state = &epoch->state->rings[i];
	struct epoch_ring *ring = &epoch->rings[i];

	if (!epoch->series.config && !epoch_start(epoch)) {
		epoch_cannot(epoch, status);
		return false;
	}
	if (!state->known) {
		state->known = true;
		state->offset = start;
	}
	ring->received = state->offset;
	walk_begin(&ring->walk, state->offset,
		   ringfile_swapped(&epoch->state->format));
	epoch_note(epoch);
	return true;
}

uint64_t epoch_jump(struct epoch *epoch, uint32_t i, uint64_t tail)
{
	struct ledger_ring *state = &epoch->state->rings[i];
	struct epoch_ring *ring = &epoch->rings[i];
	uint64_t skipped = tail - state->offset;

	state->offset = tail;
	state->elsewhere += skipped;
	ring->received = tail;
	walk_begin(&ring->walk, tail, ringfile_swapped(&epoch->state->format));
	epoch->dirty = true;	/* and told with the records that follow */
	return skipped;
}

static uint64_t epoch_time(const struct epoch *epoch, const unsigned char *header)
{
	const struct ringfile_format *format = &epoch->state->format;

	return walk_time(header, ringfile_swapped(format), format->microseconds);
}

/* Write the first @length bytes of @data, which begins behind them then. */
static bool epoch_append(struct epoch *epoch, struct pieces *data, uint64_t length)
{
	struct pieces head;
	struct iovec cut;
	bool done;

	if (!length)
		return true;
	head = pieces_head(data, length, &cut);
	done = ringfile_append(&epoch->file, &head);
	pieces_tail(data, &cut);
	return done;
}

/*
 * A single ring: what is whole counts, the rest is there, too. *@length: of @data;
 * of what was not written, for another file comes.
 */
static enum epoch_result epoch_direct(struct epoch *epoch, uint32_t i,
				      struct pieces *data, uint64_t *length,
				      struct call_status *status)
{
	struct ledger_ring *state = &epoch->state->rings[i];
	struct epoch_ring *ring = &epoch->rings[i];
	struct walk walk = ring->walk;
	uint64_t begin = walk.offset, end;
	bool valid;

	if (!epoch_ready(epoch)) {
		epoch_cannot(epoch, status);
		return EPOCH_FAILED;
	}
	epoch_most_walked(epoch, &walk);
	valid = walk_pieces(&walk, data);
	end = valid ? walk.offset : walk.boundary;
	end = end > begin ? end - begin : 0;
	if (!epoch_append(epoch, data, end)) {
		epoch_cannot(epoch, status);
		return EPOCH_FAILED;
	}
	*length -= end;
	epoch->state->length += walk.boundary - state->offset;
	if (walk.packets) {
		uint64_t first = epoch_time(epoch, walk.first);
		uint64_t last = epoch_time(epoch, walk.last);

		epoch_account(state, walk.boundary - state->offset, first, last);
		epoch_measure(epoch, i, first, last);
	}
	state->packets += walk.packets;
	state->bytes += walk.bytes;
	epoch->series.packets += walk.packets;
	walk.packets = walk.bytes = 0;
	ring->walk = walk;
	epoch->came += end;
	epoch->dirty = true;
	if (walk.full)
		epoch_turn_full(epoch);
	if (valid)
		return EPOCH_FINE;
	epoch_too_long(status, walk.boundary, walk.caplen);
	return EPOCH_INVALID;
}

static enum epoch_result epoch_queue(struct epoch *epoch, uint32_t i,
				     struct records *records, uint64_t now,
				     struct call_status *status)
{
	uint32_t caplen;

	if (merge_append(epoch->merge, i, &records->data, now, &caplen))
		return EPOCH_FINE;
	if (errno == ENOMEM) {
		epoch_cannot(epoch, status);
		return EPOCH_FAILED;
	}
	epoch_too_long(status, epoch->state->rings[i].offset +
		       merge_held(epoch->merge, i), caplen);
	return EPOCH_INVALID;
}

enum epoch_result epoch_release(struct epoch *epoch, uint64_t now, bool all,
				struct call_status *status)
{
	enum epoch_result result = EPOCH_FINE;

	if (epoch->merge)
		epoch_most_merged(epoch);
	if (epoch->merge && !merge_release(epoch->merge, now, all)) {
		epoch_cannot(epoch, status);
		merge_drop(epoch->merge);
		result = EPOCH_FAILED;
	}
	if (epoch->dirty)
		epoch_note(epoch);
	return result;
}

enum epoch_result epoch_receive(struct epoch *epoch, uint32_t i,
				struct records *records, uint64_t now,
				struct call_status *status)
{
	struct ledger_ring *state = &epoch->state->rings[i];
	enum epoch_result result = EPOCH_FINE, released;
	uint64_t rest = records->length;

	if (records->dropped > state->dropped) {
		state->dropped = records->dropped;
		epoch->dirty = true;
	}
	if (epoch->room && room_low(epoch->room)) {
		errno = ENOSPC;
		epoch_cannot(epoch, status);
		return EPOCH_FAILED;
	}
	epoch_turn_due(epoch);
	if (records->length && epoch->merge)
		result = epoch_queue(epoch, i, records, now, status);
	while (rest && !epoch->merge && result == EPOCH_FINE)
		result = epoch_direct(epoch, i, &records->data, &rest, status);
	epoch->rings[i].received += records->length;
	if (epoch->merge && records->complete_until)
		merge_complete(epoch->merge, i, records->complete_until);
	if (result == EPOCH_FAILED)
		return result;
	released = epoch_release(epoch, now, false, status);
	return released == EPOCH_FINE ? result : released;
}

bool epoch_drained(const struct epoch *epoch, uint32_t i)
{
	return !epoch->merge || !merge_held(epoch->merge, i);
}

void epoch_detach(struct epoch *epoch, uint32_t i, bool finished, uint64_t now)
{
	epoch->left = now;
	epoch->finished = finished;
	if (epoch->merge)
		merge_leave(epoch->merge, i, finished, now);
	else if (epoch->file.end > epoch->state->length && epoch->file.stop_fd < 0 &&
		 !ringfile_cut(&epoch->file, epoch->state->length))
		log_error("%s: a torn record cannot be cut: %m", epoch->path);
}

void epoch_back(struct epoch *epoch)
{
	int fd = epoch->file.fd;

	if (syncer_reset(epoch->syncer, epoch->sync, epoch->state, &fd, epoch->series.name,
			 &epoch->series.packets))
		epoch_return(epoch, fd);
	epoch->patience = clock_read(CLOCK_MONOTONIC) + CLOCK_SECOND;
	if (epoch->merge) {
		merge_drop(epoch->merge);
		epoch_begin_merge(epoch);
	}
	if (fd >= 0 && !ringfile_cut(&epoch->file, epoch->state->length))
		log_error("%s: cannot be cut: %m", epoch->path);
	epoch->header = epoch->state->length;
}

/* Say that the epoch's file cannot go on, and why. */
static void epoch_say_gone(const struct epoch *epoch, enum ringfile_state state,
			      uint64_t end)
{
	uint64_t length = epoch->state->length;

	if (state == RINGFILE_SHORT)
		log_error("%s: has %" PRIu64 " bytes, the journal knows %" PRIu64 ": %" PRIu64 " bytes are missing; its sensor begins a new file",
			  epoch->path, end, length, epoch->state->missing);
	else
		log_error("%s: is not the file that was left there, of %" PRIu64 " bytes; its sensor begins a new file",
			  epoch->path, length);
}

void epoch_lose(struct epoch *epoch, enum ringfile_state state, uint64_t end)
{
	epoch->state->gone = true;
	epoch->state->missing = epoch->state->length;
	if (state == RINGFILE_SHORT)
		epoch->state->missing -= end;
	epoch_say_gone(epoch, state, end);
}

void epoch_end_all(struct epoch *epoch, const struct call_status *status)
{
	for (uint32_t i = 0; i < epoch->state->ring_count; i++)
		if (epoch->rings[i].stream)
			epoch->rings[i].end(epoch->rings[i].stream, status);
}

bool epoch_attached(const struct epoch *epoch)
{
	for (uint32_t i = 0; i < epoch->state->ring_count; i++)
		if (epoch->rings[i].stream)
			return true;
	return false;
}
