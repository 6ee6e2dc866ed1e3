/* SPDX-License-Identifier: MIT */
#ifndef COLLECTOR_RESTORE_H
#define COLLECTOR_RESTORE_H

#include <stdbool.h>

struct folder;
struct journal;

/*
 * What the program before left in the directory, in whatever way it ended, becomes
 * complete, as the journal says; after that this says so, and knows no file that is
 * being written. Of very many captures the oldest are forgotten. False: it was logged.
 */
bool restore_files(struct journal *journal, struct folder *folder);

#endif
