/* SPDX-License-Identifier: MIT */
/* Compresses a file: the only one that knows libzstd. */
#ifndef COLLECTOR_PACK_H
#define COLLECTOR_PACK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * All of @in to @out, both open files; *@size: bytes there. @stop: called now and
 * then; true: give up, with ECANCELED. False: errno says why.
 */
bool pack_file(int in, int out, uint64_t *size, bool (*stop)(void *context), void *context);

#endif
