/* SPDX-License-Identifier: MIT */
/* What files have of sensors, for the roster. */
#ifndef SIGHT_CENSUS_H
#define SIGHT_CENSUS_H

struct epochs;
struct roster;

/* Count what all files have, and those before this program. Once, at the start. */
void census_begin(struct roster *roster, struct epochs *epochs);

/* Count what is new, where that is due, and answer who asks. */
void census_take(struct roster *roster, struct epochs *epochs);

#endif
