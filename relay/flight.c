// SPDX-License-Identifier: MIT
#include "flight.h"

#include <string.h>

void flight_init(struct flight *flight)
{
	memset(flight, 0, sizeof(*flight));
}

void flight_add(struct flight *flight, uint32_t bytes)
{
	uint64_t mark = flight->bytes / FLIGHT_MARK_BYTES;

	flight->bytes += bytes;
	/* A packet that crosses a mark belongs behind it. */
	while (++mark <= flight->bytes / FLIGHT_MARK_BYTES)
		flight->marks[mark % FLIGHT_MARKS] = flight->packets;
	flight->packets++;
}

uint64_t flight_packets(const struct flight *flight)
{
	uint64_t marks = flight->bytes / FLIGHT_MARK_BYTES;

	if (marks < FLIGHT_MARKS)
		return flight->packets;
	/* The oldest mark that is kept: between the bound and one mark more. */
	return flight->packets - flight->marks[(marks + 1) % FLIGHT_MARKS];
}
