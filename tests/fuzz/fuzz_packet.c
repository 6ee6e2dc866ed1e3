// SPDX-License-Identifier: MIT
/* The collector's Packet: whole or cut, it is what protobuf-c unpacks. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "packet_streaming.pb-c.h"

#include "collector/packets/decode.h"
#include "collector/pieces.h"

static bool valid(const PacketStreaming__Packet *want)
{
	return want && want->header && want->data &&
	       want->header->caplen == want->data->data.len &&
	       want->header->caplen <= PACKET_CAPLEN_MAX &&
	       want->header->ts_usec < 1000000 &&
	       want->header->ts_nsec < 1000000000;
}

static void compare_packet(const struct packet *packet,
			   const PacketStreaming__Packet *want)
{
	struct pieces view = { (struct iovec *)packet->data, packet->count };
	uint8_t *data = malloc(packet->caplen);

	FUZZ_TRUE(packet->ts_sec == want->header->ts_sec);
	FUZZ_TRUE(packet->ts_usec == want->header->ts_usec);
	FUZZ_TRUE(packet->ts_nsec == want->header->ts_nsec);
	FUZZ_TRUE(packet->caplen == want->header->caplen);
	FUZZ_TRUE(packet->len == want->header->len);
	FUZZ_TRUE(pieces_length(&view) == packet->caplen);
	pieces_gather(&view, data, packet->caplen);
	FUZZ_TRUE(!packet->caplen ||
		  !memcmp(data, want->data->data.data, packet->caplen));
	free(data);
}

static void compare(struct decode *decode, struct fuzz_pieces *pieces,
		    const PacketStreaming__Packet *want)
{
	struct packet packet;
	bool taken;

	*decode->why = '\0';
	taken = decode_packet(decode, pieces->list, pieces->count, &packet);
	FUZZ_TRUE(taken == valid(want));
	if (taken)
		compare_packet(&packet, want);
	else
		FUZZ_TRUE(*decode->why);
	fuzz_free(pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { bytes, size };
	struct decode decode = { 0 };
	PacketStreaming__Packet *want;
	struct fuzz_pieces pieces;
	struct fuzz_cuts cuts;

	fuzz_cuts(&in, &cuts);
	want = packet_streaming__packet__unpack(NULL, in.left, in.p);
	fuzz_cut(&pieces, NULL, in.p, in.left);
	compare(&decode, &pieces, want);
	fuzz_cut(&pieces, &cuts, in.p, in.left);
	compare(&decode, &pieces, want);
	decode_free(&decode);
	if (want)
		packet_streaming__packet__free_unpacked(want, NULL);
	return 0;
}
