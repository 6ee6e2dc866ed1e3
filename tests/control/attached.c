// SPDX-License-Identifier: MIT
/*
 * attached INTERFACE EXPR: the filter that libpcap gives to the kernel for a
 * capture as tcpdump makes it ("any": of link type LINUX_SLL2), in the manner
 * of tcpdump -ddd; 0 instructions where it keeps the filter to itself.
 */
#include <linux/filter.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static int attached_print(int fd)
{
	struct sock_filter program[BPF_MAXINSNS];
	socklen_t length = BPF_MAXINSNS;

	if (getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, program, &length)) {
		perror("SO_GET_FILTER");
		return 1;
	}
	printf("%u\n", length);
	for (socklen_t i = 0; i < length; i++)
		printf("%u %u %u %u\n", program[i].code, program[i].jt,
		       program[i].jf, program[i].k);
	return 0;
}

static bool attached_open(pcap_t *pcap, const char *interface, const char *expression)
{
	struct bpf_program code;
	bool done;

	pcap_set_snaplen(pcap, 262144);
	if (pcap_activate(pcap) < 0)
		return false;
	if (!strcmp(interface, "any") && pcap_set_datalink(pcap, DLT_LINUX_SLL2))
		return false;
	if (pcap_compile(pcap, &code, expression, 1, 0))
		return false;
	done = !pcap_setfilter(pcap, &code);
	pcap_freecode(&code);
	return done;
}

int main(int argc, char **argv)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap;
	int status = 1;

	if (argc != 3)
		return 2;
	pcap = pcap_create(argv[1], error);
	if (!pcap)
		return 1;
	if (attached_open(pcap, argv[1], argv[2]))
		status = attached_print(pcap_fileno(pcap));
	else
		pcap_perror(pcap, argv[1]);
	pcap_close(pcap);
	return status;
}
