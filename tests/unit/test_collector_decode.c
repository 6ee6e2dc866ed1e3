// SPDX-License-Identifier: MIT
/* decode against protobuf-c: same fields, same bytes, same refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/packets/decode.h"
#include "packet_streaming.pb-c.h"

#define MESSAGE_MAX	(PACKET_CAPLEN_MAX + 4096)
#define FUZZ_ROUNDS	200000

static unsigned char payload[PACKET_CAPLEN_MAX + 1];

struct fields {
	uint32_t ts_sec, ts_usec, ts_nsec, caplen, len;
	size_t length;
};

static size_t pack(const struct fields *fields, unsigned char *out)
{
	PacketStreaming__PacketHeader header =
		PACKET_STREAMING__PACKET_HEADER__INIT;
	PacketStreaming__PacketData data = PACKET_STREAMING__PACKET_DATA__INIT;
	PacketStreaming__Packet message = PACKET_STREAMING__PACKET__INIT;

	header.ts_sec = fields->ts_sec;
	header.ts_usec = fields->ts_usec;
	header.ts_nsec = fields->ts_nsec;
	header.caplen = fields->caplen;
	header.len = fields->len;
	data.data.data = payload;
	data.data.len = fields->length;
	message.header = &header;
	message.data = &data;
	return packet_streaming__packet__pack(&message, out);
}

/* The pieces of exactly sized allocations, so that a sanitizer sees overreads. */
static size_t split(struct iovec *pieces, const unsigned char *bytes,
		    size_t size, const size_t *cuts, size_t count)
{
	size_t at = 0;

	for (size_t i = 0; i <= count; i++) {
		size_t end = i < count ? cuts[i] : size;

		pieces[i].iov_len = end - at;
		pieces[i].iov_base = malloc(end - at);
		memcpy(pieces[i].iov_base, bytes + at, end - at);
		at = end;
	}
	return count + 1;
}

static void check_fields(const struct packet *packet,
			 const struct fields *want, const void *data)
{
	unsigned char *got = malloc(packet->caplen + 1);
	size_t at = 0;

	assert_int_equal(packet->ts_sec, want->ts_sec);
	assert_int_equal(packet->ts_usec, want->ts_usec);
	assert_int_equal(packet->ts_nsec, want->ts_nsec);
	assert_int_equal(packet->caplen, want->caplen);
	assert_int_equal(packet->len, want->len);
	for (size_t i = 0; i < packet->count; i++) {
		size_t n = packet->data[i].iov_len;

		assert_true(n <= packet->caplen - at);
		if (n)
			memcpy(got + at, packet->data[i].iov_base, n);
		at += n;
	}
	assert_int_equal(at, packet->caplen);
	assert_memory_equal(got, data, at);
	free(got);
}

/* Decode @bytes cut at @cuts. False: refused. */
static bool decode_cut(struct decode *decode, const unsigned char *bytes,
		       size_t size, const size_t *cuts, size_t count,
		       const struct fields *want, const void *data)
{
	struct iovec pieces[8], keep[8];
	struct packet packet;
	bool valid;

	count = split(pieces, bytes, size, cuts, count);
	memcpy(keep, pieces, sizeof(keep));
	valid = decode_packet(decode, pieces, count, &packet);
	if (valid && want)
		check_fields(&packet, want, data);
	for (size_t i = 0; i < count; i++)
		free(keep[i].iov_base);
	return valid;
}

static const struct fields table[] = {
	{ 0 },
	{ .ts_sec = 1, .caplen = 1, .len = 1, .length = 1 },
	{ .ts_usec = 999999, .caplen = 60, .len = 60, .length = 60 },
	{ UINT32_MAX, 999999, 999999999, 127, UINT32_MAX, 127 },
	{ 1700000000, 123456, 123456789, 128, 1514, 128 },
	{ .ts_nsec = 1, .caplen = 16384, .len = 20000, .length = 16384 },
	{ 1700000000, 1, 0, PACKET_CAPLEN_MAX, PACKET_CAPLEN_MAX,
	  PACKET_CAPLEN_MAX },
};

static void decodes_what_protobuf_packs(void **state)
{
	static unsigned char bytes[MESSAGE_MAX];
	struct decode decode = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t size = pack(&table[i], bytes);

		assert_true(decode_cut(&decode, bytes, size, NULL, 0, &table[i],
				       payload));
		assert_null(decode.unpacked);	/* the short way */
	}
	decode_free(&decode);
}

static void decodes_split_at_every_byte(void **state)
{
	unsigned char bytes[512];
	struct decode decode = { 0 };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		size_t size = pack(&table[i], bytes);

		for (size_t a = 0; a <= size; a++) {
			for (size_t b = a; b <= size; b++) {
				size_t cuts[] = { a, b };

				assert_true(decode_cut(&decode, bytes, size,
						       cuts, 2, &table[i],
						       payload));
				assert_null(decode.unpacked);
			}
		}
	}
}

static void refuses_cut_off_messages(void **state)
{
	unsigned char bytes[512];
	struct decode decode = { 0 };
	size_t size = pack(&table[4], bytes);

	(void)state;
	for (size_t n = 0; n < size; n++) {
		assert_false(decode_cut(&decode, bytes, n, NULL, 0, NULL, NULL));
		assert_true(*decode.why);
	}
	decode_free(&decode);
}

/* Each is a message that protobuf accepts, but no known sender writes. */
static const struct {
	const char *name;
	const char *bytes;
	size_t size;
} unusual[] = {
#define MESSAGE(name, bytes) { name, bytes, sizeof(bytes) - 1 }
	MESSAGE("data first", "\x12\x04\x0a\x02" "ab" "\x0a\x06\x08\x07\x18\x02\x20\x02"),
	MESSAGE("fields out of order", "\x0a\x06\x20\x02\x18\x02\x08\x07\x12\x04\x0a\x02" "ab"),
	MESSAGE("a field twice: the last counts", "\x0a\x08\x08\x01\x08\x07\x18\x02\x20\x02\x12\x04\x0a\x02" "ab"),
	MESSAGE("unknown field in the header", "\x0a\x08\x08\x07\x18\x02\x20\x02\x28\x01\x12\x04\x0a\x02" "ab"),
	MESSAGE("unknown field in the packet", "\x0a\x06\x08\x07\x18\x02\x20\x02\x12\x04\x0a\x02" "ab" "\x18\x01"),
	MESSAGE("unknown field in the data", "\x0a\x06\x08\x07\x18\x02\x20\x02\x12\x06\x0a\x02" "ab" "\x10\x01"),
	MESSAGE("header twice: the last counts", "\x0a\x02\x08\x01\x0a\x06\x08\x07\x18\x02\x20\x02\x12\x04\x0a\x02" "ab"),
	MESSAGE("data twice: the last counts", "\x0a\x06\x08\x07\x18\x02\x20\x02\x12\x03\x0a\x01x\x12\x04\x0a\x02" "ab"),
	MESSAGE("a long varint", "\x0a\x0b\x08\x87\x80\x80\x80\x80\x00\x18\x02\x20\x02\x12\x04\x0a\x02" "ab"),
	MESSAGE("a long length", "\x0a\x86\x00\x08\x07\x18\x02\x20\x02\x12\x04\x0a\x02" "ab"),
};

static void decodes_the_unusual(void **state)
{
	const struct fields want = { .ts_sec = 7, .caplen = 2, .len = 2 };
	struct decode decode = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(unusual) / sizeof(*unusual); i++) {
		const void *bytes = unusual[i].bytes;
		size_t size = unusual[i].size;

		for (size_t cut = 0; cut <= size; cut++)
			if (!decode_cut(&decode, bytes, size, &cut, 1, &want,
					"ab"))
				fail_msg("%s, cut at %zu: %s", unusual[i].name,
					 cut, decode.why);
	}
	decode_free(&decode);
}

static const struct {
	const char *why;	/* part of the sentence */
	const char *bytes;
	size_t size;
} invalid[] = {
	MESSAGE("without header", ""),
	MESSAGE("without header", "\x12\x00"),
	MESSAGE("without data", "\x0a\x00"),
	MESSAGE("not a Packet", "garbage"),
	MESSAGE("not a Packet", "\x0a\xff\xff\xff\xff\x0f"),
	MESSAGE("not a Packet", "\x0a\x02\x08\x07\x12\x7f\x0a\x02" "ab"),
	MESSAGE("caplen is 3 bytes, but 2", "\x0a\x02\x18\x03\x12\x04\x0a\x02" "ab"),
	MESSAGE("caplen is 1 bytes, but 2", "\x0a\x02\x18\x01\x12\x04\x0a\x02" "ab"),
	MESSAGE("caplen is 5 bytes, but 0", "\x0a\x02\x18\x05\x12\x00"),
	MESSAGE("caplen is 0 bytes, but 2", "\x0a\x00\x12\x04\x0a\x02" "ab"),
	MESSAGE("ts_usec is 1000000", "\x0a\x04\x10\xc0\x84\x3d\x12\x00"),
	MESSAGE("ts_nsec is 1000000000", "\x0a\x07\xa0\x06\x80\x94\xeb\xdc\x03\x12\x00"),
};

static void says_why_it_refuses(void **state)
{
	struct decode decode = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(invalid) / sizeof(*invalid); i++) {
		assert_false(decode_cut(&decode, (void *)invalid[i].bytes,
					invalid[i].size, NULL, 0, NULL, NULL));
		if (!strstr(decode.why, invalid[i].why))
			fail_msg("message %zu: '%s', not '%s'", i, decode.why,
				 invalid[i].why);
	}
	decode_free(&decode);
}

static void refuses_more_than_a_packet_holds(void **state)
{
	static unsigned char bytes[MESSAGE_MAX];
	const struct fields fields = {
		.caplen = PACKET_CAPLEN_MAX + 1,
		.length = PACKET_CAPLEN_MAX + 1,
	};
	struct decode decode = { 0 };
	size_t size = pack(&fields, bytes);

	(void)state;
	assert_false(decode_cut(&decode, bytes, size, NULL, 0, NULL, NULL));
	assert_non_null(strstr(decode.why, "262145"));
	memcpy(bytes + size, "\x18\x01", 2);	/* the long way, too */
	assert_false(decode_cut(&decode, bytes, size + 2, NULL, 0, NULL, NULL));
	assert_non_null(strstr(decode.why, "262145"));
	decode_free(&decode);
}

/* What protobuf-c makes of @bytes. False: not valid. */
static bool reference(const unsigned char *bytes, size_t size,
		      struct fields *fields, unsigned char *data)
{
	PacketStreaming__Packet *m =
		packet_streaming__packet__unpack(NULL, size, bytes);
	bool valid = m && m->header && m->data &&
		     m->header->caplen == m->data->data.len &&
		     m->header->ts_usec < 1000000 &&
		     m->header->ts_nsec < 1000000000;

	if (valid) {
		*fields = (struct fields){ m->header->ts_sec, m->header->ts_usec,
			m->header->ts_nsec, m->header->caplen, m->header->len,
			m->data->data.len };
		if (fields->length)
			memcpy(data, m->data->data.data, fields->length);
	}
	if (m)
		packet_streaming__packet__free_unpacked(m, NULL);
	return valid;
}

static uint32_t dice(void)
{
	static uint64_t x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x >> 16;
}

static size_t mutate(unsigned char *bytes, size_t size)
{
	for (uint32_t n = dice() % 4; n; n--) {
		switch (dice() % 3) {
		case 0:
			bytes[dice() % size] = dice();
			break;
		case 1:
			bytes[dice() % size] ^= 1 << dice() % 8;
			break;
		case 2:
			size = 1 + dice() % size;
			break;
		}
	}
	return size;
}

static void agrees_with_protobuf_on_anything(void **state)
{
	struct decode decode = { 0 };
	unsigned int valid = 0;

	(void)state;
	for (unsigned int round = 0; round < FUZZ_ROUNDS; round++) {
		unsigned char bytes[256], data[256];
		struct fields want, fields = table[dice() % 5];
		size_t size = mutate(bytes, pack(&fields, bytes));
		size_t cut = dice() % (size + 1);
		bool agreed = reference(bytes, size, &want, data);

		if (agreed != decode_cut(&decode, bytes, size, &cut, 1,
					 agreed ? &want : NULL, data))
			fail_msg("round %u: protobuf-c says %s; decode: %s",
				 round, agreed ? "valid" : "not valid",
				 decode.why);
		valid += agreed;
	}
	assert_in_range(valid, FUZZ_ROUNDS / 10, FUZZ_ROUNDS * 9 / 10);
	decode_free(&decode);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_what_protobuf_packs),
		cmocka_unit_test(decodes_split_at_every_byte),
		cmocka_unit_test(refuses_cut_off_messages),
		cmocka_unit_test(decodes_the_unusual),
		cmocka_unit_test(says_why_it_refuses),
		cmocka_unit_test(refuses_more_than_a_packet_holds),
		cmocka_unit_test(agrees_with_protobuf_on_anything),
	};

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = i * 7 + i / 251;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector decode", tests, NULL, NULL);
}
