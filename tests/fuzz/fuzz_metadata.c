// SPDX-License-Identifier: MIT
/* Values of a call's metadata: what was encoded comes back, the rest is refused. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/metadata.h"

static const char *const keys[] = {
	METADATA_HOST, METADATA_SENSOR, METADATA_INTERFACE,
	METADATA_LINKTYPE, METADATA_SNAPLEN, METADATA_TSRESOL, "pcapring-other",
};

#define KEYS	(sizeof(keys) / sizeof(*keys))

static const char *text_of(const struct metadata *metadata, unsigned int key)
{
	return key == 0 ? metadata->host : key == 1 ? metadata->sensor :
						      metadata->interface;
}

static uint32_t number_of(const struct metadata *metadata, unsigned int key)
{
	return key == 3 ? metadata->linktype : key == 4 ? metadata->snaplen :
							  metadata->tsresol;
}

static bool set(struct metadata *metadata, unsigned int key, const void *value,
		size_t length)
{
	return metadata_set(metadata, keys[key], strlen(keys[key]), value, length);
}

/* Each '%' of the value stands for three of its bytes. */
static void check_text(const char *text, const char *value, size_t length)
{
	char encoded[3 * METADATA_TEXT_MAX];
	struct metadata again;
	size_t bytes = length;

	for (size_t i = 0; i < length; i++)
		bytes -= value[i] == '%' ? 2 : 0;
	FUZZ_TRUE(strlen(text) == bytes && bytes < METADATA_TEXT_MAX);
	FUZZ_TRUE(metadata_encode(text, encoded, sizeof(encoded)));
	metadata_defaults(&again);
	FUZZ_TRUE(set(&again, 0, encoded, strlen(encoded)));
	FUZZ_TRUE(!strcmp(again.host, text));
}

static void check_number(uint32_t number, unsigned int key, const char *value,
			 size_t length)
{
	char text[32];

	while (length > 1 && *value == '0') {
		value++;
		length--;
	}
	FUZZ_TRUE(snprintf(text, sizeof(text), "%u", number) == (int)length);
	FUZZ_TRUE(!memcmp(text, value, length));
	FUZZ_TRUE(key != 3 || number <= 0xffff);
	FUZZ_TRUE(key != 4 || (number >= 1 && number <= INT32_MAX));
	FUZZ_TRUE(key != 5 || number == 6 || number == 9);
}

static void receive(struct fuzz_input *in)
{
	unsigned int key = fuzz_number(in, 1) % KEYS;
	struct metadata metadata, before;
	struct fuzz_pieces value;

	metadata_defaults(&metadata);
	before = metadata;
	fuzz_cut(&value, NULL, in->p, in->left);
	if (!set(&metadata, key, value.list->iov_base, in->left))
		FUZZ_TRUE(!memcmp(&metadata, &before, sizeof(before)));
	else if (key < 3)
		check_text(text_of(&metadata, key), value.list->iov_base, in->left);
	else if (key < 6)
		check_number(number_of(&metadata, key), key, value.list->iov_base, in->left);
	fuzz_free(&value);
	/* a key of any kind */
	metadata_set(&metadata, (const char *)in->p, in->left, "1", 1);
}

/* Any text, in any room. */
static void send(struct fuzz_input *in)
{
	size_t room = fuzz_number(in, 2) % 1024;
	char *encoded = malloc(room + !room), text[256];
	struct metadata metadata;

	fuzz_text(in, text, "");
	metadata_defaults(&metadata);
	if (metadata_encode(text, encoded, room)) {
		for (const char *p = encoded; *p; p++)
			FUZZ_TRUE(*p > ' ' && *p < 0x7f);
		FUZZ_TRUE(set(&metadata, 2, encoded, strlen(encoded)));
		FUZZ_TRUE(!strcmp(metadata.interface, text));
	} else {
		FUZZ_TRUE(room < 3 * METADATA_TEXT_MAX);
	}
	free(encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { bytes, size };

	if (fuzz_number(&in, 1) & 1)
		send(&in);
	else
		receive(&in);
	return 0;
}
