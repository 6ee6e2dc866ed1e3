// SPDX-License-Identifier: MIT
#include "exclude.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/filter.h"
#include "common/log.h"
#include "common/size.h"
#include "reader.h"

#define EXCLUDE_EXPRESSION_MAX	(2 * EXCLUDE_PEER_MAX)

/* "ipv6:%5Bfe80::1%252%5D:4711": brackets and the scope's '%' are encoded. */
static void exclude_decode(const char *text, char *out, size_t size)
{
	char *end = out + size - 1;

	for (; *text && out < end; text++) {
		unsigned int byte;

		if (*text == '%' && sscanf(text, "%%%2x", &byte) == 1) {
			*out++ = byte;
			text += 2;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

/* "[fe80::1%2]" to "fe80::1": libpcap knows no scopes. */
static char *exclude_bare_address(char *address)
{
	size_t length = strlen(address);

	if (*address == '[' && address[length - 1] == ']') {
		address[length - 1] = '\0';
		address++;
	}
	address[strcspn(address, "%")] = '\0';
	return address;
}

static bool exclude_is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 ||
	       inet_pton(AF_INET6, text, &address) == 1;
}

/* What describes the connection to @peer; "" where that is no address ("unix:"). */
static void exclude_describe(const char *peer, char *out, size_t size)
{
	char decoded[EXCLUDE_PEER_MAX];
	char *address, *port;
	uint64_t number;

	*out = '\0';
	if (strncmp(peer, "ipv4:", 5) && strncmp(peer, "ipv6:", 5))
		return;
	exclude_decode(peer + 5, decoded, sizeof(decoded));
	port = strrchr(decoded, ':');
	if (!port || !number_parse(port + 1, 1, 65535, &number))
		return;
	*port++ = '\0';
	address = exclude_bare_address(decoded);
	if (!exclude_is_address(address))
		return;
	snprintf(out, size, "tcp and host %s and port %s", address, port);
}

/*
 * Join two programs: what the first lets pass, the second judges. libpcap ends
 * each path with a constant; that of a packet that passes becomes a jump.
 */
static bool exclude_append(struct sock_filter **program, size_t *length,
			   struct sock_filter *next, size_t next_length)
{
	size_t total = *length + next_length;
	struct sock_filter *joined;

	if (total > BPF_MAXINSNS) {
		log_error("what is to be left out takes %zu instructions, the kernel takes at most %u: shorten --exclude or --exclude-list",
			  total, BPF_MAXINSNS);
		return false;
	}
	joined = realloc(*program, total * sizeof(*joined));
	if (!joined) {
		log_error("out of memory");
		return false;
	}
	for (size_t i = 0; i < *length; i++)
		if (joined[i].code == (BPF_RET | BPF_K) && joined[i].k)
			joined[i] = (struct sock_filter)
				BPF_STMT(BPF_JMP | BPF_JA, *length - i - 1);
	memcpy(joined + *length, next, next_length * sizeof(*next));
	*program = joined;
	*length = total;
	return true;
}

/* Leave out what @expression describes, with a VLAN tag in front of it, too. */
static bool exclude_add(const char *expression, uint32_t linktype,
			struct sock_filter **program, size_t *length)
{
	struct sock_filter *next;
	size_t next_length;
	char *negated;
	bool done;

	if (asprintf(&negated, "not (%s)", expression) < 0)
		abort();
	done = filter_compile_linktype(linktype, negated, &next, &next_length);
	free(negated);
	if (!done)
		return false;
	done = exclude_append(program, length, next, next_length);
	free(next);
	return done;
}

static bool exclude_add_lines(const char *lines, uint32_t linktype,
			      struct sock_filter **program, size_t *length)
{
	bool done = true;

	while (done && *lines) {
		size_t size = strcspn(lines, "\n");
		char *line = strndup(lines, size);

		if (!line)
			abort();
		done = exclude_add(line, linktype, program, length);
		free(line);
		lines += size + (lines[size] == '\n');
	}
	return done;
}

static bool exclude_add_own(const char *peer, uint32_t linktype,
			    struct sock_filter **program, size_t *length)
{
	char plain[EXCLUDE_EXPRESSION_MAX], tagged[3 * EXCLUDE_EXPRESSION_MAX];

	exclude_describe(peer, plain, sizeof(plain));
	snprintf(tagged, sizeof(tagged), "(%s) or (vlan and (%s))", plain, plain);
	if (!*plain || !filter_linktype_knows(linktype, plain))
		return true;
	return exclude_add(filter_linktype_knows(linktype, tagged) ? tagged : plain,
			   linktype, program, length);
}

/* Calls of one channel mostly have one peer. */
static bool exclude_is_repeated(const struct exclude *exclude, unsigned int ring)
{
	for (unsigned int i = 0; i < ring; i++)
		if (!strcmp(exclude->peers[i], exclude->peers[ring]))
			return true;
	return false;
}

static bool exclude_add_peers(const struct exclude *exclude, uint32_t linktype,
			      struct sock_filter **program, size_t *length)
{
	for (unsigned int i = 0; i < EXCLUDE_CALLS; i++)
		if (*exclude->peers[i] && !exclude_is_repeated(exclude, i) &&
		    !exclude_add_own(exclude->peers[i], linktype, program, length))
			return false;
	return true;
}

bool exclude_compile(const struct exclude *exclude, uint32_t linktype,
		     struct sock_filter **program, size_t *length)
{
	*program = NULL;
	*length = 0;
	if ((!exclude->expression ||
	     exclude_add(exclude->expression, linktype, program, length)) &&
	    (!exclude->list ||
	     exclude_add_lines(exclude->list, linktype, program, length)) &&
	    (!exclude->own ||
	     exclude_add_peers(exclude, linktype, program, length)))
		return true;
	free(*program);
	*program = NULL;
	*length = 0;
	return false;
}

static bool exclude_put(const struct exclude *exclude, uint32_t linktype)
{
	struct sock_filter *program;
	size_t length;
	bool done;

	if (!exclude_compile(exclude, linktype, &program, &length))
		return false;
	done = (!length && !exclude->in_force) ||
	       reader_set_filter(exclude->reader, program, length);
	free(program);
	return done;
}

bool exclude_start(struct exclude *exclude, uint32_t linktype)
{
	if (exclude->in_force && exclude->linktype == linktype)
		return true;
	exclude->in_force = exclude_put(exclude, linktype);
	exclude->linktype = linktype;
	return exclude->in_force;
}

static bool exclude_is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool exclude_change(struct exclude *exclude, const char *expression, char *list)
{
	const char *old_expression = exclude->expression;
	char *old_list = exclude->list;
	bool done = exclude_is_same(expression, old_expression) &&
		    exclude_is_same(list, old_list);

	exclude->expression = expression;
	exclude->list = list;
	done = done || !exclude->in_force || exclude_put(exclude, exclude->linktype);
	if (!done) {
		exclude->expression = old_expression;
		exclude->list = old_list;
		old_list = list;
	}
	free(old_list);
	return done;
}

void exclude_peer(struct exclude *exclude, unsigned int ring, const char *peer)
{
	char *known = exclude->peers[ring];

	if (!exclude->own || !strncmp(known, peer, EXCLUDE_PEER_MAX - 1))
		return;
	snprintf(known, EXCLUDE_PEER_MAX, "%s", peer);
	/* Another ring's call may have brought it already; what is not in force will know. */
	if (!exclude->in_force || exclude_is_repeated(exclude, ring))
		return;
	if (!exclude_put(exclude, exclude->linktype))
		log_warning("the connection to %s is captured, too", peer);
}
