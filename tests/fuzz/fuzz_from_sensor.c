// SPDX-License-Identifier: MIT
/*
 * The collector's FromSensor: whole or cut, it is what protobuf-c unpacks, and
 * taken exactly if it is valid.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "pcapring/v1/records.pb-c.h"

#include "collector/records/message.h"

typedef Pcapring__V1__FromSensor from_sensor;

static bool fits(const char *text)
{
	return strlen(text) < METADATA_TEXT_MAX;
}

/* As records.proto has it, and a savefile's header. */
static bool hello_valid(const Pcapring__V1__Hello *hello)
{
	if (hello->boot_id.len != 16 || hello->capture.len != 16 ||
	    (hello->collector.len && hello->collector.len != 16))
		return false;
	if (hello->ring_count > 64 || hello->ring >= hello->ring_count)
		return false;
	if (hello->tail > hello->head || hello->sent > hello->head ||
	    (hello->ring_bytes && hello->head - hello->tail > hello->ring_bytes))
		return false;
	return hello->linktype <= 65535 && hello->snaplen &&
	       hello->snaplen <= 262144 && (unsigned int)hello->resolution <= 1 &&
	       fits(hello->sensor) && fits(hello->host) &&
	       fits(hello->interface) && fits(hello->version);
}

static void compare_hello(const struct hello *hello, const Pcapring__V1__Hello *want)
{
	FUZZ_TRUE(!memcmp(hello->boot, want->boot_id.data, 16));
	FUZZ_TRUE(!memcmp(hello->capture, want->capture.data, 16));
	FUZZ_TRUE(hello->has_collector == !!want->collector.len);
	FUZZ_TRUE(!hello->has_collector ||
		  !memcmp(hello->collector, want->collector.data, 16));
	FUZZ_TRUE(hello->ring == want->ring && hello->ring_count == want->ring_count);
	FUZZ_TRUE(hello->ring_bytes == want->ring_bytes);
	FUZZ_TRUE(hello->tail == want->tail && hello->head == want->head);
	FUZZ_TRUE(hello->sent == want->sent && hello->generation == want->generation);
	FUZZ_TRUE(hello->format.linktype == want->linktype);
	FUZZ_TRUE(hello->format.snaplen == want->snaplen);
	FUZZ_TRUE(hello->format.microseconds == (want->resolution == 1));
	FUZZ_TRUE(hello->format.big_endian == !!want->big_endian);
	FUZZ_TRUE(!strcmp(hello->sensor, want->sensor));
	FUZZ_TRUE(!strcmp(hello->host, want->host));
	FUZZ_TRUE(!strcmp(hello->interface, want->interface));
}

static void compare_records(const struct records *records,
			    const Pcapring__V1__Records *want)
{
	size_t length = records->length;
	uint8_t *data = malloc(length);

	FUZZ_TRUE(records->offset == want->offset);
	FUZZ_TRUE(records->dropped == want->dropped);
	FUZZ_TRUE(records->complete_until == want->complete_until);
	FUZZ_TRUE(length == want->data.len);
	FUZZ_TRUE(pieces_length(&records->data) == length);
	FUZZ_TRUE(pieces_gather(&records->data, data, length) == length);
	FUZZ_TRUE(!length || !memcmp(data, want->data.data, length));
	free(data);
}

static enum message_kind expect(const from_sensor *want)
{
	if (want && want->message_case == PCAPRING__V1__FROM_SENSOR__MESSAGE_HELLO)
		return hello_valid(want->hello) ? MESSAGE_HELLO : MESSAGE_INVALID;
	if (want && want->message_case == PCAPRING__V1__FROM_SENSOR__MESSAGE_RECORDS)
		return want->records->data.len > UINT64_MAX - want->records->offset ?
		       MESSAGE_INVALID : MESSAGE_RECORDS;
	return MESSAGE_INVALID;
}

static void compare(struct message *message, struct fuzz_pieces *pieces,
		    const from_sensor *want)
{
	enum message_kind kind;

	*message->why = '\0';
	kind = message_decode(message, pieces->list, pieces->count);
	FUZZ_TRUE(kind == expect(want));
	if (kind == MESSAGE_HELLO)
		compare_hello(&message->hello, want->hello);
	else if (kind == MESSAGE_RECORDS)
		compare_records(&message->records, want->records);
	else
		FUZZ_TRUE(*message->why);
	fuzz_free(pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { bytes, size };
	struct message message = { 0 };
	struct fuzz_pieces pieces;
	struct fuzz_cuts cuts;
	from_sensor *want;

	fuzz_cuts(&in, &cuts);
	want = pcapring__v1__from_sensor__unpack(NULL, in.left, in.p);
	fuzz_cut(&pieces, NULL, in.p, in.left);
	compare(&message, &pieces, want);
	fuzz_cut(&pieces, &cuts, in.p, in.left);
	compare(&message, &pieces, want);
	message_free(&message);
	if (want)
		pcapring__v1__from_sensor__free_unpacked(want, NULL);
	return 0;
}
