/* SPDX-License-Identifier: MIT */
/*
 * Where bytes of rings wait on the disk while no collector takes them.
 *
 * The life of a stretch
 * ---------------------
 * 1. No call of a ring is welcome and acknowledged, or the one there is has not
 *    come to what was captured last, and half of the ring is neither
 *    acknowledged nor here; or anything of it, where the capture was deleted and
 *    only this process has its rings. All of it, up to the ring's head, is one
 *    stretch: its ends lie between records, and nobody looks at what is between
 *    them.
 *
 * 2. It is written from the ring's memory, which an extent keeps from being
 *    freed, to a file of its ring (spoolfile.h). Once file and folder are synced,
 *    and not before, the bytes are here, and the ring's tail may move.
 *
 * 3. A call goes on where the collector stands. A byte has one name, here as in
 *    the ring, so Welcome and Acks are the same as ever. What is here is sent
 *    first, in the order of offsets, then what the ring has, on the same call:
 *    Hello's tail is the first byte that is here, its head the ring's. It tells
 *    no ring_bytes where more than that is between the two; as soon as nothing
 *    is here any more, another call tells it.
 *
 * 4. Before a file is sent from, it is read once, and checked: what is damaged is
 *    said and not sent. Then it is mapped; slices of messages refer to the map.
 *
 * 5. A file of which every byte was acknowledged is unmapped and removed when
 *    the last slice that refers to it is gone. A file that was sent, but not
 *    acknowledged, is unmapped then: no more are mapped than slices refer to,
 *    and two.
 *
 * A restart
 * ---------
 * A folder belongs to one relay at a time. All that is in it is looked at when
 * the relay starts. What the last stretch of a ring is not whole with is cut: it
 * was not synced, so the ring still has it, or has lost it with the machine. The
 * ring's tail moves to the end of what is here. Where the ring begins only
 * behind that, there is a gap: what is here is sent and acknowledged, then the
 * next call's Hello begins behind the gap, and both sides count what is missing
 * as consumed elsewhere.
 *
 * An epoch other than the one that is captured, of a capture that is gone or a
 * boot before, has calls of its own, with the Hello that its files tell, beside
 * those of the live one; one epoch at a time, the oldest first. They half-close
 * when all is sent, and their files go when all is acknowledged.
 *
 * What is full
 * ------------
 * At most so many bytes lie in the folder as its user said. A stretch that does
 * not fit, or cannot be written, stays in the ring, which fills; the kernel
 * counts what it drops. It is tried again as there is room, after an error a
 * second later. Changes are said, not each attempt.
 *
 * Threads
 * -------
 * The relay's thread decides, sends, and owns everything in this header. Whatever
 * touches the disk is done by a thread of the spool's own, one job after the
 * other, writing before reading: a slow disk stalls no ring. It works on what its
 * job holds, which nobody else touches meanwhile. Slices may be destroyed by any
 * thread: that is an atomic store to an extent, which the relay's thread finds.
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "channel/extent.h"
#include "spool/spoolfile.h"

struct spool;
struct spool_file;
struct spool_write;

/**
 * struct spool_ring - what is here of a ring
 * @index: its number
 * @first, @last: files with bytes that are not acknowledged, by offset
 * @going: files of which all is; they wait for slices that refer to them
 * @acked: offset of the last Ack
 * @read: where spool_piece() was asked for last
 * @extents: of slices
 * @part: the stretch where that was, at @part_at in @part_file
 * @newest: the last stretch, when the spool was opened
 * @write: one is being written
 */
struct spool_ring {
	struct spool *spool;
	struct spool_epoch *epoch;
	unsigned int index;
	struct spool_file *first;
	struct spool_file *last;
	struct spool_file *going;
	uint64_t acked;
	uint64_t read;
	struct extents extents;
	struct spoolfile_stretch part;
	const struct spool_file *part_file;
	uint64_t part_at;
	struct spoolfile_stretch newest;
	struct spool_write *write;
};

/**
 * struct spool_epoch - the rings of a capture
 * @header: what Hello says of them; its id names no ring
 * @live: it is being captured
 */
struct spool_epoch {
	struct spool_epoch *next;
	struct spoolfile_header header;
	bool live;
	struct spool_ring rings[SPOOLFILE_RINGS_MAX];
};

/**
 * struct spool_piece - bytes that can be sent
 * @data: they stay as long as an extent of the ring's holds one of them
 * @size: up to the end of their stretch
 * @dropped, @complete_until: of the stretch
 */
struct spool_piece {
	const uint8_t *data;
	uint64_t size;
	uint64_t dropped;
	uint64_t complete_until;
};

enum spool_answer {
	SPOOL_NONE,	/* that byte is not here */
	SPOOL_WAIT,	/* it is being read; the spool wakes */
	SPOOL_PIECE	/* here it is */
};

/*
 * Open a folder, or make it, for at most @max bytes, and look at what is in it.
 * NULL: the error was logged.
 */
struct spool *spool_open(const char *folder, uint64_t max);

/* No stream refers to what is here any more. What is being written will be. */
void spool_close(struct spool *spool);

/*
 * From now on @wake is called, by the spool's thread, when spool_collect() has
 * something to do. NULL: nobody is, and none is under way when it returns.
 */
void spool_listen(struct spool *spool, void (*wake)(void *context), void *context);

/*
 * The epoch that is captured now, and what its files shall say; what is here of
 * it already belongs to it. The spool's, like all epochs.
 */
struct spool_epoch *spool_live(struct spool *spool, const struct spoolfile_header *header);

/* The oldest epoch of which something is here, but the live one. NULL: none. */
struct spool_epoch *spool_past(struct spool *spool);

/* Take the thread's results; unmap and remove what nobody needs any more. */
void spool_collect(struct spool *spool);

/* Something waits for slices that refer to it: collect again, soon. */
bool spool_waits(const struct spool *spool);

/* Bytes of rings that are here and not acknowledged. */
uint64_t spool_bytes(const struct spool *spool);

static inline bool spool_empty(const struct spool_ring *ring)
{
	return !ring->first;
}

/* Of one that is not empty: its first byte that is not acknowledged. */
uint64_t spool_begin(const struct spool_ring *ring);

/* Of one that is not empty: the end of its last byte. */
uint64_t spool_end(const struct spool_ring *ring);

bool spool_has(const struct spool_ring *ring, uint64_t position);

/* The end of what is here without a gap from @position on; @position: nothing. */
uint64_t spool_run(const struct spool_ring *ring, uint64_t position);

/* What can be sent from @position on. */
enum spool_answer spool_piece(struct spool_ring *ring, uint64_t position,
			      struct spool_piece *piece);

/* Everything before @offset is safe at the collector. */
void spool_acknowledge(struct spool_ring *ring, uint64_t offset);

/*
 * Begin to write a stretch, its CRC aside, that begins at or behind the end of
 * what is here. @extent holds @data, in the ring, and is let go of once that is
 * written or cannot be. False: not now, nothing was done with it.
 */
bool spool_write(struct spool_ring *ring, const struct spoolfile_stretch *stretch,
		 const void *data, struct extent *extent);

/* Wait until all that was begun is done, and collect it. */
void spool_settle(struct spool *spool);

#endif
