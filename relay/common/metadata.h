/* SPDX-License-Identifier: MIT */
/*
 * What a call's initial metadata says of the stream, beside the messages.
 * Values are percent-encoded: every byte outside of 0x21..0x7e, and '%'.
 */
#ifndef COMMON_METADATA_H
#define COMMON_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METADATA_HOST		"pcapring-host"		/* host name, for people */
#define METADATA_SENSOR		"pcapring-sensor"	/* identity, stable over renames */
#define METADATA_INTERFACE	"pcapring-interface"	/* name; of --read: the file's */
#define METADATA_LINKTYPE	"pcapring-linktype"	/* LINKTYPE_* number */
#define METADATA_SNAPLEN	"pcapring-snaplen"	/* bytes */
#define METADATA_TSRESOL	"pcapring-tsresol"	/* 6, or 9: ts_nsec is there */

#define METADATA_TEXT_MAX	256	/* bytes of a decoded value, with its NUL */

/* A stream's description; numbers as in a savefile's header. */
struct metadata {
	char host[METADATA_TEXT_MAX];
	char sensor[METADATA_TEXT_MAX];
	char interface[METADATA_TEXT_MAX];
	uint32_t linktype;
	uint32_t snaplen;
	uint32_t tsresol;
};

/* What holds for a stream that says nothing: Ethernet, 262144, 6, no names. */
void metadata_defaults(struct metadata *metadata);

/*
 * Encode @text into @out, at most @size bytes with the NUL (three times
 * METADATA_TEXT_MAX is always enough). False: does not fit.
 */
bool metadata_encode(const char *text, char *out, size_t size);

/*
 * Set what @key names from a value as received, @length bytes. Unknown keys
 * are ignored. False: the value is not valid for the key; @metadata is as it
 * was.
 */
bool metadata_set(struct metadata *metadata, const char *key, size_t key_length,
		  const char *value, size_t length);

#endif
