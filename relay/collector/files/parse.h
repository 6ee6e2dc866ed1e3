/* SPDX-License-Identifier: MIT */
/* Reads the lines that lines.h writes. */
#ifndef COLLECTOR_PARSE_H
#define COLLECTOR_PARSE_H

#include <stddef.h>

#include "ledger.h"

/*
 * Take lines over. @return how many bytes of @text, which changes, are valid
 * lines.
 */
size_t parse_lines(struct ledger *ledger, char *text, size_t size);

#endif
