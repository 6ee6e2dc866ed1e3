/* SPDX-License-Identifier: MIT */
/* eBPF programs that others have loaded and pinned in a bpffs. */
#ifndef CONTROL_PROGRAM_H
#define CONTROL_PROGRAM_H

/* A descriptor of what is pinned at @path. -1: standard error has said why. */
int program_open(const char *path);

#endif
