/* SPDX-License-Identifier: GPL-2.0-only */
/* How a capture is told in a netlink message. */
#ifndef PCAPRING_MESSAGE_H
#define PCAPRING_MESSAGE_H

#include <linux/types.h>

struct pcapring_capture;
struct sk_buff;

/* Both with pcapring_captures_lock held. */

/* Enough for all attributes. */
size_t pcapring_message_bytes(const struct pcapring_capture *capture);
/* All attributes, and REASON if that is not NULL. -EMSGSIZE: no room. */
int pcapring_message_put(struct sk_buff *msg, const struct pcapring_capture *capture,
			 const char *reason);

#endif /* PCAPRING_MESSAGE_H */
