/* SPDX-License-Identifier: MIT */
/*
 * Messages to packets. The shape that every known sender writes (fields in
 * order, each once, numbers of zero left out) is read in place; anything else
 * that protobuf allows goes through protobuf-c.
 */
#ifndef COLLECTOR_DECODE_H
#define COLLECTOR_DECODE_H

#include <stdbool.h>

#include "packet.h"

/* Zero to begin with. */
struct decode {
	char why[160];		/* after a failure: a sentence for people */
	struct iovec whole;
	void *unpacked;
};

/*
 * Read a message of @count pieces into @packet. Its data are views of the
 * message, or of memory that the next call frees; @list changes. False: it is
 * no valid Packet; decode->why says what is wrong.
 */
bool decode_packet(struct decode *decode, struct iovec *list, size_t count,
		   struct packet *packet);

void decode_free(struct decode *decode);

#endif
