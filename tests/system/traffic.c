// SPDX-License-Identifier: MIT
/*
 * traffic [-c CPUS] [-s SIZE] [-p PORT] [-i MICROSECONDS] [-r] ADDRESS COUNT
 *
 * Send COUNT numbered datagrams of SIZE bytes each, from one thread on each of
 * CPUS processors, MICROSECONDS apart. Thread k numbers its own upwards from
 * k * COUNT / CPUS. With -r each is between 20 and SIZE bytes, by its number.
 * COUNT 0: until SIGTERM; then it prints how many it sent. Only what the kernel
 * took is counted: while there is no way out, it tries again.
 */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "savefile.h"

static struct {
	unsigned long cpus, size, pause, count;
	bool random;
	struct addrinfo *to;
} options = { .cpus = 1, .size = 100 };

static volatile sig_atomic_t stopped;

static void traffic_stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static size_t traffic_size(uint64_t number)
{
	if (!options.random)
		return options.size;
	return SAVEFILE_MARK_BYTES + (number * 7919) %
	       (options.size - SAVEFILE_MARK_BYTES + 1);
}

static void traffic_pin(unsigned long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (options.cpus > 1)
		sched_setaffinity(0, sizeof(set), &set);
}

static void traffic_send(int fd, uint8_t *datagram, uint64_t number)
{
	size_t i, size = traffic_size(number);

	memcpy(datagram, SAVEFILE_MARK, 8);
	for (i = 0; i < 8; i++)
		datagram[8 + i] = number >> (56 - 8 * i);
	while (sendto(fd, datagram, size, 0, options.to->ai_addr,
		      options.to->ai_addrlen) < 0 && !stopped)
		usleep(1000);
}

static void *traffic_thread(void *argument)
{
	unsigned long cpu = (uintptr_t)argument;
	uint64_t each = options.count / options.cpus;
	int fd = socket(options.to->ai_family, SOCK_DGRAM, 0);
	uint8_t datagram[65536];
	uint64_t i;

	traffic_pin(cpu);
	memset(datagram, 'p', sizeof(datagram));
	for (i = 0; (!options.count || i < each) && !stopped; i++) {
		traffic_send(fd, datagram, cpu * each + i);
		if (options.pause)
			usleep(options.pause);
	}
	close(fd);
	return (void *)(uintptr_t)i;
}

int main(int argc, char **argv)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				  .ai_socktype = SOCK_DGRAM };
	struct sigaction action = { .sa_handler = traffic_stop };
	const char *port = "9";
	pthread_t threads[64];
	unsigned long i, total = 0;
	void *sent = NULL;
	int option;

	while ((option = getopt(argc, argv, "c:s:p:i:r")) != -1)
		switch (option) {
		case 'c': options.cpus = strtoul(optarg, NULL, 10); break;
		case 's': options.size = strtoul(optarg, NULL, 10); break;
		case 'p': port = optarg; break;
		case 'i': options.pause = strtoul(optarg, NULL, 10); break;
		case 'r': options.random = true; break;
		default: return 2;
		}
	if (argc - optind != 2 || options.cpus < 1 || options.cpus > 64 ||
	    options.size < SAVEFILE_MARK_BYTES || options.size > 65000)
		return 2;
	options.count = strtoul(argv[optind + 1], NULL, 10);
	if (getaddrinfo(argv[optind], port, &hints, &options.to))
		return 2;
	sigaction(SIGTERM, &action, NULL);
	for (i = 0; i < options.cpus; i++)
		pthread_create(&threads[i], NULL, traffic_thread,
			       (void *)(uintptr_t)i);
	for (i = 0; i < options.cpus; i++) {
		pthread_join(threads[i], &sent);
		total += (uintptr_t)sent;
	}
	if (!options.count)
		printf("%lu\n", total);
	freeaddrinfo(options.to);
	return 0;
}
