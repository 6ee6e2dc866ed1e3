// SPDX-License-Identifier: MIT
/* The relay's FromCollector is what protobuf-c unpacks, and taken if it is valid. */
#include "fuzz.h"

#include <string.h>

#include "pcapring/v1/records.pb-c.h"

#include "records/message.h"

typedef Pcapring__V1__FromCollector from_collector;

static enum message_kind expect(const from_collector *want)
{
	if (!want)
		return MESSAGE_NEITHER;
	if (want->message_case == PCAPRING__V1__FROM_COLLECTOR__MESSAGE_ACK)
		return MESSAGE_ACK;
	return want->message_case == PCAPRING__V1__FROM_COLLECTOR__MESSAGE_WELCOME &&
	       want->welcome->collector.len == 16 ? MESSAGE_WELCOME : MESSAGE_NEITHER;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	from_collector *want = pcapring__v1__from_collector__unpack(NULL, size, bytes);
	struct message_answer answer;
	enum message_kind kind;
	struct fuzz_pieces exact;

	fuzz_cut(&exact, NULL, bytes, size);
	kind = message_unpack(&answer, exact.list->iov_base, size);
	fuzz_free(&exact);
	FUZZ_TRUE(kind == expect(want));
	if (kind == MESSAGE_ACK) {
		FUZZ_TRUE(answer.offset == want->ack->offset);
	} else if (kind == MESSAGE_WELCOME) {
		FUZZ_TRUE(answer.offset == want->welcome->offset);
		FUZZ_TRUE(!memcmp(answer.collector, want->welcome->collector.data, 16));
		FUZZ_TRUE(answer.new_epoch == !!want->welcome->new_epoch);
		FUZZ_TRUE(answer.durable == !!want->welcome->durable);
	}
	if (want)
		pcapring__v1__from_collector__free_unpacked(want, NULL);
	return 0;
}
