// SPDX-License-Identifier: MIT
#include "packet.h"

#include <string.h>

#include <linux/pcapring.h>

unsigned char *packet_lay(unsigned char *to, const struct packet *packet, bool nanoseconds)
{
	const struct pcapring_record record = {
		.ts_sec = packet->ts_sec,
		.ts_nsec = nanoseconds ? packet->ts_nsec : packet->ts_usec,
		.caplen = packet->caplen,
		.len = packet->len,
	};

	memcpy(to, &record, sizeof(record));
	to += sizeof(record);
	for (size_t i = 0; i < packet->count; i++) {
		if (!packet->data[i].iov_len)
			continue;
		memcpy(to, packet->data[i].iov_base, packet->data[i].iov_len);
		to += packet->data[i].iov_len;
	}
	return to;
}
