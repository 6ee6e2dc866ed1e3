/* SPDX-License-Identifier: MIT */
/* Names of files, made of names that peers chose. */
#ifndef COLLECTOR_PATH_H
#define COLLECTOR_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/metadata.h"

/* Bytes of an encoded name, with its NUL; some for a number behind it. */
#define PATH_NAME_MAX	(3 * (METADATA_TEXT_MAX + 16))

/*
 * Encode @name for paths and log lines: every byte outside of [A-Za-z0-9._-]
 * becomes %XX, as do the dots of a name of dots only. @out: PATH_NAME_MAX bytes.
 */
void path_encode(const char *name, char *out);

#define PATH_PART_MAX	64	/* characters of a name that stay in a file's */

/* Cut an encoded name that is too long; a hash tells such ones apart. */
void path_part(const char *name, char part[PATH_PART_MAX + 1]);

/* FNV-1a, 64 bits, of bytes behind those that gave @hash; PATH_HASH: of the first. */
#define PATH_HASH	UINT64_C(0xcbf29ce484222325)
uint64_t path_hash(uint64_t hash, const char *text, size_t length);

/*
 * The @number-th file beside @path ("x.pcap"): of its owner when @sensor is
 * NULL (x.pcap, x.1.pcap, x.2.pcap, ...), otherwise of encoded names
 * (x-SENSOR-INTERFACE.pcap, x-SENSOR-INTERFACE.1.pcap, ...; no second part
 * when @interface is empty). Long names are cut, and a hash tells them apart.
 * False: does not fit into @size bytes.
 */
bool path_make(char *out, size_t size, const char *path, const char *sensor,
	       const char *interface, unsigned int number);

#endif
