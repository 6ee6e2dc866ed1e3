// SPDX-License-Identifier: MIT
/* message: what protobuf-c packs is read, cut anywhere; noise is refused. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "pcapring/v1/records.pb-c.h"

#include "collector/records/message.h"

/* Decode with each piece in memory of its own. @return the kind. */
static enum message_kind decode(struct message *message, const unsigned char *bytes,
				size_t size, size_t cut, unsigned char *data)
{
	unsigned char *a = malloc(cut + 1), *b = malloc(size - cut + 1);
	struct iovec list[] = { { a, cut }, { NULL, 0 }, { b, size - cut } };
	enum message_kind kind;

	memcpy(a, bytes, cut);
	memcpy(b, bytes + cut, size - cut);
	kind = message_decode(message, list, 3);
	if (kind == MESSAGE_RECORDS && data)
		assert_int_equal(pieces_gather(&message->records.data, data, 4096),
				 message->records.length);
	if (kind == MESSAGE_RECORDS)
		assert_int_equal(pieces_length(&message->records.data),
				 message->records.length);
	free(a);
	free(b);
	return kind;
}

static size_t pack_records(unsigned char *out, uint64_t offset, uint64_t dropped,
			   uint64_t complete, size_t size)
{
	Pcapring__V1__FromSensor from = PCAPRING__V1__FROM_SENSOR__INIT;
	Pcapring__V1__Records records = PCAPRING__V1__RECORDS__INIT;
	static unsigned char data[1024];

	for (size_t i = 0; i < size; i++)
		data[i] = i * 7;
	records.offset = offset;
	records.dropped = dropped;
	records.complete_until = complete;
	records.data.data = data;
	records.data.len = size;
	from.message_case = PCAPRING__V1__FROM_SENSOR__MESSAGE_RECORDS;
	from.records = &records;
	return pcapring__v1__from_sensor__pack(&from, out);
}

static void reads_records_at_every_cut(void **state)
{
	static const uint64_t numbers[] = { 0, 1, 127, 128, 1u << 31,
					    UINT64_MAX - 1024 };
	static const size_t sizes[] = { 0, 1, 127, 128, 1000 };
	unsigned char bytes[2048], data[4096];
	struct message message = { 0 };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		for (size_t j = 0; j < 5; j++) {
			size_t size = pack_records(bytes, numbers[i], numbers[5 - i],
						   numbers[(i + j) % 6], sizes[j]);

			for (size_t cut = 0; cut <= size; cut++) {
				assert_int_equal(decode(&message, bytes, size, cut, data),
						 MESSAGE_RECORDS);
				assert_int_equal(message.records.offset, numbers[i]);
				assert_int_equal(message.records.dropped, numbers[5 - i]);
				assert_int_equal(message.records.complete_until,
						 numbers[(i + j) % 6]);
				assert_int_equal(message.records.length, sizes[j]);
				for (size_t k = 0; k < sizes[j]; k++)
					assert_int_equal(data[k], k * 7 & 255);
				assert_null(message.unpacked);
			}
		}
	}
}

static size_t pack_hello(unsigned char *out, uint32_t ring, uint32_t ring_count,
			 size_t id, const char *sensor)
{
	Pcapring__V1__FromSensor from = PCAPRING__V1__FROM_SENSOR__INIT;
	Pcapring__V1__Hello hello = PCAPRING__V1__HELLO__INIT;

	hello.boot_id.data = (uint8_t *)"bootbootbootboot";
	hello.boot_id.len = id;
	hello.capture.data = (uint8_t *)"CAPTCAPTCAPTCAPT";
	hello.capture.len = 16;
	hello.ring = ring;
	hello.ring_count = ring_count;
	hello.ring_bytes = 1 << 20;
	hello.tail = 5;
	hello.head = 5 + (1 << 20);
	hello.sent = 77;
	hello.generation = UINT64_MAX;
	hello.sensor = (char *)sensor;
	hello.snaplen = 96;
	hello.linktype = 113;
	hello.resolution = PCAPRING__V1__RESOLUTION__MICROSECONDS;
	hello.big_endian = 1;
	from.message_case = PCAPRING__V1__FROM_SENSOR__MESSAGE_HELLO;
	from.hello = &hello;
	return pcapring__v1__from_sensor__pack(&from, out);
}

static void reads_hello(void **state)
{
	unsigned char bytes[1024];
	struct message message = { 0 };
	const struct hello *hello = &message.hello;
	size_t size = pack_hello(bytes, 3, 4, 16, "a\nb");

	(void)state;
	for (size_t cut = 0; cut <= size; cut++) {
		assert_int_equal(decode(&message, bytes, size, cut, NULL), MESSAGE_HELLO);
		assert_memory_equal(hello->boot, "bootbootbootboot", 16);
		assert_memory_equal(hello->capture, "CAPTCAPTCAPTCAPT", 16);
		assert_false(hello->has_collector);
		assert_int_equal(hello->ring, 3);
		assert_int_equal(hello->ring_count, 4);
		assert_int_equal(hello->tail, 5);
		assert_int_equal(hello->head, 5 + (1 << 20));
		assert_int_equal(hello->sent, 77);
		assert_true(hello->generation == UINT64_MAX);
		assert_string_equal(hello->sensor, "a\nb");
		assert_int_equal(hello->format.linktype, 113);
		assert_int_equal(hello->format.snaplen, 96);
		assert_true(hello->format.microseconds);
		assert_true(hello->format.big_endian);
	}
	message_free(&message);
}

static void refuses_what_is_not_valid(void **state)
{
	unsigned char bytes[2048];
	struct message message = { 0 };
	size_t size;

	(void)state;
	size = pack_hello(bytes, 4, 4, 16, "");
	assert_int_equal(decode(&message, bytes, size, 0, NULL), MESSAGE_INVALID);
	assert_string_equal(message.why, "ring is 4 of 4");
	size = pack_hello(bytes, 0, 65, 16, "");
	assert_int_equal(decode(&message, bytes, size, 0, NULL), MESSAGE_INVALID);
	size = pack_hello(bytes, 0, 1, 15, "");
	assert_int_equal(decode(&message, bytes, size, 0, NULL), MESSAGE_INVALID);
	size = pack_records(bytes, UINT64_MAX, 0, 0, 1);
	assert_int_equal(decode(&message, bytes, size, 0, NULL), MESSAGE_INVALID);
	size = pack_records(bytes, 1, 2, 3, 100);
	for (size_t less = 1; less < size; less++)
		assert_int_equal(decode(&message, bytes, size - less, 0, NULL),
				 MESSAGE_INVALID);
	message_free(&message);
}

/* Whatever it is: an answer, and nothing read beyond the pieces. */
/* Varints longer than they need be: numbers of up to 10 bytes, lengths of 5. */
static void takes_long_varints_as_protobuf_c_does(void **state)
{
	static const struct {
		unsigned char bytes[32];
		size_t size;
		bool valid;
	} long_ones[] = {
		{ "\x12\x82\x80\x80\x80\0\x08\x05", 8, true },
		{ "\x12\x82\x80\x80\x80\x80\0\x08\x05", 9, false },
		{ "\x12\x0b\x08\x85\x80\x80\x80\x80\x80\x80\x80\x80\0", 13, true },
		{ "\x12\x0c\x08\x85\x80\x80\x80\x80\x80\x80\x80\x80\x80\0", 14, false },
		{ "\x12\x07\x22\x81\x80\x80\x80\0x", 9, true },
		{ "\x12\x08\x22\x81\x80\x80\x80\x80\0x", 10, false },
	};
	struct message message = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(long_ones) / sizeof(*long_ones); i++) {
		Pcapring__V1__FromSensor *want = pcapring__v1__from_sensor__unpack(
			NULL, long_ones[i].size, long_ones[i].bytes);

		assert_true(!want == !long_ones[i].valid);
		assert_int_equal(decode(&message, long_ones[i].bytes, long_ones[i].size,
					3, NULL),
				 want ? MESSAGE_RECORDS : MESSAGE_INVALID);
		if (!want)
			continue;
		assert_true(message.records.offset == want->records->offset);
		assert_int_equal(message.records.length, want->records->data.len);
		pcapring__v1__from_sensor__free_unpacked(want, NULL);
	}
	message_free(&message);
}

static void survives_noise(void **state)
{
	unsigned char bytes[2048];
	struct message message = { 0 };

	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		size_t size = round % 2 ? pack_records(bytes, 1 << 20, 300, 1 << 30, 50) :
					  pack_hello(bytes, 3, 4, 16, "sensor");

		for (int change = rand() % 4; change >= 0; change--)
			bytes[rand() % size] = rand();
		decode(&message, bytes, size, rand() % (size + 1), NULL);
	}
	message_free(&message);
}

static void packs_answers(void **state)
{
	unsigned char out[MESSAGE_OUT_MAX];
	Pcapring__V1__FromCollector *from;
	size_t size;

	(void)state;
	size = message_welcome(out, (const uint8_t *)"0123456789abcdef", UINT64_MAX,
			       true, true);
	assert_true(size <= sizeof(out));
	from = pcapring__v1__from_collector__unpack(NULL, size, out);
	assert_int_equal(from->message_case, PCAPRING__V1__FROM_COLLECTOR__MESSAGE_WELCOME);
	assert_int_equal(from->welcome->collector.len, 16);
	assert_true(from->welcome->offset == UINT64_MAX);
	assert_true(from->welcome->new_epoch && from->welcome->durable);
	pcapring__v1__from_collector__free_unpacked(from, NULL);
	size = message_ack(out, 0);
	from = pcapring__v1__from_collector__unpack(NULL, size, out);
	assert_int_equal(from->message_case, PCAPRING__V1__FROM_COLLECTOR__MESSAGE_ACK);
	assert_int_equal(from->ack->offset, 0);
	pcapring__v1__from_collector__free_unpacked(from, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_records_at_every_cut),
		cmocka_unit_test(reads_hello),
		cmocka_unit_test(refuses_what_is_not_valid),
		cmocka_unit_test(takes_long_varints_as_protobuf_c_does),
		cmocka_unit_test(survives_noise),
		cmocka_unit_test(packs_answers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector message", tests, NULL, NULL);
}
