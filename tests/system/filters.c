// SPDX-License-Identifier: MIT
/*
 * Filters of the capture ID, for the tests. Packets are those of `traffic` over
 * Ethernet and IPv4.
 *
 * filters swap ID COUNT	COUNT times, a multiple of 8, another filter, in
 *				turns an eBPF and a classic one: the former
 *				keeps 80 bytes of odd packets, the latter 60
 *				bytes of even ones
 * filters judged		of the savefile on standard input, how many
 *				packets each of the two has kept; fails if one
 *				was kept by neither
 * filters load ID		give it an eBPF filter that keeps 80 bytes, and
 *				print the program's number
 * filters alive NUMBER		succeeds while there is such a program
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device_map.h"
#include "message.h"

#define SWAPPERS	8
#define CLASSIC_BYTES	60
#define EXTENDED_BYTES	80
#define NUMBER_AT	(14 + 20 + 8 + 15)	/* the last byte of a packet's number */

static const struct sock_filter classic[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NUMBER_AT),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, CLASSIC_BYTES),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

/* BPF_LD | BPF_ABS wants the packet in R6, and gives in R0. */
static const struct bpf_insn odd[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1 },
	{ .code = BPF_LD | BPF_ABS | BPF_B, .imm = NUMBER_AT },
	{ .code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = 0, .imm = 1 },
	{ .code = BPF_ALU64 | BPF_MUL | BPF_K, .dst_reg = 0, .imm = EXTENDED_BYTES },
	{ .code = BPF_JMP | BPF_EXIT },
};

static const struct bpf_insn all[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = EXTENDED_BYTES },
	{ .code = BPF_JMP | BPF_EXIT },
};

static int filters_bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

static int32_t filters_program(const struct bpf_insn *program, size_t length)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = length;
	attr.license = (uintptr_t)"GPL";
	fd = filters_bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0)
		die("BPF_PROG_LOAD");
	return fd;
}

static void filters_set(int netlink, uint32_t id, int attribute,
			const void *value, size_t length)
{
	struct message message;

	message_begin(&message, message_family, 0, PCAPRING_CMD_SET);
	message_add(&message, PCAPRING_A_ID, &id, sizeof(id));
	message_add(&message, attribute, value, length);
	errno = message_exchange(netlink, &message);
	if (errno)
		die("SET");
}

static void filters_swap_in_turns(uint32_t id, int32_t program,
				  unsigned long count)
{
	int netlink = message_open();
	unsigned long i;

	for (i = 0; i < count; i++) {
		if (i % 2)
			filters_set(netlink, id, PCAPRING_A_FILTER, classic,
				    sizeof(classic));
		else
			filters_set(netlink, id, PCAPRING_A_FILTER_FD, &program,
				    sizeof(program));
	}
}

/* By several at once: each swap waits for packets that meet the old filter. */
static int filters_swap(uint32_t id, unsigned long count)
{
	int32_t program = filters_program(odd, sizeof(odd) / sizeof(*odd));
	int i, status, failed = 0;

	for (i = 0; i < SWAPPERS; i++) {
		if (fork())
			continue;
		filters_swap_in_turns(id, program, count / SWAPPERS);
		_exit(0);
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}

static int filters_judged(void)
{
	unsigned long kept[2] = { 0, 0 }, wrong = 0;
	struct pcapring_file_header header;
	struct pcapring_record record;
	uint8_t packet[PCAPRING_SNAPLEN_MAX];

	if (!fread(&header, sizeof(header), 1, stdin))
		die("no savefile");
	while (fread(&record, sizeof(record), 1, stdin)) {
		if (!fread(packet, record.caplen, 1, stdin))
			die("a torn record");
		if (record.caplen == (packet[NUMBER_AT] & 1 ? EXTENDED_BYTES :
				      CLASSIC_BYTES))
			kept[packet[NUMBER_AT] & 1]++;
		else
			wrong++;
	}
	printf("%lu %lu\n", kept[0], kept[1]);
	if (wrong)
		fprintf(stderr, "%lu packets kept by neither filter\n", wrong);
	return wrong != 0;
}

static void filters_load(uint32_t id)
{
	int32_t program = filters_program(all, sizeof(all) / sizeof(*all));
	struct bpf_prog_info info;
	union bpf_attr attr;

	filters_set(message_open(), id, PCAPRING_A_FILTER_FD, &program,
		    sizeof(program));
	memset(&attr, 0, sizeof(attr));
	memset(&info, 0, sizeof(info));
	attr.info.bpf_fd = program;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	if (filters_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr))
		die("BPF_OBJ_GET_INFO_BY_FD");
	printf("%u\n", info.id);
}

static int filters_alive(uint32_t number)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = number;
	return filters_bpf(BPF_PROG_GET_FD_BY_ID, &attr) < 0;
}

int main(int argc, char **argv)
{
	uint32_t number = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

	if (argc == 4 && !strcmp(argv[1], "swap"))
		return filters_swap(number, strtoul(argv[3], NULL, 10));
	else if (argc == 2 && !strcmp(argv[1], "judged"))
		return filters_judged();
	else if (argc == 3 && !strcmp(argv[1], "load"))
		filters_load(number);
	else if (argc == 3 && !strcmp(argv[1], "alive"))
		return filters_alive(number);
	else
		return 2;
	return 0;
}
