// SPDX-License-Identifier: MIT
#include "control/program.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"

static const char *program_hint(int error)
{
	switch (error) {
	case ENOENT:
		return "nothing is pinned there: 'bpftool prog load' pins a program, in a bpffs, as /sys/fs/bpf/NAME";
	case EACCES:
		return "no object of eBPF, or not permitted: takes a program that is pinned in a bpffs, as /sys/fs/bpf/NAME, and root";
	case EPERM:
		return "Operation not permitted: run it as root";
	default:
		return strerror(error);
	}
}

int program_open(const char *path)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)path;
	fd = syscall(__NR_bpf, BPF_OBJ_GET, &attr, sizeof(attr));
	if (fd < 0)
		log_error("filter bpf '%s': %s", path, program_hint(errno));
	return fd;
}
