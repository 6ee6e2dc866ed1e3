/* SPDX-License-Identifier: MIT */
/*
 * How files in a directory are named: "%{sensor}/%{interface}-%Y%m%dT%H%M%SZ.pcap".
 *
 *	%{sensor} %{interface}	encoded (path.h), cut where they are long
 *	%{ring}			the ring's number, or "all"
 *	%Y %m %d %H %M %S %j %s	when the file began, in UTC, as strftime(3)
 *	%F			%Y-%m-%d
 *	%%			a percent sign
 *
 * What peers chose begins no part of a path with a dot and has no slash in it, so
 * that no name leaves its directory and none is hidden. A name that is taken gets
 * a number before ".pcap", with which every template ends: x.pcap, x.1.pcap.
 */
#ifndef COLLECTOR_TEMPLATE_H
#define COLLECTOR_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define TEMPLATE_DEFAULT	"%{sensor}/%{interface}-%Y%m%dT%H%M%SZ.pcap"
#define TEMPLATE_EXTENSION	".pcap"
#define TEMPLATE_PACKED		".zst"	/* behind it, once compressed */
#define TEMPLATE_ALL		UINT32_MAX

/* Bytes of a part of a path: others go around it while a file is in work. */
#define TEMPLATE_PART_MAX	220

struct template;

/**
 * struct template_words - what a name is made of
 * @sensor: encoded
 * @interface: encoded; "": it has none
 * @ring: TEMPLATE_ALL: of all rings
 * @time: when the file begins, in seconds since 1970
 */
struct template_words {
	const char *sensor;
	const char *interface;
	uint32_t ring;
	time_t time;
};

/* NULL: *@why says what is wrong with @text. */
struct template *template_parse(const char *text, const char **why);
void template_free(struct template *template);

/* The @number-th of that name; 0: without a number. False: too long. */
bool template_make(const struct template *template, const struct template_words *words,
		   unsigned int number, char *out, size_t size);

/*
 * Could the template have made @name, compressed or not? *@series: a hash of all
 * in it but times and the number: of files that follow each other it is the same.
 */
bool template_match(const struct template *template, const char *name, uint64_t *series);

#endif
