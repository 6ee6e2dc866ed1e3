// SPDX-License-Identifier: MIT
/*
 * bench-discard run|records|bytes|echo: listens on a free port of 127.0.0.1,
 * prints its number, and discards what it receives, or sends it back, one call
 * or connection after the other, until it is killed.
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "receiver.h"

#define DISCARD_BYTES	(256 << 10)	/* read at once */

static void discard_connections(bool echo)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0), one, yes = 1;
	static char bytes[DISCARD_BYTES];
	ssize_t n;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&address, &size))
		abort();
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	while ((one = accept(fd, NULL, NULL)) >= 0) {
		setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		while ((n = read(one, bytes, sizeof(bytes))) > 0)
			if (echo && write(one, bytes, n) != n)
				abort();
		close(one);
	}
}

/* The receiver tells its port to a pipe, as a number. */
static void discard_calls(bool records)
{
	const struct receiver receiver = { .records = records };
	int ready[2], port;
	pid_t pid;

	if (pipe(ready))
		abort();
	pid = fork();
	if (pid < 0)
		abort();
	if (pid) {
		receiver_run(&receiver, 0, ready[1], -1);
		return;
	}
	if (read(ready[0], &port, sizeof(port)) != sizeof(port))
		abort();
	printf("%d\n", port);
	fflush(stdout);
	_exit(EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
	/* as pcapring-collector does: what came makes room for what comes */
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	if (argc == 2 && (!strcmp(argv[1], "bytes") || !strcmp(argv[1], "echo")))
		discard_connections(*argv[1] == 'e');
	else if (argc == 2 && (!strcmp(argv[1], "run") || !strcmp(argv[1], "records")))
		discard_calls(!strcmp(argv[1], "records"));
	else
		return fprintf(stderr, "usage: %s run|records|bytes|echo\n", *argv), 2;
	return EXIT_SUCCESS;
}
