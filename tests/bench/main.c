// SPDX-License-Identifier: MIT
/*
 * Run, one message a packet: the relay beside a naive sender, both reading the
 * same ring in a memfd and sending to the same receiver, a process that
 * discards what it gets. The sender has the first CPU, the receiver the last.
 * Rounds are paired; what is printed are medians. Where other programs compete
 * for the CPUs, the ratio of CPU times says more than that of rates.
 */
#include <sched.h>
#include <signal.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "extent.h"
#include "memring.h"
#include "merge.h"
#include "naive.h"
#include "reader.h"
#include "receiver.h"
#include "relay.h"
#include "stream.h"
#include "watch.h"

#define BENCH_ROUNDS		5

static const struct {
	uint32_t bytes;
	unsigned int packets;
	double expected;
} bench_sizes[] = {
	{ 64, 200000, 3.5 },
	{ 512, 150000, 3.0 },
	{ 1500, 100000, 2.5 },
};

/**
 * struct bench_figure - one run
 * @rate: messages a second
 * @cpu: of the sending process, microseconds a message
 */
struct bench_figure {
	double rate;
	double cpu;
};

static void bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static double bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static double bench_cpu(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static pid_t bench_start_receiver(int *port)
{
	const struct receiver discard = {};
	int ready[2];
	pid_t pid;

	if (pipe(ready))
		abort();
	pid = fork();
	if (!pid) {
		bench_pin(sysconf(_SC_NPROCESSORS_ONLN) - 1);
		receiver_run(&discard, 0, ready[1], -1);
	}
	if (pid < 0 || read(ready[0], port, sizeof(*port)) != sizeof(*port))
		abort();
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* All packets of a run: producing them costs the sender nothing. */
static void bench_fill(struct memring *memring, uint32_t bytes, unsigned int packets)
{
	struct pcapring_record header = { .caplen = bytes, .len = bytes };
	uint64_t ring_bytes = 1 << 20;
	uint8_t data[2048];

	while (ring_bytes < (uint64_t)packets * (sizeof(header) + bytes))
		ring_bytes *= 2;
	memset(data, 0x5a, sizeof(data));
	memring_create(memring, 1, ring_bytes, 0);
	for (unsigned int i = 0; i < packets; i++) {
		header.ts_sec = 1700000000 + i / 1000000;
		header.ts_nsec = i % 1000000 * 1000;
		if (!memring_append(memring, 0, &header, data))
			abort();
	}
}

static bool bench_relay(struct source *source, const char *target)
{
	struct extents extents;
	struct watch watch;
	struct relay_counts counts;
	struct relay_config config = {
		.source = source,
		.watch = &watch,
		.extents = &extents,
		.target = target,
	};
	bool ok;

	extents_init(&extents, source->ring_bytes);
	metadata_defaults(&config.metadata);
	config.stream = stream_new(target, false, &extents, 1);
	ok = relay_run(&config, &counts);
	stream_free(config.stream);
	relay_release(source, &extents);
	return ok;
}

/* Each run's "connected to" is no news; its failure is an exit status. */
static void bench_quiet(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null >= 0)
		dup2(null, STDERR_FILENO);
}

static void bench_send(const struct memring *memring, bool naive, const char *target,
		       unsigned int packets, struct bench_figure *figure)
{
	struct reader reader;
	struct merge merge;
	double time, cpu;

	bench_pin(0);
	bench_quiet();
	if (!reader_open_fd(&reader, dup(memring->fd), "memring"))
		abort();
	merge_open(&merge, &reader);
	merge.source.stop(&merge.source);
	time = bench_now();
	cpu = bench_cpu();
	if (naive)
		naive_run(&merge.source, target);
	else if (!bench_relay(&merge.source, target))
		abort();
	figure->rate = packets / (bench_now() - time);
	figure->cpu = (bench_cpu() - cpu) / packets * 1e6;
}

/* In a process of its own: neither run leaves anything to the other. */
static struct bench_figure bench_run(const struct memring *memring, bool naive,
				     int port, unsigned int packets)
{
	struct bench_figure *shared = mmap(NULL, sizeof(*shared),
					   PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct bench_figure figure;
	char target[32];
	int status;
	pid_t pid;

	if (shared == MAP_FAILED)
		abort();
	snprintf(target, sizeof(target), "127.0.0.1:%d", port);
	memring_consumer(memring, 0)->tail = 0;
	pid = fork();
	if (!pid) {
		bench_send(memring, naive, target, packets, shared);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		abort();
	figure = *shared;
	munmap(shared, sizeof(*shared));
	return figure;
}

static int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double bench_median(double *values)
{
	qsort(values, BENCH_ROUNDS, sizeof(*values), bench_compare);
	return values[BENCH_ROUNDS / 2];
}

static void bench_size(int port, uint32_t bytes, unsigned int packets,
		       double expected)
{
	double rates[2][BENCH_ROUNDS], cpus[2][BENCH_ROUNDS];
	double faster[BENCH_ROUNDS], cheaper[BENCH_ROUNDS];
	struct memring memring;

	bench_fill(&memring, bytes, packets);
	for (int i = 0; i < BENCH_ROUNDS; i++) {
		for (int naive = 0; naive < 2; naive++) {
			struct bench_figure figure =
				bench_run(&memring, naive, port, packets);

			rates[naive][i] = figure.rate;
			cpus[naive][i] = figure.cpu;
		}
		faster[i] = rates[0][i] / rates[1][i];
		cheaper[i] = cpus[1][i] / cpus[0][i];
	}
	memring_destroy(&memring);
	printf("%6u %12.0f %7.2f %12.0f %7.2f %8.2f %8.2f %9.1f\n", bytes,
	       bench_median(rates[1]), bench_median(cpus[1]),
	       bench_median(rates[0]), bench_median(cpus[0]),
	       bench_median(faster), bench_median(cheaper), expected);
	fflush(stdout);
}

int main(void)
{
	pid_t receiver;
	int port;

	receiver = bench_start_receiver(&port);
	printf("%6s %20s %20s %17s\n", "packet", "naive sender", "pcapring-relay",
	       "ratio");
	printf("%6s %12s %7s %12s %7s %8s %8s %9s\n", "bytes", "messages/s",
	       "CPU us", "messages/s", "CPU us", "rates", "CPU", "expected");
	fflush(stdout);
	for (size_t i = 0; i < sizeof(bench_sizes) / sizeof(bench_sizes[0]); i++)
		bench_size(port, bench_sizes[i].bytes, bench_sizes[i].packets,
			   bench_sizes[i].expected);
	kill(receiver, SIGKILL);
	waitpid(receiver, NULL, 0);
	return EXIT_SUCCESS;
}
