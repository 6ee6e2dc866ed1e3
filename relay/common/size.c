// SPDX-License-Identifier: MIT
#include "common/size.h"

#include <stddef.h>
#include <string.h>

/* Digits only: strtoull() would take signs, blanks and octal, too. */
static const char *size_digits(const char *text, uint64_t *number)
{
	const char *p = text;

	*number = 0;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, *p - '0', number))
			return NULL;
	}
	return p == text ? NULL : p;
}

static bool size_shift(const char *unit, unsigned int *shift)
{
	switch (*unit) {
	case '\0':
		*shift = 0;
		return true;
	case 'k':
	case 'K':
		*shift = 10;
		break;
	case 'm':
	case 'M':
		*shift = 20;
		break;
	case 'g':
	case 'G':
		*shift = 30;
		break;
	default:
		return false;
	}
	return !unit[1];
}

bool size_parse(const char *text, uint64_t *bytes)
{
	unsigned int shift;
	uint64_t number;
	const char *unit = size_digits(text, &number);

	if (!unit || !size_shift(unit, &shift) || number > UINT64_MAX >> shift)
		return false;
	*bytes = number << shift;
	return true;
}

bool seconds_parse(const char *text, uint64_t *seconds)
{
	static const struct {
		char name;
		uint64_t seconds;
	} units[] = { { '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	const char *unit = size_digits(text, seconds);

	if (!unit || (*unit && unit[1]) || !*seconds)
		return false;
	for (unsigned int i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (*unit == units[i].name)
			return !__builtin_mul_overflow(*seconds, units[i].seconds, seconds) &&
			       *seconds <= SECONDS_MAX;
	return false;
}

bool number_parse(const char *text, uint64_t low, uint64_t high, uint64_t *number)
{
	uint64_t value;
	const char *end = size_digits(text, &value);

	if (!end || *end || value < low || value > high)
		return false;
	*number = value;
	return true;
}

static bool rate_parse_bits(const char *text, size_t length, uint64_t *bytes)
{
	static const char units[] = "kMG";
	const char *unit = length ? strchr(units, text[length - 1]) : NULL;
	uint64_t bits, factor = 1;
	char digits[32];

	if (unit && length) {
		for (const char *u = units; u <= unit; u++)
			factor *= 1000;
		length--;
	}
	if (length >= sizeof(digits))
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (!number_parse(digits, 1, 8 * RATE_MAX / factor, &bits))
		return false;
	*bytes = (bits * factor + 7) / 8;
	return true;
}

bool rate_parse(const char *text, uint64_t *bytes)
{
	const char *bit = strstr(text, "bit");

	if (bit && !bit[3])
		return rate_parse_bits(text, bit - text, bytes);
	return size_parse(text, bytes) && *bytes && *bytes <= RATE_MAX;
}
