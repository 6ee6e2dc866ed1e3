/* SPDX-License-Identifier: MIT */
/* Filter expressions: the only file that knows libpcap's compiler. */
#ifndef COMMON_FILTER_H
#define COMMON_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Compile @expression (pcap-filter(7)) for @interface, as tcpdump does: on a
 * live handle of it, because the kernel runs the program while a VLAN tag is
 * beside the packet, not in it, and only then does libpcap write code that
 * looks there. "any" is all interfaces, as LINUX_SLL2. Where the interface does
 * not exist, Ethernet is assumed and said; an expression with "vlan" is refused.
 *
 * What begins with a cooked header, such as LINUX_SLL2, has none yet when the
 * kernel runs the program: code that looks into it is made to look elsewhere,
 * as libpcap does; an expression for which that is impossible is refused.
 *
 * True: *@program is *@length instructions, at most BPF_MAXINSNS, for free().
 * False: standard error has said why.
 */
bool filter_compile(const char *interface, const char *expression,
		    struct sock_filter **program, size_t *length);

/*
 * The same for packets of a LINKTYPE_*, without an interface to ask: a VLAN tag
 * is looked for in the packet only, "ip broadcast" is not known. Not allowed to
 * open interfaces, a program can do no better.
 */
bool filter_compile_linktype(uint32_t linktype, const char *expression,
			     struct sock_filter **program, size_t *length);

/* Does @expression have a meaning for packets of a LINKTYPE_*? Says nothing. */
bool filter_linktype_knows(uint32_t linktype, const char *expression);

/* Name of a LINKTYPE_* value, as "EN10MB"; "unknown" where libpcap has none. */
const char *filter_linktype_name(uint32_t linktype);

#endif
