/* SPDX-License-Identifier: MIT */
#ifndef COLLECTOR_PACKET_H
#define COLLECTOR_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define PACKET_CAPLEN_MAX	262144	/* bytes, as the device has it */

/* A packet as it came: @count pieces of @data hold exactly @caplen bytes. */
struct packet {
	uint32_t ts_sec;
	uint32_t ts_usec;
	uint32_t ts_nsec;
	uint32_t caplen;
	uint32_t len;
	const struct iovec *data;
	size_t count;
};

/*
 * Lay it at @to as a savefile has it, with the stamp in nanoseconds or in
 * microseconds: a header of 16 bytes, then @caplen bytes. The end of it.
 */
unsigned char *packet_lay(unsigned char *to, const struct packet *packet, bool nanoseconds);

#endif
