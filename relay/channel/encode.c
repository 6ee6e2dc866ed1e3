// SPDX-License-Identifier: MIT
#include "encode.h"

#include <string.h>

/* A tag is field number << 3 | wire type: 0 varint, 2 length-delimited. */
enum {
	PACKET_HEADER		= 1 << 3 | 2,
	PACKET_DATA		= 2 << 3 | 2,
	PACKET_HEADER_TS_SEC	= 1 << 3,
	PACKET_HEADER_TS_USEC	= 2 << 3,
	PACKET_HEADER_CAPLEN	= 3 << 3,
	PACKET_HEADER_LEN	= 4 << 3,
	PACKET_HEADER_TS_NSEC	= 100 << 3,
	PACKET_DATA_DATA	= 1 << 3 | 2,
	FROM_SENSOR_RECORDS	= 2 << 3 | 2,
	RECORDS_OFFSET		= 1 << 3,
	RECORDS_DROPPED		= 2 << 3,
	RECORDS_COMPLETE_UNTIL	= 3 << 3,
	RECORDS_DATA		= 4 << 3 | 2,
};

static inline uint8_t *encode_varint(uint8_t *out, uint64_t value)
{
	while (value >= 0x80) {
		*out++ = value | 0x80;
		value >>= 7;
	}
	*out++ = value;
	return out;
}

/* proto3: a field that is zero is not there. */
static inline uint8_t *encode_field(uint8_t *out, uint32_t tag, uint64_t value)
{
	if (!value)
		return out;
	return encode_varint(encode_varint(out, tag), value);
}

static uint32_t encode_varint_length(uint32_t value)
{
	uint32_t length = 1;

	while (value >>= 7)
		length++;
	return length;
}

size_t encode_prefix(uint8_t *out, const struct pcapring_record *header,
		     bool nanoseconds)
{
	uint8_t *fields = out + 2, *p = fields;

	p = encode_field(p, PACKET_HEADER_TS_SEC, header->ts_sec);
	p = encode_field(p, PACKET_HEADER_TS_USEC, header->ts_nsec / 1000);
	p = encode_field(p, PACKET_HEADER_CAPLEN, header->caplen);
	p = encode_field(p, PACKET_HEADER_LEN, header->len);
	if (nanoseconds)
		p = encode_field(p, PACKET_HEADER_TS_NSEC, header->ts_nsec);
	out[0] = PACKET_HEADER;
	out[1] = p - fields;	/* at most 31: one byte */

	*p++ = PACKET_DATA;
	if (!header->caplen) {
		*p++ = 0;
		return p - out;
	}
	p = encode_varint(p, 1 + encode_varint_length(header->caplen) +
			  header->caplen);
	*p++ = PACKET_DATA_DATA;
	return encode_varint(p, header->caplen) - out;
}

size_t encode_records(uint8_t *out, const struct encode_records *records)
{
	uint8_t fields[ENCODE_RECORDS_MAX], *p = fields, *body;

	p = encode_field(p, RECORDS_OFFSET, records->offset);
	p = encode_field(p, RECORDS_DROPPED, records->dropped);
	p = encode_field(p, RECORDS_COMPLETE_UNTIL, records->complete_until);
	p = encode_field(p, RECORDS_DATA, records->size);
	*out = FROM_SENSOR_RECORDS;
	body = encode_varint(out + 1, (uint64_t)(p - fields) + records->size);
	memcpy(body, fields, p - fields);
	return body + (p - fields) - out;
}
