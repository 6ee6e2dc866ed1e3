/* SPDX-License-Identifier: MIT */
/* The netlink family as a client that may find it gone at any time sees it. */
#ifndef STRESS_FAMILY_H
#define STRESS_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

#include <libmnl/libmnl.h>
#include <linux/pcapring.h>

/* Of requests; the kernel's answers may be as long as the uapi header says. */
#define FAMILY_REQUEST_BYTES	65536

struct family {
	struct mnl_socket *socket;
	uint16_t id;		/* 0: the family was not there */
	uint32_t sequence;
	uint8_t request[FAMILY_REQUEST_BYTES];
};

/* Die when there is no netlink; that the module is not loaded is no error. */
void family_open(struct family *family);
void family_close(struct family *family);

/* Look for the family anew: the module may have been loaded or unloaded. */
void family_find(struct family *family);

/* Begin a request in family->request. */
struct nlmsghdr *family_begin(struct family *family, uint8_t command,
			      uint16_t flags);

/*
 * Send @message, and hand each message of the answer to @see (or NULL). 0, or
 * the errno that the kernel answered with. Dies when it does not answer: it
 * always has to.
 */
int family_exchange(struct family *family, struct nlmsghdr *message,
		    mnl_cb_t see, void *data);

/* For @message that was made by hand and may be anything: 0 or errno. */
int family_throw(struct family *family, const void *message, size_t bytes);

#endif
