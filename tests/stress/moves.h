/* SPDX-License-Identifier: MIT */
/* What user space can do to the module, as a script of bytes says. */
#ifndef STRESS_MOVES_H
#define STRESS_MOVES_H

#include <stddef.h>
#include <stdint.h>

/* Ask the module what it takes; to be called once. */
void moves_open(void);

/*
 * Play a script: any bytes are one, and each decision takes some of them. Ends
 * as it began: no capture, nothing open, nothing mapped. Exits with status 1
 * where a packet is not accounted for, or a request is not answered.
 */
void moves_play(const uint8_t *script, size_t bytes);

#endif
