// SPDX-License-Identifier: MIT
#include "common/quantity.h"

#include <stdio.h>
#include <time.h>

/* Three digits of @number, and returns its prefix, which may be "". */
static const char *quantity_digits(char out[QUANTITY_MAX], double number)
{
	static const char *const prefixes[] = { "", "k", "M", "G", "T", "P", "E" };
	size_t i = 0;

	for (; number >= 999.5 && i + 1 < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		number /= 1000;
	/* tenths of a packet only where they come slowly */
	snprintf(out, QUANTITY_MAX, number >= 99.95 || (!i && number >= 9.95) ||
		 number == (int)number ? "%.0f" : "%.1f", number);
	return prefixes[i];
}

const char *quantity_scaled(char out[QUANTITY_MAX], double number, const char *unit)
{
	char digits[QUANTITY_MAX];
	const char *prefix = quantity_digits(digits, number);

	snprintf(out, QUANTITY_MAX, "%.16s %s%.16s", digits, prefix, unit);
	return out;
}

const char *quantity_counted(char out[QUANTITY_MAX], double number, const char *what)
{
	char digits[QUANTITY_MAX];
	const char *prefix = quantity_digits(digits, number);

	snprintf(out, QUANTITY_MAX, "%.16s%s %.16s", digits, prefix, what);
	return out;
}

const char *quantity_time(char out[QUANTITY_MAX], double seconds)
{
	const char *sign = seconds < 0 ? "-" : "";
	double size = seconds < 0 ? -seconds : seconds;
	unsigned long long whole = size < 1e15 ? size : 1e15;

	if (size < 0.0005)
		snprintf(out, QUANTITY_MAX, "0 ms");
	else if (size < 0.9995)
		snprintf(out, QUANTITY_MAX, "%s%.3g ms", sign, size * 1000);
	else if (size < 120)
		snprintf(out, QUANTITY_MAX, "%s%.3g s", sign, size);
	else if (size < 2 * 3600)
		snprintf(out, QUANTITY_MAX, "%s%llu min", sign, whole / 60);
	else if (size < 24 * 3600)
		snprintf(out, QUANTITY_MAX, "%s%llu h %llu min", sign, whole / 3600,
			 whole / 60 % 60);
	else
		snprintf(out, QUANTITY_MAX, "%s%llu d %llu h", sign, whole / 86400,
			 whole / 3600 % 24);
	return out;
}

const char *quantity_date(char out[QUANTITY_MAX], uint64_t ns)
{
	time_t seconds = ns / 1000000000;
	struct tm tm;

	*out = '\0';
	if (gmtime_r(&seconds, &tm))
		strftime(out, QUANTITY_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return out;
}
