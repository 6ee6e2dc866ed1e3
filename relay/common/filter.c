// SPDX-License-Identifier: MIT
#include "common/filter.h"

#include <ctype.h>
#include <errno.h>
#include <linux/bpf_common.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "linux/pcapring.h"

/* The only value below 104 where LINKTYPE_* and Linux' DLT_* differ. */
#define FILTER_LINKTYPE_RAW	101

#define FILTER_SLL_BYTES	16
#define FILTER_SLL2_BYTES	20

/* A handle is never read from: no need for libpcap's 2 MiB of packet ring. */
#define FILTER_BUFFER_BYTES	(2 * PCAPRING_SNAPLEN_MAX)

static bool filter_is_word(char c)
{
	return isalnum((unsigned char)c) || strchr("_-.", c);
}

static bool filter_has_word(const char *expression, const char *word)
{
	size_t length = strlen(word);

	for (const char *p = expression; (p = strstr(p, word)); p += length) {
		if ((p == expression || !filter_is_word(p[-1])) &&
		    (!p[length] || !filter_is_word(p[length])))
			return true;
	}
	return false;
}

static pcap_t *filter_open_dead(const char *interface, const char *expression)
{
	pcap_t *pcap;

	if (filter_has_word(expression, "vlan")) {
		log_error("filter '%s': interface '%s' does not exist, and where a VLAN tag is to be found depends on it: set the filter when the interface is there",
			  expression, interface);
		return NULL;
	}
	pcap = pcap_open_dead(DLT_EN10MB, PCAPRING_SNAPLEN_MAX);
	if (!pcap)
		log_error("filter '%s': out of memory", expression);
	else
		log_warning("filter '%s': interface '%s' does not exist, compiled for Ethernet",
			    expression, interface);
	return pcap;
}

static void filter_say_activate(pcap_t *pcap, const char *interface, int status)
{
	if (status == PCAP_ERROR_PERM_DENIED)
		log_error("filter: opening interface '%s' is not permitted: run it as root",
			  interface);
	else if (status == PCAP_ERROR_IFACE_NOT_UP)
		log_error("filter: interface '%s' is down, libpcap compiles on interfaces that are up: ip link set %s up",
			  interface, interface);
	else
		log_error("filter: interface '%s': %s: %s", interface,
			  pcap_statustostr(status), pcap_geterr(pcap));
}

static bool filter_is_any(const char *interface)
{
	return !strcmp(interface, "any");
}

static pcap_t *filter_open_live(const char *interface)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_create(interface, error);
	int status;

	if (!pcap) {
		log_error("filter: interface '%s': %s", interface, error);
		return NULL;
	}
	pcap_set_snaplen(pcap, PCAPRING_SNAPLEN_MAX);
	pcap_set_buffer_size(pcap, FILTER_BUFFER_BYTES);
	status = pcap_activate(pcap);
	if (status < 0) {
		filter_say_activate(pcap, interface, status);
		goto close;
	}
	if (filter_is_any(interface) && pcap_set_datalink(pcap, DLT_LINUX_SLL2)) {
		log_error("filter: interface '%s': %s", interface, pcap_geterr(pcap));
		goto close;
	}
	return pcap;
close:
	pcap_close(pcap);
	return NULL;
}

/* For "ip broadcast"; 0 where there is no IPv4 address, as tcpdump has it. */
static bpf_u_int32 filter_netmask(const char *interface)
{
	char error[PCAP_ERRBUF_SIZE];
	bpf_u_int32 network, netmask;

	if (pcap_lookupnet(interface, &network, &netmask, error))
		return 0;
	return netmask;
}

/*
 * A cooked header is made when the packet is written down: the program runs on
 * what follows it, and finds elsewhere what the header will say of the packet.
 * @extension: where the kernel has the value, behind SKF_AD_OFF
 */
struct filter_cooked_field {
	uint16_t size;
	uint32_t offset;
	uint32_t extension;
};

static const struct filter_cooked_field filter_sll[] = {
	{ BPF_H, 0, SKF_AD_PKTTYPE },
	{ BPF_H, 14, SKF_AD_PROTOCOL },
	{ 0, 0, 0 }
};

static const struct filter_cooked_field filter_sll2[] = {
	{ BPF_H, 0, SKF_AD_PROTOCOL },
	{ BPF_W, 4, SKF_AD_IFINDEX },
	{ BPF_B, 10, SKF_AD_PKTTYPE },
	{ 0, 0, 0 }
};

/* NULL: not a cooked one. */
static const struct filter_cooked_field *filter_cooked(int dlt, uint32_t *header)
{
	switch (dlt) {
	case DLT_LINUX_SLL2:
		*header = FILTER_SLL2_BYTES;
		return filter_sll2;
	case DLT_LINUX_SLL:
	case DLT_NETLINK:
	case DLT_LINUX_IRDA:
	case DLT_LINUX_LAPD:
		*header = FILTER_SLL_BYTES;
		return filter_sll;
	default:
		return NULL;
	}
}

/* False: it looks at what the kernel does not tell. */
static bool filter_cook_load(const struct filter_cooked_field *field, uint32_t header,
			     struct sock_filter *load)
{
	if (load->k >= (uint32_t)SKF_AD_OFF)
		return true;
	if (load->k >= header) {
		load->k -= header;
		return true;
	}
	if (BPF_MODE(load->code) != BPF_ABS)
		return false;
	for (; field->extension || field->size; field++) {
		if (field->offset == load->k && field->size == BPF_SIZE(load->code)) {
			load->k = SKF_AD_OFF + field->extension;
			return true;
		}
	}
	return false;
}

static bool filter_loads_packet(const struct sock_filter *insn)
{
	uint16_t class = BPF_CLASS(insn->code), mode = BPF_MODE(insn->code);

	return (class == BPF_LD || class == BPF_LDX) &&
	       (mode == BPF_ABS || mode == BPF_IND || mode == BPF_MSH);
}

static bool filter_cook(pcap_t *pcap, const char *expression,
			struct sock_filter *program, size_t length)
{
	const char *name = pcap_datalink_val_to_name(pcap_datalink(pcap));
	const struct filter_cooked_field *fields;
	uint32_t header;

	fields = filter_cooked(pcap_datalink(pcap), &header);
	if (!fields)
		return true;
	for (size_t i = 0; i < length; i++) {
		if (!filter_loads_packet(&program[i]) ||
		    filter_cook_load(fields, header, &program[i]))
			continue;
		log_error("filter '%s': looks at bytes of the %s header that are not there yet when the kernel filters: only its protocol, packet type and interface can be asked for",
			  expression, name ? name : "cooked");
		return false;
	}
	return true;
}

static void filter_drop(struct sock_filter **program)
{
	free(*program);
	*program = NULL;
}

/* struct bpf_insn is struct sock_filter by another name. */
static bool filter_copy(const struct bpf_program *code,
			struct sock_filter **program, size_t *length)
{
	struct sock_filter *copy;

	if (code->bf_len > BPF_MAXINSNS) {
		log_error("filter: %u instructions, the kernel takes at most %u: shorten the expression",
			  code->bf_len, BPF_MAXINSNS);
		return false;
	}
	copy = calloc(code->bf_len, sizeof(*copy));
	if (!copy) {
		log_error("filter: out of memory");
		return false;
	}
	for (size_t i = 0; i < code->bf_len; i++) {
		const struct bpf_insn *insn = &code->bf_insns[i];

		copy[i] = (struct sock_filter){ insn->code, insn->jt, insn->jf, insn->k };
	}
	*program = copy;
	*length = code->bf_len;
	return true;
}

static bool filter_compile_on(pcap_t *pcap, const char *expression,
			      bpf_u_int32 netmask, struct sock_filter **program,
			      size_t *length)
{
	struct bpf_program code;
	bool done;

	if (pcap_compile(pcap, &code, expression, 1, netmask)) {
		log_error("filter '%s': %s", expression, pcap_geterr(pcap));
		return false;
	}
	done = filter_copy(&code, program, length) &&
	       filter_cook(pcap, expression, *program, *length);
	if (!done)
		filter_drop(program);
	pcap_freecode(&code);
	return done;
}

bool filter_compile(const char *interface, const char *expression,
		    struct sock_filter **program, size_t *length)
{
	pcap_t *pcap;
	bool done;

	if (filter_is_any(interface) || if_nametoindex(interface))
		pcap = filter_open_live(interface);
	else
		pcap = filter_open_dead(interface, expression);
	if (!pcap)
		return false;
	done = filter_compile_on(pcap, expression, filter_netmask(interface),
				 program, length);
	pcap_close(pcap);
	return done;
}

static int filter_dlt(uint32_t linktype)
{
	return linktype == FILTER_LINKTYPE_RAW ? DLT_RAW : (int)linktype;
}

bool filter_compile_linktype(uint32_t linktype, const char *expression,
			     struct sock_filter **program, size_t *length)
{
	pcap_t *pcap = pcap_open_dead(filter_dlt(linktype), PCAPRING_SNAPLEN_MAX);
	bool done;

	if (!pcap) {
		log_error("filter '%s': out of memory", expression);
		return false;
	}
	done = filter_compile_on(pcap, expression, PCAP_NETMASK_UNKNOWN, program,
				 length);
	pcap_close(pcap);
	return done;
}

bool filter_linktype_knows(uint32_t linktype, const char *expression)
{
	pcap_t *pcap = pcap_open_dead(filter_dlt(linktype), PCAPRING_SNAPLEN_MAX);
	struct bpf_program code;
	bool known;

	if (!pcap)
		return false;
	known = !pcap_compile(pcap, &code, expression, 1, PCAP_NETMASK_UNKNOWN);
	if (known)
		pcap_freecode(&code);
	pcap_close(pcap);
	return known;
}

const char *filter_linktype_name(uint32_t linktype)
{
	const char *name = pcap_datalink_val_to_name(filter_dlt(linktype));

	return name ? name : "unknown";
}
