/* SPDX-License-Identifier: MIT */
/*
 * The rings of a capture device, mapped (linux/pcapring.h says how). The only
 * file that knows mmap.
 */
#ifndef RELAY_READER_H
#define RELAY_READER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/pcapring.h>

/**
 * struct reader_ring - one ring
 * @data: its bytes, twice back to back: a record never wraps
 * @mask: size in bytes - 1
 * @position: of the next record to be read
 * @head: end of the last record, as last loaded; position <= head
 * @tail: as last stored
 * @safe: everything before it is, wherever it went: the tail may move there
 * @floor: but not past this position, between two records, which another thread
 *	moves when it has read so far; NULL: nobody does
 */
struct reader_ring {
	const uint8_t *data;
	uint64_t mask;
	uint64_t position;
	uint64_t head;
	uint64_t tail;
	uint64_t safe;
	const uint64_t *floor;
	const struct pcapring_producer *producer;
	struct pcapring_consumer *consumer;
};

/**
 * struct reader - an open device
 * @name: what errors call it
 * @fd: its file
 * @frozen: heads are not loaded any more
 * @info: its info page
 * @rings: @ring_count of them
 * @pages: info, consumer and producer pages, as mapped
 */
struct reader {
	char name[64];
	int fd;
	bool frozen;
	unsigned int ring_count;
	uint64_t ring_bytes;
	const struct pcapring_info *info;
	struct reader_ring *rings;
	struct {
		void *memory;
		size_t size;
	} pages[3];
};

/* Open the device and map its rings. False: the error was logged. */
bool reader_open(struct reader *reader, const char *path);

/* The same on a file that is laid out as a device; takes @fd over. */
bool reader_open_fd(struct reader *reader, int fd, const char *name);

/*
 * A ring of memory that no kernel fills: one that is laid out as a device's is,
 * for reader_append(). @info has the ring's size, link type, snaplen and UUID.
 * False: the error was logged.
 */
bool reader_open_memory(struct reader *reader, struct pcapring_info info);

/* Append a record to it. False: no room now. */
bool reader_append(const struct reader *reader, const struct pcapring_record *record,
		   const void *data);

/* Unmap and close. Rings stay where their tails are. */
void reader_close(struct reader *reader);

/* LINKTYPE_* or PCAPRING_LINKTYPE_NONE. */
uint32_t reader_linktype(const struct reader *reader);

/* Load the ring's head. False: it cannot be; the error was logged. */
bool reader_load(const struct reader *reader, struct reader_ring *ring);

/*
 * Copy the header of the record at @position, which is below the ring's head.
 * False: the record cannot be; the error was logged.
 */
bool reader_peek_at(const struct reader *reader, const struct reader_ring *ring,
		    uint64_t position, struct pcapring_record *record);

/* The same at the ring's position. */
static inline bool reader_peek(const struct reader *reader, const struct reader_ring *ring,
			       struct pcapring_record *record)
{
	return reader_peek_at(reader, ring, ring->position, record);
}

static inline const uint8_t *reader_at(const struct reader_ring *ring,
				       uint64_t position)
{
	return ring->data + (position & ring->mask);
}

/*
 * Tell the kernel how far all rings were read, for a reader that is about to
 * sleep. False: a ring has more meanwhile.
 */
bool reader_seen(struct reader *reader);

/* Bytes that ever came into all rings, and that are free in the fullest one. */
void reader_level(const struct reader *reader, uint64_t *captured, uint64_t *room);

/* Everything before @tail, a record boundary, is free, as far as @floor allows. */
void reader_release(struct reader_ring *ring, uint64_t tail);

/*
 * Packets have to pass this program, too, from now on; with @length 0, no
 * longer. False: the error was logged.
 */
bool reader_set_filter(const struct reader *reader, const struct sock_filter *program,
		       size_t length);

/* Load all heads a last time. False as of reader_load(). */
bool reader_freeze(struct reader *reader);

#endif
