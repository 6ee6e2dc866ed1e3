// SPDX-License-Identifier: MIT
/*
 * The relay's Hello, whatever host and interface are called: it fits, and its
 * texts are UTF-8, without which a receiver refuses all of it.
 */
#include "fuzz.h"

#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "pcapring/v1/records.pb-c.h"

#include "records/message.h"

static bool is_utf8(const char *text)
{
	static iconv_t converter;
	char out[4 * METADATA_TEXT_MAX], *to = out, *from = (char *)text;
	size_t left = strlen(text), room = sizeof(out);

	if (!converter)
		converter = iconv_open("UTF-16LE", "UTF-8");
	FUZZ_TRUE(converter != (iconv_t)-1);
	iconv(converter, NULL, NULL, NULL, NULL);
	return iconv(converter, &from, &left, &to, &room) != (size_t)-1;
}

static void compare(const char *got, const char *want)
{
	FUZZ_TRUE(is_utf8(got));
	FUZZ_TRUE(strlen(got) == strlen(want));
	FUZZ_TRUE(!is_utf8(want) || !strcmp(got, want));
	for (; *got; got++, want++)
		FUZZ_TRUE(*got == *want || *got == '?');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { bytes, size };
	uint8_t flags = fuzz_number(&in, 1), id[MESSAGE_ID_BYTES] = { 7 };
	struct metadata metadata;
	struct message_hello hello = {
		.ring = fuzz_number(&in, 4),
		.ring_count = fuzz_number(&in, 4),
		.ring_bytes = fuzz_number(&in, 8),
		.tail = fuzz_number(&in, 8),
		.head = fuzz_number(&in, 8),
		.sent = fuzz_number(&in, 8),
		.generation = fuzz_number(&in, 8),
		.collector = flags & 1 ? id : NULL,
		.metadata = &metadata,
		.resolution = flags & 2 ? 1 : 0,
	};
	uint8_t *out = malloc(MESSAGE_HELLO_MAX);
	Pcapring__V1__FromSensor *got;

	metadata_defaults(&metadata);
	metadata.linktype = fuzz_number(&in, 4);
	metadata.snaplen = fuzz_number(&in, 4);
	fuzz_text(&in, metadata.sensor, "");
	fuzz_text(&in, metadata.host, "");
	fuzz_text(&in, metadata.interface, "");
	got = pcapring__v1__from_sensor__unpack(NULL, message_pack_hello(out, &hello), out);
	FUZZ_TRUE(got);
	FUZZ_TRUE(got->message_case == PCAPRING__V1__FROM_SENSOR__MESSAGE_HELLO);
	FUZZ_TRUE(got->hello->tail == hello.tail && got->hello->head == hello.head);
	FUZZ_TRUE(got->hello->sent == hello.sent);
	FUZZ_TRUE(got->hello->generation == hello.generation);
	FUZZ_TRUE(got->hello->collector.len == (hello.collector ? 16 : 0));
	compare(got->hello->sensor, metadata.sensor);
	compare(got->hello->host, metadata.host);
	compare(got->hello->interface, metadata.interface);
	pcapring__v1__from_sensor__free_unpacked(got, NULL);
	free(out);
	return 0;
}
