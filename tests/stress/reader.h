/* SPDX-License-Identifier: MIT */
/* Readers of a capture device: those that behave, and those that do not. */
#ifndef STRESS_READER_H
#define STRESS_READER_H

#include <stdint.h>

/*
 * Each opens the device @id, if it can, uses it for a moment and closes it. 1
 * if it did what it is for, 0 if there was nothing to do it with. Exits with
 * status 1 where a record is not what it should be.
 */
unsigned int reader_read(uint32_t id, uint32_t seed);
unsigned int reader_map(uint32_t id, uint32_t seed);
unsigned int reader_lie(uint32_t id, uint32_t seed);
unsigned int reader_filter(uint32_t id, uint32_t seed);

#endif
