// SPDX-License-Identifier: MIT
/*
 * pin PATH BYTES: load an eBPF socket filter that keeps so many bytes of each
 * packet (0: refuses it), and pin it at PATH. pin PATH map: pin a map instead.
 */
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int pin_bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

static int pin_program(int32_t verdict)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = sizeof(program) / sizeof(*program);
	attr.license = (uintptr_t)"GPL";
	return pin_bpf(BPF_PROG_LOAD, &attr);
}

static int pin_map(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = 4;
	attr.max_entries = 1;
	return pin_bpf(BPF_MAP_CREATE, &attr);
}

int main(int argc, char **argv)
{
	union bpf_attr attr;
	int fd;

	if (argc != 3)
		return 2;
	fd = strcmp(argv[2], "map") ? pin_program(atoi(argv[2])) : pin_map();
	if (fd < 0) {
		perror("bpf");
		return 1;
	}
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)argv[1];
	attr.bpf_fd = fd;
	if (pin_bpf(BPF_OBJ_PIN, &attr)) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
