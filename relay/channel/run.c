// SPDX-License-Identifier: MIT
#include "run.h"

#include <stdio.h>

#include "common/metadata.h"
#include "encode.h"
#include "extent.h"
#include "source/source.h"

#define RUN_METHOD	"/packet_streaming.PacketStreaming/Run"
#define RUN_TEXT_MAX	(3 * METADATA_TEXT_MAX)	/* percent-encoded */
#define RUN_NUMBER_MAX	16
/*
 * No extent stays current for longer, in messages: in a burst without end it
 * would hold its ring although all of it was read.
 */
#define RUN_BASE_MESSAGES	1024

void run_init(struct run *run, struct stream *stream, struct extents *extents,
	      unsigned int rings, bool nanoseconds)
{
	*run = (struct run) {
		.stream = stream,
		.extents = extents,
		.rings = rings,
		.nanoseconds = nanoseconds,
	};
}

static const char *run_number(char *out, uint32_t number)
{
	snprintf(out, RUN_NUMBER_MAX, "%u", number);
	return out;
}

static const char *run_text(char *out, const char *text)
{
	*out = '\0';
	metadata_encode(text, out, RUN_TEXT_MAX);
	return out;
}

struct stream_call *run_call(struct run *run, const struct metadata *metadata, bool wait,
			     void *context)
{
	char host[RUN_TEXT_MAX], sensor[RUN_TEXT_MAX], interface[RUN_TEXT_MAX];
	char linktype[RUN_NUMBER_MAX], snaplen[RUN_NUMBER_MAX], tsresol[RUN_NUMBER_MAX];
	const struct stream_text texts[] = {
		{ METADATA_HOST, run_text(host, metadata->host) },
		{ METADATA_SENSOR, run_text(sensor, metadata->sensor) },
		{ METADATA_INTERFACE, run_text(interface, metadata->interface) },
		{ METADATA_LINKTYPE, run_number(linktype, metadata->linktype) },
		{ METADATA_SNAPLEN, run_number(snaplen, metadata->snaplen) },
		{ METADATA_TSRESOL, run_number(tsresol, metadata->tsresol) },
	};

	return stream_open(run->stream, &(struct stream_opening) {
		.method = RUN_METHOD,
		.texts = texts,
		.count = sizeof(texts) / sizeof(texts[0]),
		.wait = wait,
		.context = context,
	});
}

static void run_end_base(struct run_base *base)
{
	if (!base->extent)
		return;
	base->extent = NULL;
	stream_drop(&base->hold);
}

void run_let_go(struct run *run)
{
	for (unsigned int i = 0; i < run->rings; i++)
		run_end_base(&run->bases[i]);
}

/* What the packet is a part of: the ring's current extent, or a new one. NULL: copy. */
static const struct run_base *run_base(struct run *run, const struct packet *packet)
{
	struct run_base *base = &run->bases[packet->ring];
	uint32_t caplen = packet->header.caplen;
	/* Extents begin with a record: the tail may come to lie there. */
	size_t header = sizeof(packet->header);

	if (base->extent && packet->position + caplen <= base->extent->end)
		return base;
	run_end_base(base);
	base->extent = extents_begin(&run->extents[packet->ring], packet->position - header,
				     header + caplen);
	if (!base->extent)
		return NULL;
	stream_hold(&base->hold, packet->data - header,
		    base->extent->end - base->extent->begin, base->extent);
	return base;
}

uint32_t run_send(struct run *run, struct stream_call *call, const struct packet *packet,
		  bool last)
{
	const struct run_base *base = NULL;
	uint32_t caplen = packet->header.caplen;
	uint8_t prefix[ENCODE_PREFIX_MAX];
	size_t length = encode_prefix(prefix, &packet->header, run->nanoseconds);

	if (caplen >= STREAM_REFER_BYTES && packet->ring < run->rings)
		base = run_base(run, packet);
	if (base)
		stream_send_part(call, prefix, length, &base->hold,
				 packet->position - base->extent->begin, caplen, last);
	else
		stream_send(call, prefix, length, packet->data, caplen, NULL, last);
	if (last || ++run->sent % RUN_BASE_MESSAGES == 0)
		run_let_go(run);
	return length + caplen;
}
