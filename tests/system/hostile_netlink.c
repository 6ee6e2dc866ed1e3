// SPDX-License-Identifier: MIT
/*
 * hostile_netlink CASE ID: what a program may try with the generic netlink
 * family, on the capture ID.
 *
 *	malformed	a table of bad messages, each with its errno
 *	unprivileged	NEW, SET and DEL: EPERM; GET: fine
 *	mutated		COUNT messages with random bytes in them
 *	buffers		dumps into buffers that are too small
 */
#include <errno.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device_map.h"
#include "message.h"

#define MUTATIONS	3000

static int failures;

static void netlink_expect(const char *what, int expected, int or, int got)
{
	if (expected == got || or == got)
		return;
	fprintf(stderr, "%s: expected errno %d (%s), got %d (%s)\n", what,
		expected, strerror(expected), got, strerror(got));
	failures++;
}

/* Attributes of the table: a number of COUNT bytes, or text. */
struct attribute {
	uint16_t type;
	uint16_t length;
	uint64_t number;
	const char *text;
};

#define N(type, length, number)	{ type, length, number, NULL }
#define T(type, text)		{ type, sizeof(text), 0, text }
#define NAME			T(PCAPRING_A_IFNAME, "hostile0")
#define ANY			T(PCAPRING_A_IFNAME, "any")
#define ID			N(PCAPRING_A_ID, 4, 0)

static const struct {
	const char *what;
	uint8_t command;
	int expected, or;
	struct attribute attributes[4];
} cases[] = {
	{ "NEW without anything", PCAPRING_CMD_NEW, EINVAL, 0, { { 0 } } },
	{ "unknown command", 200, EOPNOTSUPP, 0, { NAME } },
	{ "no command", 0, EOPNOTSUPP, 0, { NAME } },
	{ "a notification as a command", PCAPRING_CMD_CREATED_NTF, EOPNOTSUPP,
	  0, { NAME } },
	{ "name of 0 bytes", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { { PCAPRING_A_IFNAME, 0, 0, "" } } },
	{ "empty name", PCAPRING_CMD_NEW, EINVAL, 0,
	  { T(PCAPRING_A_IFNAME, "") } },
	{ "name of 16 characters", PCAPRING_CMD_NEW, ERANGE, EINVAL,
	  { T(PCAPRING_A_IFNAME, "sixteencharacter") } },
	{ "name without its end", PCAPRING_CMD_NEW, EINVAL, 0,
	  { { PCAPRING_A_IFNAME, 4, 0, "left" } } },
	{ "name with a slash", PCAPRING_CMD_NEW, EINVAL, 0,
	  { T(PCAPRING_A_IFNAME, "../x") } },
	{ "name of a dot", PCAPRING_CMD_NEW, EINVAL, 0,
	  { T(PCAPRING_A_IFNAME, ".") } },
	{ "snaplen of 1 byte", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_SNAPLEN, 1, 96) } },
	{ "snaplen of 8 bytes", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_SNAPLEN, 8, 96) } },
	{ "snaplen of 0 bytes", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_SNAPLEN, 0, 0) } },
	{ "snaplen 0", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_SNAPLEN, 4, 0) } },
	{ "snaplen 262145", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_SNAPLEN, 4, 262145) } },
	{ "snaplen 4294967295", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_SNAPLEN, 4, ~0U) } },
	{ "ring size of 4 bytes", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_RING_BYTES, 4, 65536) } },
	{ "ring size 0", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_RING_BYTES, 8, 0) } },
	{ "ring size no power of two", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_RING_BYTES, 8, 1000000) } },
	{ "ring size below snaplen", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_RING_BYTES, 8, 65536) } },
	{ "ring size 2 GiB", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_RING_BYTES, 8, 1ULL << 31) } },
	{ "ring size 2^63", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_RING_BYTES, 8, 1ULL << 63) } },
	{ "64 rings of 1 GiB", PCAPRING_CMD_NEW, ENOMEM, ENOSPC,
	  { NAME, N(PCAPRING_A_RING_BYTES, 8, 1ULL << 30),
	    N(PCAPRING_A_RINGS, 4, 64) } },
	{ "65 rings", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_RINGS, 4, 65) } },
	{ "4294967295 rings", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_RINGS, 4, ~0U) } },
	{ "steer 2", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_STEER, 4, 2) } },
	{ "direction 3", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_DIRECTION, 4, 3) } },
	{ "mode 2", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_MODE, 4, 2) } },
	{ "mode of 1 byte", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_MODE, 1, 1) } },
	{ "stamps 2", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_TSTAMP, 4, 2),
	    N(PCAPRING_A_DIRECTION, 4, PCAPRING_DIRECTION_IN) } },
	{ "hardware stamps of both directions", PCAPRING_CMD_NEW, EINVAL, 0,
	  { NAME, N(PCAPRING_A_TSTAMP, 4, PCAPRING_TSTAMP_HARDWARE) } },
	{ "one packet in 0", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_SAMPLE, 4, 0) } },
	{ "sampling of 8 bytes", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_SAMPLE, 8, 1) } },
	{ "all-multicast 2", PCAPRING_CMD_NEW, ERANGE, EINVAL,
	  { NAME, N(PCAPRING_A_ALLMULTI, 1, 2) } },
	{ "all interfaces promiscuous", PCAPRING_CMD_NEW, EINVAL, 0,
	  { ANY, N(PCAPRING_A_PROMISC, 1, 1) } },
	{ "all interfaces all-multicast", PCAPRING_CMD_NEW, EINVAL, 0,
	  { ANY, N(PCAPRING_A_ALLMULTI, 1, 1) } },
	{ "frozen from the beginning", PCAPRING_CMD_NEW, EINVAL, 0,
	  { NAME, N(PCAPRING_A_FROZEN, 1, 1) } },
	{ "a limit of packets of 4 bytes", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_LIMIT_PACKETS, 4, 1) } },
	{ "a limit of bytes of 1 byte", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_LIMIT_BYTES, 1, 1) } },
	{ "a limit of seconds of 8 bytes", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_LIMIT_SECONDS, 8, 1) } },
	{ "a filter's number", PCAPRING_CMD_NEW, EINVAL, 0,
	  { NAME, N(PCAPRING_A_FILTER_ID, 4, 1) } },
	{ "a filter that is no file", PCAPRING_CMD_NEW, EBADF, 0,
	  { NAME, N(PCAPRING_A_FILTER_FD, 4, 12345) } },
	{ "a filter that is descriptor -1", PCAPRING_CMD_NEW, EBADF, 0,
	  { NAME, N(PCAPRING_A_FILTER_FD, 4, ~0U) } },
	{ "a filter that is a socket", PCAPRING_CMD_NEW, EINVAL, 0,
	  { NAME, N(PCAPRING_A_FILTER_FD, 4, 3) } },
	{ "a filter of 2 bytes", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_FILTER_FD, 2, 3) } },
	{ "two filters", PCAPRING_CMD_NEW, EINVAL, 0,
	  { NAME, N(PCAPRING_A_FILTER_FD, 4, 3), N(PCAPRING_A_FILTER, 0, 0) } },
	{ "promiscuity 2", PCAPRING_CMD_NEW, ERANGE, EINVAL,
	  { NAME, N(PCAPRING_A_PROMISC, 1, 2) } },
	{ "promiscuity of 4 bytes", PCAPRING_CMD_NEW, EINVAL, ERANGE,
	  { NAME, N(PCAPRING_A_PROMISC, 4, 1) } },
	{ "filter of 7 bytes", PCAPRING_CMD_NEW, EINVAL, 0,
	  { NAME, N(PCAPRING_A_FILTER, 7, 6) } },
	{ "filter that does not return", PCAPRING_CMD_NEW, EINVAL, 0,
	  { NAME, N(PCAPRING_A_FILTER, 8, 0) } },
	{ "filter of an unknown instruction", PCAPRING_CMD_NEW, EINVAL, 0,
	  { NAME, N(PCAPRING_A_FILTER, 8, 0xffff) } },
	{ "unknown attribute", PCAPRING_CMD_NEW, EINVAL, 0,
	  { NAME, N(PCAPRING_A_MAX + 1, 4, 0) } },
	{ "attribute of replies", PCAPRING_CMD_NEW, EINVAL, 0,
	  { NAME, N(PCAPRING_A_READER, 1, 1) } },
	{ "nest of replies", PCAPRING_CMD_NEW, EINVAL, 0,
	  { NAME, N(PCAPRING_A_RING | NLA_F_NESTED, 8, ~0ULL) } },
	{ "an ID where it makes no sense", PCAPRING_CMD_NEW, EINVAL, 0,
	  { NAME, ID } },
	{ "SET without an ID", PCAPRING_CMD_SET, EINVAL, 0,
	  { N(PCAPRING_A_SNAPLEN, 4, 96) } },
	{ "SET of nobody", PCAPRING_CMD_SET, ENOENT, ENODEV,
	  { N(PCAPRING_A_ID, 4, 4000000000), N(PCAPRING_A_SNAPLEN, 4, 96) } },
	{ "SET of the ring's size", PCAPRING_CMD_SET, EINVAL, 0,
	  { ID, N(PCAPRING_A_RING_BYTES, 8, 65536) } },
	{ "SET of the mode", PCAPRING_CMD_SET, EINVAL, 0,
	  { ID, N(PCAPRING_A_MODE, 4, PCAPRING_MODE_NORMAL) } },
	{ "SET of frozen 2", PCAPRING_CMD_SET, ERANGE, EINVAL,
	  { ID, N(PCAPRING_A_FROZEN, 1, 2) } },
	{ "SET of frozen of 4 bytes", PCAPRING_CMD_SET, EINVAL, ERANGE,
	  { ID, N(PCAPRING_A_FROZEN, 4, 1) } },
	{ "SET of hardware stamps of both directions", PCAPRING_CMD_SET, EINVAL,
	  0, { ID, N(PCAPRING_A_TSTAMP, 4, PCAPRING_TSTAMP_HARDWARE) } },
	{ "SET of one packet in 0", PCAPRING_CMD_SET, EINVAL, ERANGE,
	  { ID, N(PCAPRING_A_SAMPLE, 4, 0) } },
	{ "SET of two filters", PCAPRING_CMD_SET, EINVAL, 0,
	  { ID, N(PCAPRING_A_FILTER_FD, 4, 3), N(PCAPRING_A_FILTER, 0, 0) } },
	{ "SET that ends well, but for the last", PCAPRING_CMD_SET, EBADF, 0,
	  { ID, N(PCAPRING_A_FROZEN, 1, 1), N(PCAPRING_A_SNAPLEN, 4, 64),
	    N(PCAPRING_A_FILTER_FD, 4, 12345) } },
	{ "SET of a snaplen of 2 bytes", PCAPRING_CMD_SET, EINVAL, ERANGE,
	  { ID, N(PCAPRING_A_SNAPLEN, 2, 96) } },
	{ "SET of snaplen 0", PCAPRING_CMD_SET, EINVAL, ERANGE,
	  { ID, N(PCAPRING_A_SNAPLEN, 4, 0) } },
	{ "SET of a bad filter", PCAPRING_CMD_SET, EINVAL, 0,
	  { ID, N(PCAPRING_A_FILTER, 8, 0xffff) } },
	{ "DEL without an ID", PCAPRING_CMD_DEL, EINVAL, 0, { { 0 } } },
	{ "DEL with an ID of 2 bytes", PCAPRING_CMD_DEL, EINVAL, ERANGE,
	  { N(PCAPRING_A_ID, 2, 0) } },
	{ "DEL of nobody", PCAPRING_CMD_DEL, ENOENT, ENODEV,
	  { N(PCAPRING_A_ID, 4, ~0U) } },
	{ "GET without an ID", PCAPRING_CMD_GET, EINVAL, 0, { { 0 } } },
	{ "GET of nobody", PCAPRING_CMD_GET, ENOENT, ENODEV,
	  { N(PCAPRING_A_ID, 4, 77777) } },
	{ "GET of a name instead", PCAPRING_CMD_GET, EINVAL, 0, { NAME } },
};

static void message_from_case(struct message *message, size_t number)
{
	const struct attribute *attribute = cases[number].attributes;
	size_t i;

	message_begin(message, message_family, 0, cases[number].command);
	for (i = 0; i < 4 && attribute[i].type; i++)
		message_add(message, attribute[i].type, attribute[i].text ?
			    attribute[i].text : (void *)&attribute[i].number,
			    attribute[i].length);
}

/* Lengths that lie, which the table cannot tell. */
static void netlink_lies(int fd)
{
	struct message message;
	struct nlattr *name;
	char text[300];

	memset(text, 'n', sizeof(text));
	text[299] = '\0';
	message_begin(&message, message_family, 0, PCAPRING_CMD_NEW);
	message_add(&message, PCAPRING_A_IFNAME, text, sizeof(text));
	netlink_expect("name of 300 bytes", ERANGE, EINVAL,
		       message_exchange(fd, &message));

	message_begin(&message, message_family, 0, PCAPRING_CMD_NEW);
	message.length = message.header.nlmsg_len = NLMSG_HDRLEN + 2;
	netlink_expect("half a generic header", EINVAL, 0,
		       message_exchange(fd, &message));

	message_begin(&message, message_family, 0, PCAPRING_CMD_NEW);
	name = (void *)(message.bytes + message.length);
	message_add(&message, PCAPRING_A_IFNAME, "hostile0", 9);
	name->nla_len = 200;
	netlink_expect("attribute longer than the message", EINVAL, 0,
		       message_exchange(fd, &message));
	message.header.nlmsg_flags = NLM_F_REQUEST;
	name->nla_len = 2;
	netlink_expect("attribute shorter than its header", EINVAL, 0,
		       message_exchange(fd, &message));

	/* Longer than what was sent: the kernel drops it without a word. */
	message_begin(&message, message_family, 0, PCAPRING_CMD_NEW);
	message.header.nlmsg_len = 60000;
	message_send(fd, &message);
}

static void netlink_long_filter(int fd)
{
	static struct sock_filter many[4097];
	struct message message;
	size_t i;

	for (i = 0; i < 4097; i++)
		many[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, ~0U);
	message_begin(&message, message_family, 0, PCAPRING_CMD_NEW);
	message_add(&message, PCAPRING_A_IFNAME, "hostile0", 9);
	message_add(&message, PCAPRING_A_FILTER, many, sizeof(many));
	netlink_expect("filter of 4097 instructions", EINVAL, ERANGE,
		       message_exchange(fd, &message));
}

static void netlink_get(int fd, const char *what, uint32_t id)
{
	struct message message;

	message_begin(&message, message_family, 0, PCAPRING_CMD_GET);
	message_add(&message, PCAPRING_A_ID, &id, sizeof(id));
	netlink_expect(what, 0, 0, message_exchange(fd, &message));
}

static void netlink_malformed(int fd, uint32_t id)
{
	struct message message;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		message_from_case(&message, i);
		netlink_expect(cases[i].what, cases[i].expected,
			       cases[i].or ? cases[i].or : cases[i].expected,
			       message_exchange(fd, &message));
	}
	netlink_lies(fd);
	netlink_long_filter(fd);
	netlink_get(fd, "GET after all that", id);
}

static void netlink_unprivileged(int fd, uint32_t id)
{
	static const uint8_t commands[] = { PCAPRING_CMD_NEW, PCAPRING_CMD_SET,
					    PCAPRING_CMD_DEL };
	struct message message;
	size_t i;

	for (i = 0; i < sizeof(commands); i++) {
		message_begin(&message, message_family, 0, commands[i]);
		if (commands[i] == PCAPRING_CMD_NEW)
			message_add(&message, PCAPRING_A_IFNAME, "lo", 3);
		else
			message_add(&message, PCAPRING_A_ID, &id, sizeof(id));
		netlink_expect("without privilege", EPERM, EPERM,
			       message_exchange(fd, &message));
	}
	netlink_get(fd, "GET without privilege", id);
}

/* Good messages with a few random bytes; always the same ones. */
static void netlink_mutated(int fd, uint32_t id)
{
	uint64_t bytes = 65536;
	uint32_t snaplen = 1500;
	struct message message;
	unsigned int i, j, at;

	srand(1);
	for (i = 0; i < MUTATIONS; i++) {
		message_begin(&message, message_family, 0, PCAPRING_CMD_NEW + rand() % 4);
		if (rand() % 2)
			message_add(&message, PCAPRING_A_IFNAME, "hostile0", 9);
		else
			message_add(&message, PCAPRING_A_ID, &id, sizeof(id));
		message_add(&message, PCAPRING_A_SNAPLEN, &snaplen, 4);
		message_add(&message, PCAPRING_A_RING_BYTES, &bytes, 8);
		for (j = rand() % 4; j; j--) {
			at = NLMSG_HDRLEN + rand() % (message.length -
						      NLMSG_HDRLEN);
			message.bytes[at] = rand();
		}
		if (message_exchange(fd, &message) < 0) {
			fprintf(stderr, "no answer to message %u\n", i);
			failures++;
		}
	}
}

static void netlink_buffers(int fd, uint32_t id)
{
	int smallest = 1, i;
	struct message message;
	uint8_t bytes[64];

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &smallest, sizeof(smallest));
	for (i = 0; i < 50; i++) {
		message_begin(&message, message_family, NLM_F_DUMP, PCAPRING_CMD_GET);
		message_send(fd, &message);
		/* A part of the first message, then no more of it. */
		recv(fd, bytes, i % sizeof(bytes) + 1, 0);
		if (i % 5 == 0) {
			close(fd);
			fd = message_open();
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &smallest,
				   sizeof(smallest));
		}
		while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
	}
	close(fd);
	netlink_get(message_open(), "GET after all that", id);
}

int main(int argc, char **argv)
{
	uint32_t id = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	int fd = message_open();

	if (argc == 3 && !strcmp(argv[1], "malformed"))
		netlink_malformed(fd, id);
	else if (argc == 3 && !strcmp(argv[1], "unprivileged"))
		netlink_unprivileged(fd, id);
	else if (argc == 3 && !strcmp(argv[1], "mutated"))
		netlink_mutated(fd, id);
	else if (argc == 3 && !strcmp(argv[1], "buffers"))
		netlink_buffers(fd, id);
	else
		return 2;
	return failures != 0;
}
