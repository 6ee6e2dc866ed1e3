/* SPDX-License-Identifier: MIT */
/*
 * pcapring.v1's short messages: Hello is packed, Welcome and Ack are taken
 * apart. encode.h has Records.
 */
#ifndef RELAY_MESSAGE_H
#define RELAY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/metadata.h"

#define MESSAGE_ID_BYTES	16
/* Three texts and the version; ids; numbers and tags. */
#define MESSAGE_HELLO_MAX	(4 * (METADATA_TEXT_MAX + 3) + 3 * 18 + 12 * 11 + 8)
#define MESSAGE_ANSWER_MAX	256

/**
 * struct message_hello - as in records.proto
 * @collector: id of the collector of the call before; NULL: none
 * @metadata: sensor, host, interface, link type and snaplen
 * @resolution: of the records, an enum in records.proto
 */
struct message_hello {
	uint8_t boot_id[MESSAGE_ID_BYTES];
	uint8_t capture[MESSAGE_ID_BYTES];
	uint32_t ring;
	uint32_t ring_count;
	uint64_t ring_bytes;
	uint64_t tail;
	uint64_t head;
	uint64_t sent;
	uint64_t generation;
	const uint8_t *collector;
	const struct metadata *metadata;
	int resolution;
};

enum message_kind {
	MESSAGE_NEITHER,	/* not a message of ours, or a hostile one */
	MESSAGE_WELCOME,
	MESSAGE_ACK
};

/**
 * struct message_answer - FromCollector
 * @offset: of either
 * @collector, @new_epoch, @durable: of Welcome
 */
struct message_answer {
	uint64_t offset;
	uint8_t collector[MESSAGE_ID_BYTES];
	bool new_epoch;
	bool durable;
};

/*
 * Pack FromSensor with a Hello into @out, MESSAGE_HELLO_MAX bytes, and return
 * its length. Bytes of texts that are not UTF-8, as proto3 wants it, become '?'.
 */
size_t message_pack_hello(uint8_t *out, const struct message_hello *hello);

/* Take FromCollector apart. */
enum message_kind message_unpack(struct message_answer *answer, const uint8_t *bytes,
				 size_t length);

#endif
