// SPDX-License-Identifier: MIT
#include "unit.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "source/exclude.h"
#include "source/exclude_list.h"

#define LINKTYPE_ETHERNET	1
#define LINKTYPE_RAW		101
#define LINKTYPE_CAN		227

/* An Ethernet frame: addresses and ports of TCP, a VLAN tag if @vlan. */
struct frame {
	uint8_t bytes[128];
	size_t length;
};

static void frame_add(struct frame *frame, const void *bytes, size_t length)
{
	memcpy(frame->bytes + frame->length, bytes, length);
	frame->length += length;
}

static struct frame frame_make(bool vlan, const char *source, uint16_t sport,
			       const char *destination, uint16_t dport)
{
	bool six = strchr(source, ':');
	struct tcphdr tcp = { .source = htons(sport), .dest = htons(dport), .doff = 5 };
	struct ip6_hdr ip6 = { .ip6_vfc = 0x60, .ip6_nxt = IPPROTO_TCP };
	struct iphdr ip = { .version = 4, .ihl = 5, .protocol = IPPROTO_TCP,
			    .tot_len = htons(sizeof(ip) + sizeof(tcp)) };
	uint16_t type = htons(six ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	struct frame frame = {};

	frame_add(&frame, "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
	if (vlan)
		frame_add(&frame, "\x81\0\0\x05", 4);
	frame_add(&frame, &type, 2);
	if (six) {
		assert_int_equal(inet_pton(AF_INET6, source, &ip6.ip6_src), 1);
		assert_int_equal(inet_pton(AF_INET6, destination, &ip6.ip6_dst), 1);
		frame_add(&frame, &ip6, sizeof(ip6));
	} else {
		assert_int_equal(inet_pton(AF_INET, source, &ip.saddr), 1);
		assert_int_equal(inet_pton(AF_INET, destination, &ip.daddr), 1);
		frame_add(&frame, &ip, sizeof(ip));
	}
	frame_add(&frame, &tcp, sizeof(tcp));
	return frame;
}

struct program {
	struct sock_filter *code;
	size_t length;
};

static struct program compile(const struct exclude *exclude, uint32_t linktype,
			      const char *peer)
{
	struct exclude with_peer = *exclude;
	struct program program;

	snprintf(with_peer.peers[5], EXCLUDE_PEER_MAX, "%s", peer ? peer : "");
	assert_true(exclude_compile(&with_peer, linktype, &program.code,
				    &program.length));
	return program;
}

/* Does it pass? By libpcap's interpreter of what the kernel runs. */
static bool passes(const struct program *program, struct frame frame)
{
	if (!program->length)
		return true;
	assert_true(bpf_validate((struct bpf_insn *)program->code, program->length));
	return bpf_filter((struct bpf_insn *)program->code, frame.bytes,
			  frame.length, frame.length);
}

static void test_the_connection_is_left_out_both_ways(void **state)
{
	static const struct {
		const char *peer, *here, *there, *other;
	} cases[] = {
		{ "ipv4:192.0.2.1:50051", "192.0.2.9", "192.0.2.1", "192.0.2.2" },
		{ "ipv6:%5B2001:db8::1%5D:50051", "2001:db8::9", "2001:db8::1",
		  "2001:db8::2" },
		{ "ipv6:%5Bfe80::1%252%5D:50051", "fe80::9", "fe80::1", "fe80::2" },
	};
	const struct exclude exclude = { .own = true };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct program program = compile(&exclude, LINKTYPE_ETHERNET,
						 cases[i].peer);

		for (int vlan = 0; vlan < 2; vlan++) {
			const char *here = cases[i].here, *there = cases[i].there;
			const char *other = cases[i].other;

			assert_false(passes(&program, frame_make(vlan, here, 4711,
								 there, 50051)));
			assert_false(passes(&program, frame_make(vlan, there, 50051,
								 here, 4711)));
			assert_true(passes(&program, frame_make(vlan, here, 4711,
								there, 50052)));
			assert_true(passes(&program, frame_make(vlan, here, 4711,
								other, 50051)));
		}
		free(program.code);
	}
}

static void test_all_that_is_named_is_left_out(void **state)
{
	const struct exclude exclude = {
		.expression = "vlan 5 and tcp port 80",
		.list = (char *)"src host 192.0.2.3 or (dst host 192.0.2.4 and dst port 22)",
		.own = true,
	};
	struct program program = compile(&exclude, LINKTYPE_ETHERNET,
					 "ipv4:192.0.2.1:50051");

	(void)state;
	assert_false(passes(&program, frame_make(true, "192.0.2.9", 1, "192.0.2.8", 80)));
	assert_true(passes(&program, frame_make(false, "192.0.2.9", 1, "192.0.2.8", 80)));
	assert_false(passes(&program, frame_make(false, "192.0.2.3", 1, "192.0.2.8", 2)));
	assert_true(passes(&program, frame_make(false, "192.0.2.8", 1, "192.0.2.3", 2)));
	assert_false(passes(&program, frame_make(false, "192.0.2.9", 1, "192.0.2.4", 22)));
	assert_true(passes(&program, frame_make(false, "192.0.2.9", 1, "192.0.2.4", 23)));
	assert_false(passes(&program, frame_make(false, "192.0.2.9", 1, "192.0.2.1", 50051)));
	free(program.code);
}

static void test_every_peer_is_left_out_once(void **state)
{
	struct exclude exclude = { .own = true, .peers = {
		[0] = "ipv4:192.0.2.1:50051", [1] = "ipv4:192.0.2.2:50051" } };
	struct program two = compile(&exclude, LINKTYPE_ETHERNET, NULL), three;

	(void)state;
	assert_false(passes(&two, frame_make(false, "192.0.2.9", 1, "192.0.2.1", 50051)));
	assert_false(passes(&two, frame_make(false, "192.0.2.9", 1, "192.0.2.2", 50051)));
	assert_true(passes(&two, frame_make(false, "192.0.2.9", 1, "192.0.2.3", 50051)));
	three = compile(&exclude, LINKTYPE_ETHERNET, "ipv4:192.0.2.1:50051");
	assert_int_equal(three.length, two.length);
	free(two.code);
	free(three.code);
}

static void test_no_address_and_no_ip_leave_nothing_out(void **state)
{
	static const struct exclude own = { .own = true }, none;
	static const struct {
		const struct exclude *exclude;
		uint32_t linktype;
		const char *peer;
	} cases[] = {
		{ &own, LINKTYPE_ETHERNET, NULL },
		{ &own, LINKTYPE_ETHERNET, "unix:/run/collector" },
		{ &own, LINKTYPE_ETHERNET, "ipv4:or 1=1:80" },
		{ &own, LINKTYPE_ETHERNET, "ipv4:192.0.2.1:0" },
		{ &own, LINKTYPE_CAN, "ipv4:192.0.2.1:50051" },
		{ &none, LINKTYPE_ETHERNET, "ipv4:192.0.2.1:50051" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct program program = compile(cases[i].exclude, cases[i].linktype,
						 cases[i].peer);

		assert_int_equal(program.length, 0);
		assert_null(program.code);
	}
}

static void test_raw_ip_has_its_program(void **state)
{
	const struct exclude exclude = { .own = true };
	struct program program = compile(&exclude, LINKTYPE_RAW, "ipv4:192.0.2.1:50051");
	struct frame frame = frame_make(false, "192.0.2.9", 1, "192.0.2.1", 50051);

	(void)state;
	memmove(frame.bytes, frame.bytes + 14, frame.length - 14);
	frame.length -= 14;
	assert_false(passes(&program, frame));
	free(program.code);
}

/* A list of IPv6 senders 2001:db8::0 and so on, as it is read. */
static char *list_of(unsigned int entries)
{
	char *text, *expressions;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	fputs("from = [", out);
	for (unsigned int i = 0; i < entries; i++)
		fprintf(out, "\"2001:db8::%x\",", i);
	fputs("]", out);
	assert_int_equal(fclose(out), 0);
	assert_true(exclude_list_parse("list", text, length, &expressions));
	free(text);
	return expressions;
}

static void test_a_long_list_is_left_out(void **state)
{
	char *list = list_of(200), from[32];
	const struct exclude exclude = { .list = list };
	struct program program = compile(&exclude, LINKTYPE_ETHERNET, NULL);

	(void)state;
	for (unsigned int i = 0; i < 201; i++) {
		snprintf(from, sizeof(from), "2001:db8::%x", i);
		assert_int_equal(passes(&program, frame_make(false, from, 1, "::2", 2)),
				 i == 200);
	}
	free(program.code);
	free(list);
}

static void test_what_cannot_be_compiled_is_refused(void **state)
{
	char *list = list_of(4000);
	const struct exclude wrong = { .expression = "no such word" };
	const struct exclude large = { .list = list };
	struct program program;

	(void)state;
	assert_false(exclude_compile(&wrong, LINKTYPE_ETHERNET, &program.code,
				     &program.length));
	assert_false(exclude_compile(&large, LINKTYPE_ETHERNET, &program.code,
				     &program.length));
	assert_null(program.code);
	free(list);
}

static void test_lists_become_expressions(void **state)
{
	static const struct {
		const char *text, *expression;
	} cases[] = {
		{ "", "" },
		{ "# nothing\nfrom = []\ninto=[ ]", "" },
		{ "from = [\"aa:bb:cc:dd:ee:ff\"]", "ether src aa:bb:cc:dd:ee:ff" },
		{ "into = [\"192.0.2.1\", '2001:db8::1',]\n",
		  "dst host 192.0.2.1 or dst host 2001:db8::1" },
		{ "from = [\n\t\"192.0.2.1:53\", # a server\n\t\"[::1]:443\"\n]\r\ninto = [\"::2\"] # end",
		  "(src host 192.0.2.1 and src port 53) or (src host ::1 and src port 443) or dst host ::2" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *expression;

		assert_true(exclude_list_parse("list", cases[i].text,
					       strlen(cases[i].text), &expression));
		assert_string_equal(expression, cases[i].expression);
		free(expression);
	}
}

static void test_other_lists_are_refused(void **state)
{
	static const char *const cases[] = {
		"from", "from = ", "from = [", "from = [\"192.0.2.1\"",
		"from = [\"192.0.2.1\" \"192.0.2.2\"]", "from = [192.0.2.1]",
		"from = \"192.0.2.1\"", "from = [\"192.0.2.1]", "from = [\"\"]",
		"from = [\"192.0.2.1:0\"]", "from = [\"192.0.2.1:65536\"]",
		"from = [\"::1:53\\n\"]", "from = [\"host.example\"]",
		"from = [\"192.0.2.1 or tcp\"]", "from = []\nfrom = []",
		"[table]", "To = []", "from = [,]", "from = [[\"192.0.2.1\"]]",
		"from = [\"aa:bb:cc:dd:ee:fg\"]", "from = [\"192.0.2.0/24\"]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *expression = (char *)cases;

		if (exclude_list_parse("list", cases[i], strlen(cases[i]), &expression))
			fail_msg("'%s' was taken", cases[i]);
		assert_null(expression);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_connection_is_left_out_both_ways),
		cmocka_unit_test(test_all_that_is_named_is_left_out),
		cmocka_unit_test(test_every_peer_is_left_out_once),
		cmocka_unit_test(test_no_address_and_no_ip_leave_nothing_out),
		cmocka_unit_test(test_raw_ip_has_its_program),
		cmocka_unit_test(test_a_long_list_is_left_out),
		cmocka_unit_test(test_what_cannot_be_compiled_is_refused),
		cmocka_unit_test(test_lists_become_expressions),
		cmocka_unit_test(test_other_lists_are_refused),
	};

	log_open("test", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
