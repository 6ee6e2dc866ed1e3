/* SPDX-License-Identifier: MIT */
/*
 * Generic netlink messages, made by hand: a library would keep us from making
 * bad ones. What goes wrong here ends the program.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

struct message {
	union {
		struct nlmsghdr header;
		uint8_t bytes[70000];
	};
	size_t length;
};

extern int message_family;	/* pcapring's number */

/* A socket to the kernel; finds the family, too. */
int message_open(void);

void message_begin(struct message *message, int type, int flags, int cmd);
void message_add(struct message *message, int type, const void *value,
		 size_t length);
void message_send(int fd, struct message *message);

/* The errno that the kernel answers with, 0: success; -1: no answer. */
int message_exchange(int fd, struct message *message);

#endif /* MESSAGE_H */
