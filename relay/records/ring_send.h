/* SPDX-License-Identifier: MIT */
/* What goes out on a ring's call, and when. */
#ifndef RELAY_RING_SEND_H
#define RELAY_RING_SEND_H

#include "ring_call.h"

/* Send what there is, say how far the ring is complete, or half-close. */
void ring_send_step(struct ring_call *ring);

/* It streams, and has nothing to send. */
bool ring_send_is_idle(const struct ring_call *ring);

/* Others had news: it is to say how far it is complete. */
bool ring_send_owes_mark(const struct ring_call *ring);

#endif
