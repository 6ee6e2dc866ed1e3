/* SPDX-License-Identifier: MIT */
/* What the journal is to hear of files beside what is in them. */
#ifndef COLLECTOR_TIDINGS_H
#define COLLECTOR_TIDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "journal.h"

/* All zero to begin with. */
struct tidings {
	struct tidings_one *first;
};

/*
 * A file is not there any more; or all is done with one that is complete. False: no
 * memory: it is found out, or done, again at the next start.
 */
bool tidings_gone(struct tidings *tidings, unsigned int number, uint64_t missing);
bool tidings_done(struct tidings *tidings, const char *name);

void tidings_enter(const struct tidings *tidings, struct journal *journal);

/* They could not be entered: take @from's, too, which has none then. */
void tidings_return(struct tidings *tidings, struct tidings *from);

void tidings_free(struct tidings *tidings);

#endif
