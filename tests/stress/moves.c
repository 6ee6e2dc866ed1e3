// SPDX-License-Identifier: MIT

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/pcapring.h>

#include "account.h"
#include "family.h"
#include "moves.h"
#include "policy.h"
#include "sender.h"

#define FILES		3
#define MAPS		6
#define PAGE		4096u
#define INSTRUCTIONS	8

struct script {
	const uint8_t *bytes;
	size_t left;
};

struct map {
	uint8_t *at;
	size_t bytes;
};

static struct family family;
static struct policy policy;
static int packets;
static int files[FILES];
static struct map maps[MAPS];
static sigjmp_buf fault;

static uint64_t script_take(struct script *script, size_t bytes)
{
	uint64_t value = 0;

	if (bytes > script->left)
		bytes = script->left;
	memcpy(&value, script->bytes, bytes);
	script->bytes += bytes;
	script->left -= bytes;
	return value;
}

static unsigned int script_below(struct script *script, unsigned int limit)
{
	return script_take(script, 1) % limit;
}

/* Small, next to a power of two, or anything. */
static uint64_t script_number(struct script *script)
{
	switch (script_below(script, 4)) {
	case 0:
		return script_take(script, 8);
	case 1:
		return (1ull << script_below(script, 64)) +
		       script_below(script, 3) - 1;
	case 2:
		return 4096ull << script_below(script, 8);
	default:
		return script_below(script, 8);
	}
}

/* Netlink: attributes as the policy describes them, and then not quite so. */

static void put_filter(struct script *script, struct nlmsghdr *message)
{
	uint64_t instruction[INSTRUCTIONS] = {};
	unsigned int i, count = script_below(script, INSTRUCTIONS + 1);

	for (i = 0; i < count; i++)
		instruction[i] = script_take(script, 8);
	/* often one that is a program: the last returns */
	if (count && script_below(script, 4))
		instruction[count - 1] = 0x0000ffff00000006;
	mnl_attr_put(message, PCAPRING_A_FILTER, count * 8, instruction);
}

static void put_string(struct script *script, struct nlmsghdr *message,
		       int type)
{
	static const char *const names[] = { "pair0", "dummy0", "any", "later0",
					     "lo", "", "a/b", "sixteen-or-more!" };

	mnl_attr_put_strz(message, type, names[script_below(script, 8)]);
}

static void put_bytes(struct script *script, struct nlmsghdr *message, int type)
{
	uint8_t value[64];
	size_t i, bytes = script_below(script, sizeof(value));

	for (i = 0; i < bytes; i++)
		value[i] = script_take(script, 1);
	mnl_attr_put(message, type, bytes, value);
}

static void put_attribute(struct script *script, struct nlmsghdr *message,
			  int type)
{
	switch (policy.attribute[type].type) {
	case NL_ATTR_TYPE_U8:
		mnl_attr_put_u8(message, type, script_number(script));
		break;
	case NL_ATTR_TYPE_U32:
		mnl_attr_put_u32(message, type, script_number(script));
		break;
	case NL_ATTR_TYPE_U64:
		mnl_attr_put_u64(message, type, script_number(script));
		break;
	case NL_ATTR_TYPE_NUL_STRING:
		put_string(script, message, type);
		break;
	case NL_ATTR_TYPE_BINARY:
		put_filter(script, message);
		break;
	default:
		put_bytes(script, message, type);
	}
}

static void put_attributes(struct script *script, struct nlmsghdr *message)
{
	unsigned int i, type, count = script_below(script, 6);

	for (i = 0; i < count; i++) {
		type = 1 + script_below(script, PCAPRING_A_MAX);
		/* what is not for requests is refused: once in a while is enough */
		if (policy.attribute[type].type != NL_ATTR_TYPE_INVALID ||
		    !script_below(script, 8))
			put_attribute(script, message, type);
	}
}

static void move_new(struct script *script)
{
	struct nlmsghdr *message = family_begin(&family, PCAPRING_CMD_NEW, 0);

	put_string(script, message, PCAPRING_A_IFNAME);
	mnl_attr_put_u64(message, PCAPRING_A_RING_BYTES,
			 4096ull << script_below(script, 6));
	mnl_attr_put_u32(message, PCAPRING_A_SNAPLEN,
			 1 + script_take(script, 2) % 4000);
	mnl_attr_put_u32(message, PCAPRING_A_MODE, script_below(script, 2));
	put_attributes(script, message);
	family_throw(&family, message, message->nlmsg_len);
}

static uint32_t script_id(struct script *script)
{
	struct account account;

	if (account_audit(&family, &account) || !account.count)
		return script_below(script, 4);
	return account.id[script_below(script, account.count) %
			  ACCOUNT_CAPTURES];
}

static void move_command(struct script *script)
{
	uint32_t id = script_id(script);
	struct nlmsghdr *message;

	message = family_begin(&family,
			       script_below(script, PCAPRING_CMD_MAX + 2),
			       script_below(script, 8) ? 0 : NLM_F_DUMP);
	if (script_below(script, 8))
		mnl_attr_put_u32(message, PCAPRING_A_ID, id);
	put_attributes(script, message);
	family_throw(&family, message, message->nlmsg_len);
}

static void move_set(struct script *script)
{
	struct nlmsghdr *message = family_begin(&family, PCAPRING_CMD_SET, 0);

	mnl_attr_put_u32(message, PCAPRING_A_ID, 0);
	put_attributes(script, message);
	*(uint32_t *)mnl_attr_get_payload(mnl_nlmsg_get_payload_offset(
		message, sizeof(struct genlmsghdr))) = 0;
	family_throw(&family, message, message->nlmsg_len);
}

/* Some bytes of a message become others; its own length stays true. */
static void move_bent(struct script *script)
{
	struct nlmsghdr *message = family_begin(&family, script_below(script, 5),
						0);
	uint8_t *bytes = (uint8_t *)message;
	unsigned int i, at;

	mnl_attr_put_u32(message, PCAPRING_A_ID, script_below(script, 3));
	put_string(script, message, PCAPRING_A_IFNAME);
	put_attributes(script, message);
	put_attributes(script, message);
	for (i = script_below(script, 6); i; i--) {
		at = NLMSG_HDRLEN + script_take(script, 2) %
				    (message->nlmsg_len - NLMSG_HDRLEN);
		bytes[at] = script_take(script, 1);
	}
	family_throw(&family, message, message->nlmsg_len);
}

/* The device. */

static int *script_file(struct script *script)
{
	return &files[script_below(script, FILES)];
}

static struct map *script_map(struct script *script)
{
	return &maps[script_below(script, MAPS)];
}

static void move_open(struct script *script)
{
	static const int modes[] = { O_RDWR, O_RDONLY, O_WRONLY };
	int *file = script_file(script);
	char path[64];

	if (*file >= 0)
		close(*file);
	snprintf(path, sizeof(path), "/dev/pcapring%u", script_id(script));
	*file = open(path, modes[script_below(script, 8) % 3] | O_NONBLOCK);
}

static void move_close(struct script *script)
{
	int *file = script_file(script);

	if (*file >= 0)
		close(*file);
	*file = -1;
}

static void map_drop(struct map *map)
{
	if (map->at)
		munmap(map->at, map->bytes);
	map->at = NULL;
}

static void move_map(struct script *script)
{
	static const int protections[] = { PROT_READ, PROT_READ | PROT_WRITE,
					   PROT_WRITE, PROT_NONE, PROT_EXEC };
	struct map *map = script_map(script);
	uint64_t first = script_below(script, 2) ? script_below(script, 16) :
						   script_take(script, 2);

	map_drop(map);
	map->bytes = PAGE * (1 + script_below(script, 32));
	map->at = mmap(NULL, map->bytes, protections[script_below(script, 5)],
		       script_below(script, 8) ? MAP_SHARED : MAP_PRIVATE,
		       *script_file(script), first * PAGE);
	if (map->at == MAP_FAILED)
		map->at = NULL;
}

static void move_unmap(struct script *script)
{
	struct map *map = script_map(script);

	/* a part of it, perhaps: the rest is what we go on with */
	if (map->at && map->bytes > PAGE && script_below(script, 2)) {
		munmap(map->at, PAGE);
		map->at += PAGE;
		map->bytes -= PAGE;
	} else {
		map_drop(map);
	}
}

static void move_protect(struct script *script)
{
	struct map *map = script_map(script);

	/* PROT_READ, PROT_WRITE, both or none */
	if (map->at)
		mprotect(map->at, map->bytes, script_below(script, 4));
}

static void move_remap(struct script *script)
{
	struct map *map = script_map(script);
	size_t bytes = PAGE * (1 + script_below(script, 40));
	void *at;

	if (!map->at)
		return;
	if (!script_below(script, 2)) {
		madvise(map->at, map->bytes, script_below(script, 26));
		return;
	}
	/* growing is refused; a smaller one is the rest of this one */
	at = mremap(map->at, map->bytes, bytes, MREMAP_MAYMOVE);
	if (at == MAP_FAILED)
		return;
	map->at = at;
	map->bytes = bytes;
}

/* Pages that madvise(2) or mprotect(2) took away are not to be touched. */
static void moves_fault(int signal)
{
	(void)signal;
	siglongjmp(fault, 1);
}

/* In the consumer pages it is a lie; the kernel must not believe it. */
static void move_poke(struct script *script)
{
	static const size_t words[] = { 0, 8, 64, 128 };
	struct map *map = script_map(script);
	size_t at = script_below(script, 4) * PAGE +
		    words[script_below(script, 4)];
	uint64_t value = script_number(script);
	bool add = script_below(script, 2);
	volatile uint64_t *word;

	if (!map->at || at + sizeof(*word) > map->bytes)
		return;
	word = (volatile uint64_t *)(map->at + at);
	if (!sigsetjmp(fault, 1))
		*word = add ? *word + value : value;
}

static void move_peek(struct script *script)
{
	struct map *map = script_map(script);
	size_t at = script_take(script, 3);

	if (map->at && !sigsetjmp(fault, 1))
		(void)*(volatile uint8_t *)(map->at + at % map->bytes);
}

static void move_ioctl(struct script *script)
{
	uint64_t instruction[INSTRUCTIONS];
	struct pcapring_filter filter = {
		.length = script_below(script, INSTRUCTIONS + 1),
		.instructions = script_below(script, 8) ?
				(uintptr_t)instruction : script_number(script),
	};
	unsigned long request = PCAPRING_IOC_SET_FILTER;
	unsigned int i;

	for (i = 0; i < INSTRUCTIONS; i++)
		instruction[i] = script_take(script, 8);
	if (filter.length && script_below(script, 4))
		instruction[filter.length - 1] = 0x0000ffff00000006;
	if (!script_below(script, 8))
		request = script_number(script);
	if (!script_below(script, 8))
		filter.reserved = 1;
	ioctl(*script_file(script), request, &filter);
}

static void move_read(struct script *script)
{
	static uint8_t buffer[1 << 17];
	size_t bytes = script_number(script) % sizeof(buffer);

	if (read(*script_file(script), buffer, bytes) < 0 && errno == EFAULT)
		errx(1, "read: EFAULT for a buffer that is there");
}

static void move_poll(struct script *script)
{
	struct pollfd ready = { .fd = *script_file(script),
				.events = script_take(script, 2) };

	poll(&ready, 1, 0);
}

static void move_send(struct script *script)
{
	sender_burst(packets, script_below(script, 2) ? "pair0" : "dummy0",
		     script_take(script, 4), 1 + script_below(script, 64));
}

static void (*const moves[])(struct script *script) = {
	move_new, move_set, move_command, move_bent, move_open, move_close,
	move_map, move_unmap, move_protect, move_remap, move_poke, move_peek,
	move_ioctl, move_read, move_poll, move_send, move_send,
};

static void moves_end(void)
{
	struct nlmsghdr *message;
	struct account account;
	unsigned int i;

	for (i = 0; i < MAPS; i++)
		map_drop(&maps[i]);
	for (i = 0; i < FILES; i++) {
		if (files[i] >= 0)
			close(files[i]);
		files[i] = -1;
	}
	do {
		errno = account_audit(&family, &account);
		if (errno)
			err(1, "audit");
		for (i = 0; i < account.count && i < ACCOUNT_CAPTURES; i++) {
			message = family_begin(&family, PCAPRING_CMD_DEL, 0);
			mnl_attr_put_u32(message, PCAPRING_A_ID, account.id[i]);
			family_exchange(&family, message, NULL, NULL);
		}
	} while (account.count);
}

void moves_open(void)
{
	unsigned int i;

	signal(SIGSEGV, moves_fault);
	signal(SIGBUS, moves_fault);
	family_open(&family);
	policy_ask(&family, &policy);
	packets = socket(AF_PACKET, SOCK_RAW, 0);
	if (packets < 0)
		err(1, "packet socket");
	for (i = 0; i < FILES; i++)
		files[i] = -1;
	moves_end();
}

void moves_play(const uint8_t *bytes, size_t length)
{
	struct script script = { .bytes = bytes, .left = length };

	while (script.left)
		moves[script_below(&script, sizeof(moves) / sizeof(*moves))](
			&script);
	moves_end();
}
