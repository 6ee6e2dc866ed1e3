// SPDX-License-Identifier: MIT
#include "packet.h"

#include <string.h>

#define PACKET_SECOND	1000000000ULL

/* splitmix64: as good as random, from any start. */
static uint64_t packet_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint64_t packet_seed(uint32_t ring, uint64_t number)
{
	return (uint64_t)ring << 48 ^ number;
}

/* Mostly as on a network, and now and then larger than what is sent at once. */
static uint32_t packet_length(uint64_t random)
{
	uint32_t part = random >> 32;

	switch (random % 2048) {
	case 0:
		return PACKET_BYTES_MAX - part % 1000;
	case 1 ... 10:
		return 9000 + part % 60000;
	case 11 ... 1023:
		return PACKET_BYTES_MIN + part % 100;
	default:
		return PACKET_BYTES_MIN + part % 1490;
	}
}

void packet_make(uint32_t ring, uint64_t number, struct pcapring_record *record,
		 struct packet_name *name)
{
	uint64_t state = packet_seed(ring, number);
	uint32_t caplen = packet_length(packet_random(&state));

	*name = (struct packet_name) {
		.ring = ring,
		.caplen = caplen,
		.number = number,
	};
	*record = (struct pcapring_record) {
		.caplen = caplen,
		.len = caplen + number % 1000,
	};
}

void packet_stamp(struct pcapring_record *record, struct packet_name *name,
		  uint64_t stamp)
{
	name->stamp = stamp;
	record->ts_sec = stamp / PACKET_SECOND;
	record->ts_nsec = stamp % PACKET_SECOND;
}

/* What comes after the name, word by word; the last may be a part of one. */
void packet_fill(const struct packet_name *name, uint8_t *data)
{
	uint64_t state = ~packet_seed(name->ring, name->number);
	uint32_t at = sizeof(*name);
	uint64_t word;

	memcpy(data, name, sizeof(*name));
	for (; at + sizeof(word) <= name->caplen; at += sizeof(word)) {
		word = packet_random(&state);
		memcpy(data + at, &word, sizeof(word));
	}
	word = packet_random(&state);
	memcpy(data + at, &word, name->caplen - at);
}

const char *packet_fault(const struct pcapring_record *record, const uint8_t *data,
			 struct packet_name *name)
{
	static uint8_t want[PACKET_BYTES_MAX];
	struct pcapring_record header;
	uint64_t stamp;

	if (record->caplen < PACKET_BYTES_MIN || record->caplen > PACKET_BYTES_MAX)
		return "no packet has this length";
	memcpy(name, data, sizeof(*name));
	if (name->ring >= PCAPRING_RINGS_MAX)
		return "no packet is of this ring";
	stamp = name->stamp;
	packet_make(name->ring, name->number, &header, name);
	packet_stamp(&header, name, stamp);
	if (memcmp(record, &header, sizeof(header)))
		return "not the record header of the packet that it names";
	packet_fill(name, want);
	if (memcmp(data, want, header.caplen))
		return "not the bytes of the packet that it names";
	return NULL;
}
