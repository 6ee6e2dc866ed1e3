/* SPDX-License-Identifier: MIT */
#ifndef RELAY_BOOT_H
#define RELAY_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

/* This boot's id, MESSAGE_ID_BYTES of it. False: the error was logged. */
bool boot_read(uint8_t *id);

#endif
