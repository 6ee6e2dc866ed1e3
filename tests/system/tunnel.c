// SPDX-License-Identifier: MIT
/*
 * tunnel NAME: a tun device that sends every IPv4 packet back to where it came
 * from, so that its whole network answers ping. Lives until it is killed.
 */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device_map.h"

int main(int argc, char **argv)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR);
	uint8_t packet[65536], address[4];
	ssize_t length;

	if (argc != 2)
		return 2;
	strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		die("tun device %s", argv[1]);
	while ((length = read(fd, packet, sizeof(packet))) > 0) {
		if (length < 20 || packet[0] >> 4 != 4)
			continue;
		memcpy(address, packet + 12, 4);
		memcpy(packet + 12, packet + 16, 4);
		memcpy(packet + 16, address, 4);
		if (write(fd, packet, length) != length)
			die("write to %s", argv[1]);
	}
	return 0;
}
