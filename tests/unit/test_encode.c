// SPDX-License-Identifier: MIT
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "channel/encode.h"
#include "packet_streaming.pb-c.h"
#include "pcapring/v1/records.pb-c.h"

#define DATA_MAX	PCAPRING_SNAPLEN_MAX

static uint8_t data[DATA_MAX];

/* What protobuf-c makes of the same packet, which has to be the same bytes. */
static void compare(const struct pcapring_record *record, bool nanoseconds)
{
	static uint8_t expected[DATA_MAX + 64], ours[DATA_MAX + 64];
	PacketStreaming__PacketHeader header = PACKET_STREAMING__PACKET_HEADER__INIT;
	PacketStreaming__PacketData body = PACKET_STREAMING__PACKET_DATA__INIT;
	PacketStreaming__Packet packet = PACKET_STREAMING__PACKET__INIT;
	size_t length, prefix;

	header.ts_sec = record->ts_sec;
	header.ts_usec = record->ts_nsec / 1000;
	header.caplen = record->caplen;
	header.len = record->len;
	header.ts_nsec = nanoseconds ? record->ts_nsec : 0;
	body.data.data = data;
	body.data.len = record->caplen;
	packet.header = &header;
	packet.data = &body;
	length = packet_streaming__packet__pack(&packet, expected);

	prefix = encode_prefix(ours, record, nanoseconds);
	assert_in_range(prefix, 4, ENCODE_PREFIX_MAX);
	memcpy(ours + prefix, data, record->caplen);
	assert_int_equal(prefix + record->caplen, length);
	assert_memory_equal(ours, expected, length);
}

static void test_an_empty_packet_has_both_submessages(void **state)
{
	const struct pcapring_record record = {};
	uint8_t out[ENCODE_PREFIX_MAX];

	(void)state;
	assert_int_equal(encode_prefix(out, &record, true), 4);
	assert_memory_equal(out, "\x0a\x00\x12\x00", 4);
}

static void test_edges_are_what_protobuf_packs(void **state)
{
	static const uint32_t edges[] = {
		0, 1, 127, 128, 16383, 16384, 2097151, 2097152, 268435455,
		268435456, UINT32_MAX
	};
	static const uint32_t nsecs[] = { 0, 1, 999, 1000, 999999, 999999999 };
	static const uint32_t caplens[] = { 0, 1, 123, 124, 125, 127, 128, 16380,
		16383, 16384, DATA_MAX };

	(void)state;
	for (unsigned int i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		for (unsigned int j = 0; j < sizeof(nsecs) / sizeof(nsecs[0]); j++)
			for (unsigned int k = 0; k < sizeof(caplens) / sizeof(caplens[0]); k++) {
				const struct pcapring_record record = {
					edges[i], nsecs[j], caplens[k],
					edges[(i + k) % 11]
				};

				compare(&record, false);
				compare(&record, true);
			}
}

static void test_random_packets_are_what_protobuf_packs(void **state)
{
	(void)state;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		struct pcapring_record record = {
			.ts_sec = (uint32_t)random() << (random() & 1),
			.ts_nsec = random() % 1000000000,
			.caplen = random() % (1 << (random() % 14)),
			.len = random() >> (random() & 31),
		};

		compare(&record, i & 1);
	}
}

static void test_nanoseconds_stay_out_unless_asked_for(void **state)
{
	const struct pcapring_record record = { 1, 999999999, 0, 0 };
	uint8_t out[ENCODE_PREFIX_MAX];
	PacketStreaming__Packet *packet;
	size_t length;

	(void)state;
	length = encode_prefix(out, &record, false);
	packet = packet_streaming__packet__unpack(NULL, length, out);
	assert_non_null(packet);
	assert_int_equal(packet->header->ts_usec, 999999);
	assert_int_equal(packet->header->ts_nsec, 0);
	packet_streaming__packet__free_unpacked(packet, NULL);

	length = encode_prefix(out, &record, true);
	packet = packet_streaming__packet__unpack(NULL, length, out);
	assert_non_null(packet);
	assert_int_equal(packet->header->ts_usec, 999999);
	assert_int_equal(packet->header->ts_nsec, 999999999);
	packet_streaming__packet__free_unpacked(packet, NULL);
}

static void compare_records(const struct encode_records *records)
{
	static uint8_t expected[DATA_MAX + 64], ours[DATA_MAX + 64];
	Pcapring__V1__Records body = PCAPRING__V1__RECORDS__INIT;
	Pcapring__V1__FromSensor message = PCAPRING__V1__FROM_SENSOR__INIT;
	size_t length, prefix;

	body.offset = records->offset;
	body.dropped = records->dropped;
	body.complete_until = records->complete_until;
	body.data.data = data;
	body.data.len = records->size;
	message.message_case = PCAPRING__V1__FROM_SENSOR__MESSAGE_RECORDS;
	message.records = &body;
	length = pcapring__v1__from_sensor__pack(&message, expected);

	prefix = encode_records(ours, records);
	assert_in_range(prefix, 2, ENCODE_RECORDS_MAX);
	memcpy(ours + prefix, data, records->size);
	assert_int_equal(prefix + records->size, length);
	assert_memory_equal(ours, expected, length);
}

static void test_records_are_what_protobuf_packs(void **state)
{
	static const uint64_t edges[] = { 0, 1, 127, 128, UINT32_MAX, 1ULL << 62,
		UINT64_MAX };
	static const uint32_t sizes[] = { 0, 1, 100, 127, 128, 16383, 16384, DATA_MAX };

	(void)state;
	for (unsigned int i = 0; i < 7 * 7 * 7 * 8; i++) {
		const struct encode_records records = {
			edges[i % 7], edges[i / 7 % 7], edges[i / 49 % 7],
			sizes[i / 343]
		};

		compare_records(&records);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_packet_has_both_submessages),
		cmocka_unit_test(test_edges_are_what_protobuf_packs),
		cmocka_unit_test(test_random_packets_are_what_protobuf_packs),
		cmocka_unit_test(test_nanoseconds_stay_out_unless_asked_for),
		cmocka_unit_test(test_records_are_what_protobuf_packs),
	};

	for (unsigned int i = 0; i < DATA_MAX; i++)
		data[i] = i * 31;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
