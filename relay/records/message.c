// SPDX-License-Identifier: MIT
#include "message.h"

#include <stdio.h>
#include <string.h>

#include "pcapring/v1/records.pb-c.h"

/* How many bytes the character at @text has; 0: it is not UTF-8. */
static size_t message_character(const uint8_t *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = *text < 0x80 ? 1 : *text < 0xc0 ? 0 : *text < 0xe0 ? 2 :
			*text < 0xf0 ? 3 : *text < 0xf8 ? 4 : 0;
	uint32_t point;

	if (length < 2)
		return length;
	point = *text & (0x7f >> length);
	for (size_t i = 1; i < length; i++) {
		/* the NUL at the end is none of these */
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (text[i] & 0x3f);
	}
	if (point < least[length] || point > 0x10ffff ||
	    (point >= 0xd800 && point < 0xe000))
		return 0;
	return length;
}

static char *message_text(char *out, const char *text)
{
	snprintf(out, METADATA_TEXT_MAX, "%s", text);
	for (uint8_t *p = (uint8_t *)out; *p;) {
		size_t length = message_character(p);

		if (!length)
			*p = '?';
		p += length ? length : 1;
	}
	return out;
}

static ProtobufCBinaryData message_id(const uint8_t *id)
{
	return (ProtobufCBinaryData) {
		.len = id ? MESSAGE_ID_BYTES : 0,
		.data = (uint8_t *)id,
	};
}

size_t message_pack_hello(uint8_t *out, const struct message_hello *hello)
{
	char sensor[METADATA_TEXT_MAX], host[METADATA_TEXT_MAX];
	char interface[METADATA_TEXT_MAX];
	Pcapring__V1__FromSensor message = PCAPRING__V1__FROM_SENSOR__INIT;
	Pcapring__V1__Hello body = PCAPRING__V1__HELLO__INIT;

	body.boot_id = message_id(hello->boot_id);
	body.capture = message_id(hello->capture);
	body.ring = hello->ring;
	body.ring_count = hello->ring_count;
	body.ring_bytes = hello->ring_bytes;
	body.tail = hello->tail;
	body.head = hello->head;
	body.sent = hello->sent;
	body.generation = hello->generation;
	body.collector = message_id(hello->collector);
	body.sensor = message_text(sensor, hello->metadata->sensor);
	body.host = message_text(host, hello->metadata->host);
	body.interface = message_text(interface, hello->metadata->interface);
	body.linktype = hello->metadata->linktype;
	body.snaplen = hello->metadata->snaplen;
	body.resolution = hello->resolution;
	body.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	body.version = PCAPRING_VERSION_STRING;
	message.message_case = PCAPRING__V1__FROM_SENSOR__MESSAGE_HELLO;
	message.hello = &body;
	return pcapring__v1__from_sensor__pack(&message, out);
}

static enum message_kind message_welcome(struct message_answer *answer,
					 const Pcapring__V1__Welcome *welcome)
{
	if (welcome->collector.len != MESSAGE_ID_BYTES)
		return MESSAGE_NEITHER;
	memcpy(answer->collector, welcome->collector.data, MESSAGE_ID_BYTES);
	answer->offset = welcome->offset;
	answer->new_epoch = welcome->new_epoch;
	answer->durable = welcome->durable;
	return MESSAGE_WELCOME;
}

enum message_kind message_unpack(struct message_answer *answer, const uint8_t *bytes,
				 size_t length)
{
	Pcapring__V1__FromCollector *message =
		pcapring__v1__from_collector__unpack(NULL, length, bytes);
	enum message_kind kind = MESSAGE_NEITHER;

	*answer = (struct message_answer) {};
	if (!message)
		return kind;
	switch (message->message_case) {
	case PCAPRING__V1__FROM_COLLECTOR__MESSAGE_WELCOME:
		kind = message_welcome(answer, message->welcome);
		break;
	case PCAPRING__V1__FROM_COLLECTOR__MESSAGE_ACK:
		answer->offset = message->ack->offset;
		kind = MESSAGE_ACK;
		break;
	default:
		break;
	}
	pcapring__v1__from_collector__free_unpacked(message, NULL);
	return kind;
}
