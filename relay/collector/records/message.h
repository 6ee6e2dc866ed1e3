/* SPDX-License-Identifier: MIT */
/*
 * The messages of pcapring.v1, as proto/pcapring/v1/records.proto has them.
 * Records in the shape that every known sensor writes are read in place;
 * anything else that protobuf allows goes through protobuf-c.
 */
#ifndef COLLECTOR_MESSAGE_H
#define COLLECTOR_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/metadata.h"
#include "collector/pieces.h"
#include "collector/files/ringfile.h"

#define MESSAGE_ID_BYTES	16	/* bytes of a boot's, a capture's, a collector's id */
#define MESSAGE_RINGS_MAX	64

/* A Hello that is valid in itself; numbers and texts as in the .proto file. */
struct hello {
	uint8_t boot[MESSAGE_ID_BYTES];
	uint8_t capture[MESSAGE_ID_BYTES];
	uint8_t collector[MESSAGE_ID_BYTES];
	bool has_collector;
	uint32_t ring;
	uint32_t ring_count;
	uint64_t ring_bytes;
	uint64_t tail;
	uint64_t head;
	uint64_t sent;
	uint64_t generation;
	struct ringfile_format format;
	char sensor[METADATA_TEXT_MAX];
	char host[METADATA_TEXT_MAX];
	char interface[METADATA_TEXT_MAX];
	char version[METADATA_TEXT_MAX];
};

struct records {
	uint64_t offset;
	uint64_t dropped;
	uint64_t complete_until;
	struct pieces data;
	size_t length;		/* of data, bytes */
};

enum message_kind {
	MESSAGE_INVALID,	/* why says what is wrong, for people */
	MESSAGE_HELLO,
	MESSAGE_RECORDS,
};

/* Zero to begin with. */
struct message {
	char why[160];
	struct hello hello;
	struct records records;
	struct iovec whole;
	void *unpacked;
};

/*
 * Read a FromSensor. Its data are views of the message, or of memory that the
 * next call frees; the pieces change.
 */
enum message_kind message_decode(struct message *message, struct iovec *list,
				 size_t count);
void message_free(struct message *message);

#define MESSAGE_OUT_MAX	64	/* bytes of what is encoded */

/* Encode a FromCollector; @return its length. */
size_t message_welcome(unsigned char out[MESSAGE_OUT_MAX],
		       const uint8_t collector[MESSAGE_ID_BYTES], uint64_t offset,
		       bool new_epoch, bool durable);
size_t message_ack(unsigned char out[MESSAGE_OUT_MAX], uint64_t offset);

#endif
