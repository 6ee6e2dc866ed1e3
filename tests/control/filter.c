// SPDX-License-Identifier: MIT
/*
 * filter INTERFACE EXPR: what the control program would send to the kernel, in
 * the manner of tcpdump -ddd.
 */
#include "common/filter.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct sock_filter *program;
	size_t length;

	if (argc != 3)
		return 2;
	if (!filter_compile(argv[1], argv[2], &program, &length))
		return 1;
	printf("%zu\n", length);
	for (size_t i = 0; i < length; i++)
		printf("%u %u %u %u\n", program[i].code, program[i].jt,
		       program[i].jf, program[i].k);
	free(program);
	return 0;
}
