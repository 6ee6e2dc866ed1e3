// SPDX-License-Identifier: MIT
#include "decode.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet_streaming.pb-c.h"

#include "collector/pieces.h"

/* Longest canonical prefix: 2 + 6 + 6 + 6 + 6 + 7 of header, 5 + 5 of data. */
#define DECODE_PREFIX_MAX	48

/* Bytes of an unusual message beside the packet's. */
#define DECODE_UNUSUAL_MAX	1024

#define DECODE_USEC_END		1000000
#define DECODE_NSEC_END		1000000000

/* Tags: field number << 3 | wire type. */
#define DECODE_TAG_HEADER	0x0a
#define DECODE_TAG_DATA		0x12
#define DECODE_TAG_BYTES	0x0a
#define DECODE_TAG_TS_SEC	0x08
#define DECODE_TAG_TS_USEC	0x10
#define DECODE_TAG_CAPLEN	0x18
#define DECODE_TAG_LEN		0x20
#define DECODE_TAG_TS_NSEC	0x320	/* 800: two bytes, a0 06 */

__attribute__((format(printf, 2, 3)))
static bool decode_fail(struct decode *decode, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(decode->why, sizeof(decode->why), format, args);
	va_end(args);
	return false;
}

/* A varint of 32 bits. NULL: cut off, or a larger one. */
static const unsigned char *decode_varint(const unsigned char *p,
					  const unsigned char *end,
					  uint32_t *value)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 35 && p < end; shift += 7) {
		v |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p++ & 0x80)) {
			*value = v;
			return v > UINT32_MAX ? NULL : p;
		}
	}
	return NULL;
}

static uint32_t *decode_field(struct packet *packet, uint32_t tag)
{
	switch (tag) {
	case DECODE_TAG_TS_SEC:
		return &packet->ts_sec;
	case DECODE_TAG_TS_USEC:
		return &packet->ts_usec;
	case DECODE_TAG_CAPLEN:
		return &packet->caplen;
	case DECODE_TAG_LEN:
		return &packet->len;
	case DECODE_TAG_TS_NSEC:
		return &packet->ts_nsec;
	}
	return NULL;
}

/* Fields in ascending order only: so each comes once. */
static bool decode_header(const unsigned char *p, const unsigned char *end,
			  struct packet *packet)
{
	uint32_t tag, last = 0;
	uint32_t *field;

	while (p < end) {
		p = decode_varint(p, end, &tag);
		if (!p || tag <= last)
			return false;
		last = tag;
		field = decode_field(packet, tag);
		if (!field)
			return false;
		p = decode_varint(p, end, field);
		if (!p)
			return false;
	}
	return true;
}

/*
 * Read everything before the packet's bytes. @return the length of that; 0:
 * not canonical.
 */
static size_t decode_prefix(const unsigned char *start, size_t size,
			    size_t total, struct packet *packet,
			    uint32_t *length)
{
	const unsigned char *p = start, *end = start + size;
	uint32_t outer;

	if (size < 2 || p[0] != DECODE_TAG_HEADER || p[1] > end - p - 2)
		return 0;
	if (!decode_header(p + 2, p + 2 + p[1], packet))
		return 0;
	p += 2 + p[1];
	if (p == end || *p++ != DECODE_TAG_DATA)
		return 0;
	p = decode_varint(p, end, &outer);
	if (!p || outer != total - (p - start))
		return 0;
	*length = 0;
	if (outer) {
		if (p == end || *p++ != DECODE_TAG_BYTES)
			return 0;
		p = decode_varint(p, end, length);
		if (!p || *length != total - (p - start))
			return 0;
	}
	return p - start;
}

static bool decode_canonical(struct pieces pieces, size_t total,
			     struct packet *packet, uint32_t *length)
{
	unsigned char gathered[DECODE_PREFIX_MAX];
	const unsigned char *start = gathered;
	size_t size, prefix;

	if (!pieces.count)
		return false;
	if (pieces.list->iov_len >= DECODE_PREFIX_MAX || pieces.count == 1) {
		start = pieces.list->iov_base;
		size = pieces.list->iov_len;
		if (size > DECODE_PREFIX_MAX)
			size = DECODE_PREFIX_MAX;
	} else {
		size = pieces_gather(&pieces, gathered, sizeof(gathered));
	}
	prefix = decode_prefix(start, size, total, packet, length);
	if (!prefix)
		return false;
	pieces_skip(&pieces, prefix);
	packet->data = pieces.list;
	packet->count = pieces.count;
	return true;
}

static PacketStreaming__Packet *decode_unpack(const struct pieces *pieces,
					      size_t total)
{
	PacketStreaming__Packet *message;
	unsigned char *flat;

	if (pieces->count == 1)
		return packet_streaming__packet__unpack(NULL, total,
							pieces->list->iov_base);
	flat = malloc(total + 1);
	if (!flat)
		return NULL;
	pieces_gather(pieces, flat, total);
	message = packet_streaming__packet__unpack(NULL, total, flat);
	free(flat);
	return message;
}

/*
 * Of a header that comes twice, protobuf-c takes the last; protobuf would merge
 * the two. Nobody writes such messages.
 */
static bool decode_unusual(struct decode *decode, const struct pieces *pieces,
			   size_t total, struct packet *packet, uint32_t *length)
{
	PacketStreaming__Packet *message;

	/* what unpacking makes of many tiny fields is far larger than they are */
	if (total > PACKET_CAPLEN_MAX + DECODE_UNUSUAL_MAX)
		return decode_fail(decode, "%zu bytes of a message, at most %d are valid",
				   total, PACKET_CAPLEN_MAX + DECODE_UNUSUAL_MAX);
	message = decode_unpack(pieces, total);
	if (!message)
		return decode_fail(decode, "not a Packet message (%zu bytes)",
				   total);
	decode->unpacked = message;
	if (!message->header || !message->data)
		return decode_fail(decode, "a Packet without %s",
				   message->header ? "data" : "header");
	if (message->data->data.len > PACKET_CAPLEN_MAX)
		return decode_fail(decode, "%zu bytes of data, at most %d are valid",
				   message->data->data.len, PACKET_CAPLEN_MAX);
	packet->ts_sec = message->header->ts_sec;
	packet->ts_usec = message->header->ts_usec;
	packet->ts_nsec = message->header->ts_nsec;
	packet->caplen = message->header->caplen;
	packet->len = message->header->len;
	*length = message->data->data.len;
	decode->whole.iov_base = message->data->data.data;
	decode->whole.iov_len = *length;
	packet->data = &decode->whole;
	packet->count = 1;
	return true;
}

static bool decode_check(struct decode *decode, const struct packet *packet,
			 uint32_t length)
{
	if (packet->caplen != length)
		return decode_fail(decode, "caplen is %u bytes, but %u bytes of data came",
				   packet->caplen, length);
	if (length > PACKET_CAPLEN_MAX)
		return decode_fail(decode, "caplen is %u bytes, at most %d are valid",
				   length, PACKET_CAPLEN_MAX);
	if (packet->ts_usec >= DECODE_USEC_END)
		return decode_fail(decode, "ts_usec is %u microseconds, not below %d",
				   packet->ts_usec, DECODE_USEC_END);
	if (packet->ts_nsec >= DECODE_NSEC_END)
		return decode_fail(decode, "ts_nsec is %u nanoseconds, not below %d",
				   packet->ts_nsec, DECODE_NSEC_END);
	return true;
}

bool decode_packet(struct decode *decode, struct iovec *list, size_t count,
		   struct packet *packet)
{
	struct pieces pieces = { list, count };
	size_t total = pieces_length(&pieces);
	uint32_t length = 0;

	if (decode->unpacked)
		decode_free(decode);
	memset(packet, 0, sizeof(*packet));
	if (!decode_canonical(pieces, total, packet, &length) &&
	    !decode_unusual(decode, &pieces, total, packet, &length))
		return false;
	return decode_check(decode, packet, length);
}

void decode_free(struct decode *decode)
{
	if (decode->unpacked)
		packet_streaming__packet__free_unpacked(decode->unpacked, NULL);
	decode->unpacked = NULL;
}
