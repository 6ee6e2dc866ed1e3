// SPDX-License-Identifier: MIT
#include "common/metadata.h"

#include <string.h>

#include "common/size.h"

#define METADATA_LINKTYPE_MAX	0xffff		/* of a savefile's header */
#define METADATA_SNAPLEN_MAX	0x7fffffff	/* as libpcap has it */

void metadata_defaults(struct metadata *metadata)
{
	memset(metadata, 0, sizeof(*metadata));
	metadata->linktype = 1;		/* LINKTYPE_ETHERNET */
	metadata->snaplen = 262144;
	metadata->tsresol = 6;
}

static bool metadata_plain(unsigned char byte)
{
	return byte >= 0x21 && byte <= 0x7e && byte != '%';
}

bool metadata_encode(const char *text, char *out, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *text; text++) {
		unsigned char byte = *text;
		size_t need = metadata_plain(byte) ? 1 : 3;

		if (size <= need)
			return false;
		size -= need;
		if (need == 1) {
			*out++ = byte;
		} else {
			*out++ = '%';
			*out++ = digits[byte >> 4];
			*out++ = digits[byte & 15];
		}
	}
	if (!size)
		return false;
	*out = '\0';
	return true;
}

static int metadata_hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -1;
}

/* The byte that *@value begins with; -1: it is not encoded as it has to be. */
static int metadata_byte(const char **value, const char *end)
{
	const char *p = *value;
	int high, low;

	if (metadata_plain(*p)) {
		*value = p + 1;
		return *p;
	}
	if (*p != '%' || end - p < 3)
		return -1;
	high = metadata_hex(p[1]);
	low = metadata_hex(p[2]);
	if (high < 0 || low < 0)
		return -1;
	*value = p + 3;
	return high << 4 | low;
}

static bool metadata_text(char *out, const char *value, size_t length)
{
	const char *end = value + length;
	char text[METADATA_TEXT_MAX];
	size_t n = 0;

	while (value < end) {
		int byte = metadata_byte(&value, end);

		if (byte <= 0 || n == sizeof(text) - 1)
			return false;
		text[n++] = byte;
	}
	text[n] = '\0';
	memcpy(out, text, n + 1);
	return true;
}

static bool metadata_number(uint32_t *out, const char *value, size_t length,
			    uint64_t low, uint64_t high)
{
	char text[16];
	uint64_t number;

	if (length >= sizeof(text) || memchr(value, '\0', length))
		return false;
	memcpy(text, value, length);
	text[length] = '\0';
	if (!number_parse(text, low, high, &number))
		return false;
	*out = number;
	return true;
}

static bool metadata_is(const char *name, const char *key, size_t length)
{
	return strlen(name) == length && !memcmp(name, key, length);
}

bool metadata_set(struct metadata *metadata, const char *key, size_t key_length,
		  const char *value, size_t length)
{
	uint32_t tsresol;

	if (metadata_is(METADATA_HOST, key, key_length))
		return metadata_text(metadata->host, value, length);
	if (metadata_is(METADATA_SENSOR, key, key_length))
		return metadata_text(metadata->sensor, value, length);
	if (metadata_is(METADATA_INTERFACE, key, key_length))
		return metadata_text(metadata->interface, value, length);
	if (metadata_is(METADATA_LINKTYPE, key, key_length))
		return metadata_number(&metadata->linktype, value, length, 0,
				       METADATA_LINKTYPE_MAX);
	if (metadata_is(METADATA_SNAPLEN, key, key_length))
		return metadata_number(&metadata->snaplen, value, length, 1,
				       METADATA_SNAPLEN_MAX);
	if (!metadata_is(METADATA_TSRESOL, key, key_length))
		return true;
	if (!metadata_number(&tsresol, value, length, 6, 9) ||
	    (tsresol != 6 && tsresol != 9))
		return false;
	metadata->tsresol = tsresol;
	return true;
}
