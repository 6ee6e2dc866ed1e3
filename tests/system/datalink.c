// SPDX-License-Identifier: MIT
/*
 * datalink INTERFACE...: the link type that libpcap chooses for each, as it
 * writes it into a savefile's header: "INTERFACE NUMBER", one a line.
 */
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINKTYPE_OFFSET	20	/* in the header; pcap-savefile(5) */

/* A dead handle's savefile: the number in it differs from pcap_datalink()'s. */
static uint32_t datalink_in_savefile(int datalink)
{
	char header[64];
	FILE *file = fmemopen(header, sizeof(header), "w");
	pcap_t *dead = pcap_open_dead(datalink, 65535);
	pcap_dumper_t *dumper = pcap_dump_fopen(dead, file);
	uint32_t linktype;

	if (!dumper || pcap_dump_flush(dumper)) {
		fprintf(stderr, "datalink: %s\n", pcap_geterr(dead));
		exit(1);
	}
	memcpy(&linktype, header + LINKTYPE_OFFSET, sizeof(linktype));
	pcap_dump_close(dumper);
	pcap_close(dead);
	return linktype;
}

static uint32_t datalink_of(const char *interface)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *live = pcap_create(interface, error);
	int datalink;

	if (!live || pcap_activate(live) < 0) {
		fprintf(stderr, "datalink: %s: %s\n", interface,
			live ? pcap_geterr(live) : error);
		exit(1);
	}
	datalink = pcap_datalink(live);
	pcap_close(live);
	return datalink_in_savefile(datalink);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		printf("%s %u\n", argv[i], datalink_of(argv[i]));
	return 0;
}
