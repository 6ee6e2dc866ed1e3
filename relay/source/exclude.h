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

#include <linux/pcapring.h>

#define EXCLUDE_CALLS		(2 * PCAPRING_RINGS_MAX)	/* those of old epochs, too */
#define EXCLUDE_PEER_MAX	128	/* bytes of an address as gRPC names it */

struct reader;

/**
 * struct exclude - what to leave out of a capture
 * @reader: the capture
 * @expression: of --exclude, pcap-filter(7); NULL: none
 * @list: of --exclude-list, lines of it (exclude_list.h), for free(); NULL: none
 * @own: the connections, too
 * @peers: their other ends, one for each call, as gRPC names them; "": not known
 * @linktype: of the program that is in force, where there is one
 * @in_force: there is
 */
struct exclude {
	struct reader *reader;
	const char *expression;
	char *list;
	bool own;
	char peers[EXCLUDE_CALLS][EXCLUDE_PEER_MAX];
	uint32_t linktype;
	bool in_force;
};

/*
 * Put the program into force for packets of @linktype, before the first call
 * is made. False: what the user named cannot be compiled; the error was logged.
 */
bool exclude_start(struct exclude *exclude, uint32_t linktype);

/*
 * From now on leave out what @expression says, and @list, which is freed later.
 * False: the kernel does not take it, and what was left out still is; @list was
 * freed.
 */
bool exclude_change(struct exclude *exclude, const char *expression, char *list);

/* Call number @call has this @peer: leave its connection out, too. */
void exclude_peer(struct exclude *exclude, unsigned int call, const char *peer);

/*
 * True: *@program is *@length instructions for free(); none when nothing is
 * left out. False as of exclude_start().
 */
bool exclude_compile(const struct exclude *exclude, uint32_t linktype,
		     struct sock_filter **program, size_t *length);

#endif
