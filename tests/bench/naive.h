/* SPDX-License-Identifier: MIT */
/* What the relay is measured against: one message, copied; wait; the next. */
#ifndef BENCH_NAIVE_H
#define BENCH_NAIVE_H

struct source;

/* Send all of @source to @target and wait for the answer. Aborts on failure. */
void naive_run(struct source *source, const char *target);

#endif
