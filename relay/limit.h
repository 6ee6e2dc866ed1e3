/* SPDX-License-Identifier: MIT */
/*
 * When a relay has had enough: after so many packets, bytes of packets, or at a
 * time. Packet by packet that is a number to be compared. Over pcapring.v1,
 * where nobody looks at packets, the kernel's counters tell how many there are;
 * only where the last one is among them is looked for record by record.
 */
#ifndef RELAY_LIMIT_H
#define RELAY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/pcapring.h>

struct reader;

#define LIMIT_NONE	UINT64_MAX

/**
 * struct limit_mark - how far a ring was counted
 * @position: between two records; what comes behind it is in the ring
 * @counted: @captured is known
 * @captured: the kernel's count of the ring's records before @position
 */
struct limit_mark {
	uint64_t position;
	bool counted;
	uint64_t captured;
};

/**
 * struct limit - what is still to come
 * @packets, @bytes: without records' headers; LIMIT_NONE: no such limit. The
 *	packet that reaches @bytes is the last one
 * @until: CLOCK_MONOTONIC nanoseconds; CLOCK_NEVER: no such limit
 * @taken, @taken_bytes: of @packets and @bytes, before all @marks
 * @reached: the rings end with the last record
 */
struct limit {
	uint64_t packets;
	uint64_t bytes;
	int64_t until;
	uint64_t taken;
	uint64_t taken_bytes;
	bool reached;
	struct limit_mark marks[PCAPRING_RINGS_MAX];
};

enum limit_result {
	LIMIT_BELOW,
	LIMIT_REACHED,
	LIMIT_BROKEN	/* a ring is corrupted; the error was logged */
};

/* Packet by packet: one more was taken. */
void limit_take(struct limit *limit, uint32_t caplen);

/* Packet by packet: no more is to be taken. */
static inline bool limit_is_over(const struct limit *limit)
{
	return !limit->packets || !limit->bytes;
}

/* Begin to count what is in rings, from where they were read to: none of it was taken. */
void limit_start(struct limit *limit, const struct reader *reader);

/*
 * Heads were loaded, and nothing before them was released since the last look.
 * Where the limit is reached, the rings end, for this reader, behind the last
 * record in the order of stamps, and no more heads are loaded.
 */
enum limit_result limit_look(struct limit *limit, struct reader *reader);

#endif
