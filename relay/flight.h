/* SPDX-License-Identifier: MIT */
/*
 * How many packets may be under way when a connection breaks. Run has no
 * acknowledgements, so this is a bound: everything that was handed to the call
 * within its last FLIGHT_BYTES.
 */
#ifndef RELAY_FLIGHT_H
#define RELAY_FLIGHT_H

#include <stdint.h>

/*
 * What may lie between the relay and a receiver's code: Linux lets a socket
 * buffer grow to 4 MiB on the sending side (tcp_wmem) and 6 MiB on the
 * receiving one (tcp_rmem); gRPC's own buffers and HTTP/2 windows were seen to
 * take 4 MiB.
 */
#define FLIGHT_BYTES		(16 << 20)
#define FLIGHT_MARK_BYTES	(64 << 10)
#define FLIGHT_MARKS		(FLIGHT_BYTES / FLIGHT_MARK_BYTES + 1)

/**
 * struct flight - what was handed to a call
 * @bytes: of messages
 * @packets: that many
 * @marks: packets when bytes passed the nth mark: n % FLIGHT_MARKS
 */
struct flight {
	uint64_t bytes;
	uint64_t packets;
	uint64_t marks[FLIGHT_MARKS];
};

/* A new call. */
void flight_init(struct flight *flight);

/* A packet was handed over, in a message of @bytes. */
void flight_add(struct flight *flight, uint32_t bytes);

/* Packets that may not have arrived; never too few. */
uint64_t flight_packets(const struct flight *flight);

#endif
