/* SPDX-License-Identifier: MIT */
/* How near words are, so that one that is misspelt finds the one that was meant. */
#ifndef COMMON_NEAR_H
#define COMMON_NEAR_H

#define NEAR_WORD_MAX	48	/* bytes; longer ones are near to none */

/* Letters that have to be put in, taken out or changed; NEAR_WORD_MAX: too many. */
unsigned int near_distance(const char *a, const char *b);

#endif
