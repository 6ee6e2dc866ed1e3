// SPDX-License-Identifier: MIT
#include "message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pcapring/v1/records.pb-c.h"

#include "collector/packets/packet.h"

/* Longest prefix of Records: 1 + 5 outside, three numbers of 11, 1 + 5. */
#define MESSAGE_PREFIX_MAX	48

/*
 * Bytes of a varint: it may be longer than it need be, but no longer than
 * protobuf-c takes it.
 */
#define MESSAGE_LENGTH_MAX	5
#define MESSAGE_NUMBER_MAX	10

/* Of a message that protobuf-c reads: what it makes of many tiny fields is
 * far larger than they are.
 */
#define MESSAGE_UNUSUAL_MAX	65536

#define MESSAGE_LINKTYPE_MAX	0xffff		/* of a savefile's header */

/* Tags: field number << 3 | wire type. */
#define MESSAGE_TAG_RECORDS	0x12
#define MESSAGE_TAG_OFFSET	0x08
#define MESSAGE_TAG_DROPPED	0x10
#define MESSAGE_TAG_COMPLETE	0x18
#define MESSAGE_TAG_DATA	0x22

__attribute__((format(printf, 2, 3)))
static bool message_fail(struct message *message, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(message->why, sizeof(message->why), format, args);
	va_end(args);
	return false;
}

/*
 * A varint of 64 bits in at most @most bytes. NULL: cut off, a longer one, or a
 * larger one.
 */
static const unsigned char *message_varint(const unsigned char *p,
					   const unsigned char *end,
					   unsigned int most, uint64_t *value)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 7 * most && p < end; shift += 7) {
		if (shift == 63 && *p > 1)
			return NULL;
		v |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p++ & 0x80)) {
			*value = v;
			return p;
		}
	}
	return NULL;
}

static uint64_t *message_number(struct records *records, unsigned char tag)
{
	switch (tag) {
	case MESSAGE_TAG_OFFSET:
		return &records->offset;
	case MESSAGE_TAG_DROPPED:
		return &records->dropped;
	case MESSAGE_TAG_COMPLETE:
		return &records->complete_until;
	}
	return NULL;
}

/*
 * Read everything before the data; fields in ascending order, so that each
 * comes once. @return the length of that; 0: of another shape.
 */
static size_t message_prefix(const unsigned char *start, size_t size,
			     size_t total, struct records *records)
{
	const unsigned char *p = start, *end = start + size;
	unsigned char last = 0;
	uint64_t length;

	if (!size || *p++ != MESSAGE_TAG_RECORDS)
		return 0;
	p = message_varint(p, end, MESSAGE_LENGTH_MAX, &length);
	if (!p || length != total - (p - start))
		return 0;
	while (p < end) {
		unsigned char tag = *p++;
		uint64_t *number = message_number(records, tag);

		if (tag <= last)
			return 0;
		last = tag;
		if (tag == MESSAGE_TAG_DATA) {
			p = message_varint(p, end, MESSAGE_LENGTH_MAX, &length);
			if (!p || length != total - (p - start))
				return 0;
			records->length = length;
			return p - start;
		}
		p = number ? message_varint(p, end, MESSAGE_NUMBER_MAX, number) : NULL;
		if (!p)
			return 0;
	}
	return p - start == (ptrdiff_t)total ? total : 0;
}

static bool message_canonical(struct pieces *pieces, size_t total,
			      struct records *records)
{
	unsigned char gathered[MESSAGE_PREFIX_MAX];
	const unsigned char *start = gathered;
	size_t size, prefix;

	if (!pieces->count)
		return false;
	if (pieces->list->iov_len >= MESSAGE_PREFIX_MAX) {
		start = pieces->list->iov_base;
		size = MESSAGE_PREFIX_MAX;
	} else {
		size = pieces_gather(pieces, gathered, sizeof(gathered));
	}
	*records = (struct records){ 0 };
	prefix = message_prefix(start, size, total, records);
	if (!prefix)
		return false;
	records->data = *pieces;
	pieces_skip(&records->data, prefix);
	return true;
}

static bool message_id(struct message *message, uint8_t *out, const char *what,
		       const ProtobufCBinaryData *id)
{
	if (id->len != MESSAGE_ID_BYTES)
		return message_fail(message, "%s has %zu bytes, not %d", what,
				    id->len, MESSAGE_ID_BYTES);
	memcpy(out, id->data, MESSAGE_ID_BYTES);
	return true;
}

static bool message_text(struct message *message, char *out, const char *what,
			 const char *text)
{
	if (strlen(text) >= METADATA_TEXT_MAX)
		return message_fail(message, "%s has %zu bytes, at most %d are valid",
				    what, strlen(text), METADATA_TEXT_MAX - 1);
	strcpy(out, text);
	return true;
}

static bool message_ids(struct message *message, const Pcapring__V1__Hello *hello)
{
	struct hello *out = &message->hello;

	if (!message_id(message, out->boot, "boot_id", &hello->boot_id) ||
	    !message_id(message, out->capture, "capture", &hello->capture))
		return false;
	out->has_collector = hello->collector.len;
	return !out->has_collector ||
	       message_id(message, out->collector, "collector", &hello->collector);
}

static bool message_texts(struct message *message, const Pcapring__V1__Hello *hello)
{
	struct hello *out = &message->hello;

	return message_text(message, out->sensor, "sensor", hello->sensor) &&
	       message_text(message, out->host, "host", hello->host) &&
	       message_text(message, out->interface, "interface", hello->interface) &&
	       message_text(message, out->version, "version", hello->version);
}

static bool message_positions(struct message *message, const struct hello *hello)
{
	if (!hello->ring_count || hello->ring_count > MESSAGE_RINGS_MAX)
		return message_fail(message, "ring_count is %u, not 1 to %d",
				    hello->ring_count, MESSAGE_RINGS_MAX);
	if (hello->ring >= hello->ring_count)
		return message_fail(message, "ring is %u of %u", hello->ring,
				    hello->ring_count);
	if (hello->tail > hello->head)
		return message_fail(message, "tail is %ju, above head, %ju",
				    (uintmax_t)hello->tail, (uintmax_t)hello->head);
	if (hello->ring_bytes && hello->head - hello->tail > hello->ring_bytes)
		return message_fail(message, "tail is %ju and head %ju, in a ring of %ju bytes",
				    (uintmax_t)hello->tail, (uintmax_t)hello->head,
				    (uintmax_t)hello->ring_bytes);
	if (hello->sent > hello->head)
		return message_fail(message, "sent is %ju, above head, %ju",
				    (uintmax_t)hello->sent, (uintmax_t)hello->head);
	return true;
}

static bool message_format(struct message *message, const Pcapring__V1__Hello *hello)
{
	if (hello->linktype > MESSAGE_LINKTYPE_MAX)
		return message_fail(message, "linktype is %u, at most %d is valid",
				    hello->linktype, MESSAGE_LINKTYPE_MAX);
	if (!hello->snaplen || hello->snaplen > PACKET_CAPLEN_MAX)
		return message_fail(message, "snaplen is %u bytes, not 1 to %d",
				    hello->snaplen, PACKET_CAPLEN_MAX);
	if (hello->resolution != PCAPRING__V1__RESOLUTION__NANOSECONDS &&
	    hello->resolution != PCAPRING__V1__RESOLUTION__MICROSECONDS)
		return message_fail(message, "resolution is %d, not 0 or 1",
				    (int)hello->resolution);
	message->hello.format = (struct ringfile_format){
		.linktype = hello->linktype,
		.snaplen = hello->snaplen,
		.microseconds = hello->resolution ==
				PCAPRING__V1__RESOLUTION__MICROSECONDS,
		.big_endian = hello->big_endian,
	};
	return true;
}

static bool message_hello(struct message *message, const Pcapring__V1__Hello *hello)
{
	message->hello = (struct hello){
		.ring = hello->ring,
		.ring_count = hello->ring_count,
		.ring_bytes = hello->ring_bytes,
		.tail = hello->tail,
		.head = hello->head,
		.sent = hello->sent,
		.generation = hello->generation,
	};
	return message_ids(message, hello) &&
	       message_positions(message, &message->hello) &&
	       message_format(message, hello) && message_texts(message, hello);
}

static enum message_kind message_unpack(struct message *message,
					const struct pieces *pieces, size_t total)
{
	Pcapring__V1__FromSensor *unpacked;
	unsigned char *flat;

	if (total > MESSAGE_UNUSUAL_MAX)
		return message_fail(message, "%zu bytes that are neither Hello nor plain Records",
				    total);
	flat = malloc(total + 1);
	if (!flat)
		return message_fail(message, "out of memory");
	pieces_gather(pieces, flat, total);
	unpacked = pcapring__v1__from_sensor__unpack(NULL, total, flat);
	free(flat);
	message->unpacked = unpacked;
	if (!unpacked)
		return message_fail(message, "not a FromSensor message (%zu bytes)", total);
	if (unpacked->message_case == PCAPRING__V1__FROM_SENSOR__MESSAGE_HELLO)
		return message_hello(message, unpacked->hello) ? MESSAGE_HELLO :
								 MESSAGE_INVALID;
	if (unpacked->message_case != PCAPRING__V1__FROM_SENSOR__MESSAGE_RECORDS)
		return message_fail(message, "neither Hello nor Records");
	message->whole.iov_base = unpacked->records->data.data;
	message->whole.iov_len = unpacked->records->data.len;
	message->records = (struct records){
		.offset = unpacked->records->offset,
		.dropped = unpacked->records->dropped,
		.complete_until = unpacked->records->complete_until,
		.data = { &message->whole, 1 },
		.length = unpacked->records->data.len,
	};
	return MESSAGE_RECORDS;
}

enum message_kind message_decode(struct message *message, struct iovec *list,
				 size_t count)
{
	struct pieces pieces = { list, count };
	size_t total = pieces_length(&pieces);
	enum message_kind kind = MESSAGE_RECORDS;

	if (message->unpacked)
		message_free(message);
	if (!message_canonical(&pieces, total, &message->records))
		kind = message_unpack(message, &pieces, total);
	if (kind == MESSAGE_RECORDS &&
	    message->records.offset + message->records.length <
	    message->records.offset)
		return message_fail(message, "offset %ju and %zu bytes are beyond all offsets",
				    (uintmax_t)message->records.offset,
				    message->records.length);
	return kind;
}

void message_free(struct message *message)
{
	if (message->unpacked)
		pcapring__v1__from_sensor__free_unpacked(message->unpacked, NULL);
	message->unpacked = NULL;
}

size_t message_welcome(unsigned char out[MESSAGE_OUT_MAX],
		       const uint8_t collector[MESSAGE_ID_BYTES], uint64_t offset,
		       bool new_epoch, bool durable)
{
	Pcapring__V1__FromCollector from = PCAPRING__V1__FROM_COLLECTOR__INIT;
	Pcapring__V1__Welcome welcome = PCAPRING__V1__WELCOME__INIT;

	welcome.collector.data = (uint8_t *)collector;
	welcome.collector.len = MESSAGE_ID_BYTES;
	welcome.offset = offset;
	welcome.new_epoch = new_epoch;
	welcome.durable = durable;
	from.message_case = PCAPRING__V1__FROM_COLLECTOR__MESSAGE_WELCOME;
	from.welcome = &welcome;
	return pcapring__v1__from_collector__pack(&from, out);
}

size_t message_ack(unsigned char out[MESSAGE_OUT_MAX], uint64_t offset)
{
	Pcapring__V1__FromCollector from = PCAPRING__V1__FROM_COLLECTOR__INIT;
	Pcapring__V1__Ack ack = PCAPRING__V1__ACK__INIT;

	ack.offset = offset;
	from.message_case = PCAPRING__V1__FROM_COLLECTOR__MESSAGE_ACK;
	from.ack = &ack;
	return pcapring__v1__from_collector__pack(&from, out);
}
