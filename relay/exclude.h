/* SPDX-License-Identifier: MIT */
/*
 * What is not to be streamed: the relay's own connection, what the user names
 * by an expression, and by a list. All of it becomes one program for the
 * reader's filter slot (PCAPRING_IOC_SET_FILTER), so that the kernel leaves it
 * out before it takes room in the ring.
 */
#ifndef RELAY_EXCLUDE_H
#define RELAY_EXCLUDE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct exclude - what to leave out
 * @expression: of --exclude, pcap-filter(7); NULL: none
 * @list: of --exclude-list, lines of it (exclude_list.h); NULL: none
 * @own: the connection, too
 */
struct exclude {
	const char *expression;
	const char *list;
	bool own;
};

/*
 * The program for packets of @linktype; @peer: the connection's other end as
 * gRPC names it ("ipv4:192.0.2.1:50051"), NULL while there is none. True:
 * *@program is *@length instructions for free(); none when nothing is left out.
 * False: what the user named cannot be compiled; the error was logged.
 */
bool exclude_compile(const struct exclude *exclude, uint32_t linktype,
		     const char *peer, struct sock_filter **program, size_t *length);

/* What describes the connection to @peer; "" where that is no address ("unix:"). */
void exclude_peer_expression(const char *peer, char *out, size_t size);

#endif
