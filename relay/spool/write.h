/* SPDX-License-Identifier: MIT */
/* Stretches on their way to the disk; spool.h has spool_write(). */
#ifndef SPOOL_WRITE_H
#define SPOOL_WRITE_H

#include <stdbool.h>

struct spool_file;

/* Is a stretch being written to its end? */
bool spool_write_is_to(const struct spool_file *file);

#endif
