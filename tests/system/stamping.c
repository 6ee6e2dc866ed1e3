// SPDX-License-Identifier: MIT
/*
 * stamping: wait until the kernel stamps packets before any tap sees them.
 *
 * The core does so once somebody asked for it, from a workqueue; until then
 * each tap reads the clock for itself, and two taps differ. A TPACKET_V2 ring
 * tells which it was: TP_STATUS_TS_SOFTWARE. Status 1: not within ten seconds.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device_map.h"

#define FRAMES		16
#define FRAME_BYTES	2048

static int stamping_socket(uint8_t **frames)
{
	struct tpacket_req request = {
		.tp_block_size = FRAMES * FRAME_BYTES, .tp_block_nr = 1,
		.tp_frame_size = FRAME_BYTES, .tp_frame_nr = FRAMES,
	};
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex("lo"),
	};
	int version = TPACKET_V2;
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version,
		       sizeof(version)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request,
		       sizeof(request)))
		die("packet socket");
	*frames = mmap(NULL, FRAMES * FRAME_BYTES, PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);
	if (*frames == MAP_FAILED ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die("packet ring");
	return fd;
}

static bool stamping_probe(int packets, struct tpacket2_hdr *frame)
{
	struct sockaddr_in discard = { .sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct pollfd waiting = { .fd = packets, .events = POLLIN };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	sendto(fd, "", 1, 0, (struct sockaddr *)&discard, sizeof(discard));
	close(fd);
	while (!(*(volatile uint32_t *)&frame->tp_status & TP_STATUS_USER))
		if (poll(&waiting, 1, 1000) < 1)
			return false;
	return frame->tp_status & TP_STATUS_TS_SOFTWARE;
}

int main(void)
{
	uint8_t *frames;
	int i;

	for (i = 0; i < 1000; i++) {
		int packets = stamping_socket(&frames);
		bool stamped = stamping_probe(packets, (void *)frames);

		munmap(frames, FRAMES * FRAME_BYTES);
		close(packets);
		if (stamped)
			return 0;
		usleep(10000);
	}
	fprintf(stderr, "the kernel does not stamp packets early\n");
	return 1;
}
