/* SPDX-License-Identifier: MIT */
/* What the collector says on a ring's call: Welcome, then Acks. */
#ifndef RELAY_RING_ANSWER_H
#define RELAY_RING_ANSWER_H

struct ring_call;

/* Take the message that came. */
void ring_answer_take(struct ring_call *ring);

#endif
