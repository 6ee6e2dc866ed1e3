// SPDX-License-Identifier: MIT
/*
 * What arrives, from rings in a memfd to a receiver in another process (this
 * program again). A pipe stands for the device's poll: it is readable after
 * poke(), and hangs up when the capture is deleted.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>

#include "unit.h"

#include "channel/extent.h"
#include "channel/stream.h"
#include "common/log.h"
#include "memring.h"
#include "packet_streaming.pb-c.h"
#include "receiver.h"
#include "relay.h"
#include "source/merge.h"
#include "source/reader.h"
#include "source/source.h"
#include "watch.h"

#define PATIENCE_MS	60000
#define RINGS		2
#define DATA_MAX	65536

/* What a receiver tells of each packet. */
struct arrival {
	uint32_t number;
	uint32_t caplen;
	bool intact;
};

struct peer {
	pid_t pid;
	int port;
	int arrivals;
};

struct fixture {
	struct memring memring;
	struct reader reader;
	struct merge merge;
	struct extents extents[RINGS];
	struct watch watch;
	struct relay_config config;
	struct relay_counts counts;
	char target[32];
	int poll[2];
	int signals;
	pthread_t thread;
	bool result;
	uint32_t written;
};

/* A packet's bytes tell its number: memory that is reused too early shows. */
static void fill(uint8_t *data, uint32_t caplen, uint32_t number)
{
	for (uint32_t i = 0; i < caplen; i++)
		data[i] = number * 131 + i;
}

static bool intact(const PacketStreaming__Packet *packet)
{
	static uint8_t expected[DATA_MAX];

	if (packet->header->caplen != packet->data->data.len)
		return false;
	fill(expected, packet->header->caplen, packet->header->ts_sec);
	return !packet->header->caplen ||
	       !memcmp(packet->data->data.data, expected, packet->header->caplen);
}

static void arrive(void *context, grpc_byte_buffer *message)
{
	struct arrival arrival = {};
	grpc_byte_buffer_reader reader;
	PacketStreaming__Packet *packet;
	grpc_slice slice;

	grpc_byte_buffer_reader_init(&reader, message);
	slice = grpc_byte_buffer_reader_readall(&reader);
	packet = packet_streaming__packet__unpack(NULL, GRPC_SLICE_LENGTH(slice),
						  GRPC_SLICE_START_PTR(slice));
	if (!packet || !packet->header || !packet->data)
		_exit(1);
	arrival.number = packet->header->ts_sec;
	arrival.caplen = packet->header->caplen;
	arrival.intact = intact(packet);
	packet_streaming__packet__free_unpacked(packet, NULL);
	grpc_slice_unref(slice);
	grpc_byte_buffer_reader_destroy(&reader);
	if (write(*(int *)context, &arrival, sizeof(arrival)) != sizeof(arrival))
		_exit(1);
}

/* Arguments: port, descriptors of ready and arrivals, refuse, pause, calls. */
static int be_peer(char **arguments)
{
	int arrivals = atoi(arguments[2]);
	const struct receiver receiver = {
		.message = arrive,
		.context = &arrivals,
		.refuse = atoi(arguments[3]),
		.pause = atoi(arguments[4]),
	};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	receiver_run(&receiver, atoi(arguments[0]), atoi(arguments[1]),
		     atoi(arguments[5]));
	return 0;
}

static void exec_peer(int port, int ready, int arrivals, int refuse, int pause,
		      int calls)
{
	const int numbers[] = { port, ready, arrivals, refuse, pause, calls };
	char texts[6][16], *arguments[9] = { "test_delivery", "peer" };

	for (int i = 0; i < 6; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%d", numbers[i]);
		arguments[2 + i] = texts[i];
	}
	fcntl(ready, F_SETFD, 0);
	fcntl(arrivals, F_SETFD, 0);
	execv("/proc/self/exe", arguments);
	_exit(127);
}

/*
 * Start a receiver on @port, 0: any. It answers calls with status @refuse, or
 * reads them after @pause milliseconds, and is gone after @calls of them.
 */
static void start_peer(struct peer *peer, int port, int refuse, int pause, int calls)
{
	int ready[2], arrivals[2];

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(arrivals, O_CLOEXEC), 0);
	assert_true(fcntl(arrivals[0], F_SETPIPE_SZ, 1 << 20) > 0);
	peer->pid = fork();
	if (!peer->pid)
		exec_peer(port, ready[1], arrivals[1], refuse, pause, calls);
	close(ready[1]);
	close(arrivals[1]);
	assert_int_equal(read(ready[0], &peer->port, sizeof(int)), sizeof(int));
	close(ready[0]);
	peer->arrivals = arrivals[0];
}

static void end_peer(struct peer *peer)
{
	waitpid(peer->pid, NULL, 0);
	close(peer->arrivals);
}

/* A port that nobody listens on. */
static int free_port(void)
{
	struct peer peer;

	start_peer(&peer, 0, 0, 0, 0);
	end_peer(&peer);
	return peer.port;
}

/* The next packet that arrived. False: the receiver is gone. */
static bool next_arrival(const struct peer *peer, struct arrival *arrival)
{
	struct pollfd fd = { .fd = peer->arrivals, .events = POLLIN };

	assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
	return read(peer->arrivals, arrival, sizeof(*arrival)) == sizeof(*arrival);
}

static void expect(const struct peer *peer, uint32_t number, uint32_t caplen)
{
	struct arrival arrival;

	assert_true(next_arrival(peer, &arrival));
	assert_int_equal(arrival.number, number);
	assert_int_equal(arrival.caplen, caplen);
	assert_true(arrival.intact);
}

/* What the device's poll does by itself: it is ready for what comes now. */
static bool drain_and_sleep(struct source *source)
{
	struct merge *merge = (struct merge *)source;
	char bytes[256];

	while (read(source->fd, bytes, sizeof(bytes)) > 0)
		;
	return reader_seen(merge->reader);
}

static void *run(void *context)
{
	struct fixture *f = context;

	f->result = relay_run(&f->config, &f->counts);
	return NULL;
}

static void begin(struct fixture *f, int port, uint64_t ring_bytes)
{
	memset(f, 0, sizeof(*f));
	memring_create(&f->memring, RINGS, ring_bytes, 4000000000);
	assert_true(reader_open_fd(&f->reader, dup(f->memring.fd), "memring"));
	merge_open(&f->merge, &f->reader);
	assert_int_equal(pipe2(f->poll, O_NONBLOCK | O_CLOEXEC), 0);
	f->merge.source.fd = f->poll[0];
	f->merge.source.sleep = drain_and_sleep;
	for (int i = 0; i < RINGS; i++)
		extents_init(&f->extents[i], ring_bytes);
	snprintf(f->target, sizeof(f->target), "127.0.0.1:%d", port);
	f->config.source = &f->merge.source;
	f->config.watch = &f->watch;
	f->config.extents = f->extents;
	f->config.target = f->target;
	metadata_defaults(&f->config.metadata);
}

static void start(struct fixture *f)
{
	f->config.stream = stream_new(f->target);
	f->signals = eventfd(0, EFD_CLOEXEC);
	assert_true(watch_start(&f->watch, f->signals, f->poll[0], stream_wake,
				f->config.stream));
	assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

static void stop(struct fixture *f)
{
	assert_int_equal(eventfd_write(f->signals, 1), 0);
}

static void join(struct fixture *f)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	assert_int_equal(pthread_timedjoin_np(f->thread, NULL, &until), 0);
	watch_stop(&f->watch);
	stream_free(f->config.stream);
	relay_release(f->config.source, f->extents);
}

static void end(struct fixture *f)
{
	reader_close(&f->reader);
	memring_destroy(&f->memring);
	close(f->signals);
	close(f->poll[0]);
	if (f->poll[1] >= 0)
		close(f->poll[1]);
}

static void poke(struct fixture *f)
{
	if (write(f->poll[1], "", 1) < 0)
		return;	/* full: so it is readable */
}

/* Append the next packet as soon as there is room for it. */
static void append(struct fixture *f, unsigned int ring, uint32_t caplen)
{
	struct pcapring_record header = {
		.ts_sec = f->written, .caplen = caplen, .len = caplen,
	};
	static uint8_t data[DATA_MAX];

	fill(data, caplen, f->written++);
	for (int i = 0; !memring_append(&f->memring, ring, &header, data); i++) {
		assert_true(i < PATIENCE_MS * 10);
		poke(f);
		usleep(100);
	}
	poke(f);
}

/* Bytes that the kernel may not overwrite yet. */
static uint64_t unreleased(struct fixture *f)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < RINGS; i++)
		bytes += memring_producer(&f->memring, i)->head -
			 memring_consumer(&f->memring, i)->tail;
	return bytes;
}

static void test_memory_is_not_released_too_early(void **state)
{
	static const uint32_t sizes[] = { 60, 1500, 0, 1023, 1024, 4000, 9000, 1500 };
	const uint32_t count = 20000, ahead = 4000;
	struct fixture f;
	struct peer peer;

	(void)state;
	start_peer(&peer, 0, 0, 0, 1);
	begin(&f, peer.port, 1 << 16);
	start(&f);
	for (uint32_t i = 0; i < count; i++) {
		append(&f, i / 8 & 1, sizes[i & 7]);
		if (i >= ahead)
			expect(&peer, i - ahead, sizes[(i - ahead) & 7]);
	}
	stop(&f);
	join(&f);
	for (uint32_t i = count - ahead; i < count; i++)
		expect(&peer, i, sizes[i & 7]);
	assert_true(f.result);
	assert_int_equal(f.counts.packets, count);
	assert_int_equal(f.counts.unconfirmed, 0);
	assert_int_equal(unreleased(&f), 0);
	end(&f);
	end_peer(&peer);
}

static void test_each_packet_leaves_at_once(void **state)
{
	struct fixture f;
	struct peer peer;

	(void)state;
	start_peer(&peer, 0, 0, 0, 1);
	begin(&f, peer.port, 1 << 20);
	start(&f);
	for (uint32_t i = 0; i < 50; i++) {
		append(&f, i & 1, i & 2 ? 100 : 1500);
		expect(&peer, i, i & 2 ? 100 : 1500);
	}
	stop(&f);
	join(&f);
	assert_true(f.result);
	end(&f);
	end_peer(&peer);
}

static void test_packets_wait_for_a_receiver_that_is_away(void **state)
{
	struct fixture f;
	struct peer peer;

	(void)state;
	begin(&f, free_port(), 1 << 20);
	for (int i = 0; i < 10; i++)
		append(&f, 0, 1200);
	start(&f);
	start_peer(&peer, atoi(strchr(f.target, ':') + 1), 0, 0, 1);
	for (uint32_t i = 0; i < 10; i++)
		expect(&peer, i, 1200);
	stop(&f);
	join(&f);
	assert_true(f.result);
	assert_int_equal(f.counts.unconfirmed, 0);
	assert_int_equal(f.counts.reconnects, 0);
	end(&f);
	end_peer(&peer);
}

static void test_a_signal_ends_it_though_nobody_is_there(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, free_port(), 1 << 20);
	append(&f, 1, 1200);
	start(&f);
	stop(&f);
	join(&f);
	assert_true(f.result);
	assert_int_equal(f.counts.packets, 0);
	assert_int_equal(unreleased(&f), 1216);
	end(&f);
}

/* At most once, and what is missing is within what was said. */
static void test_it_goes_on_after_a_receiver_died(void **state)
{
	uint32_t next, missing = 0;
	struct arrival arrival;
	struct fixture f;
	struct peer peer;

	(void)state;
	start_peer(&peer, 0, 0, 0, 1);
	begin(&f, peer.port, 1 << 16);
	start(&f);
	for (uint32_t i = 0; i < 2000; i++)
		append(&f, 0, 1400);
	for (next = 0; next < 1000; next++)
		expect(&peer, next, 1400);
	kill(peer.pid, SIGKILL);
	while (next_arrival(&peer, &arrival))
		assert_int_equal(arrival.number, next++);
	end_peer(&peer);
	start_peer(&peer, peer.port, 0, 0, 1);
	for (uint32_t i = 0; i < 2000; i++)
		append(&f, 0, 1400);
	stop(&f);
	join(&f);
	while (next_arrival(&peer, &arrival)) {
		assert_true(arrival.intact);
		assert_true(arrival.number >= next);
		missing += arrival.number - next;
		next = arrival.number + 1;
	}
	assert_int_equal(next, 4000);
	assert_true(f.result);
	assert_true(missing <= f.counts.unconfirmed);
	assert_int_equal(f.counts.reconnects, 1);
	assert_int_equal(f.counts.packets, 4000);
	assert_int_equal(unreleased(&f), 0);
	end(&f);
	end_peer(&peer);
}

/* What goes out before the refusal arrives is counted; then nothing does. */
static void test_a_refusal_keeps_packets_in_the_ring(void **state)
{
	struct fixture f;
	struct peer peer;

	(void)state;
	start_peer(&peer, 0, 7, 0, 3);	/* PERMISSION_DENIED */
	begin(&f, peer.port, 1 << 20);
	start(&f);
	append(&f, 0, 1200);
	waitpid(peer.pid, NULL, 0);
	append(&f, 0, 1200);
	stop(&f);
	join(&f);
	assert_true(f.counts.packets <= 1);
	assert_int_equal(f.counts.unconfirmed, f.counts.packets);
	assert_int_equal(unreleased(&f), (2 - f.counts.packets) * 1216);
	end(&f);
	close(peer.arrivals);
}

static void test_a_deleted_capture_is_drained(void **state)
{
	struct fixture f;
	struct peer peer;

	(void)state;
	start_peer(&peer, 0, 0, 0, 1);
	begin(&f, peer.port, 1 << 20);
	start(&f);
	append(&f, 0, 1200);
	expect(&peer, 0, 1200);
	append(&f, 0, 1200);
	append(&f, 1, 100);
	close(f.poll[1]);
	f.poll[1] = -1;
	join(&f);
	expect(&peer, 1, 1200);
	expect(&peer, 2, 100);
	assert_true(f.result);
	assert_int_equal(unreleased(&f), 0);
	end(&f);
	end_peer(&peer);
}

static void test_it_waits_for_the_link_type(void **state)
{
	struct fixture f;
	struct peer peer;

	(void)state;
	start_peer(&peer, 0, 0, 0, 1);
	begin(&f, peer.port, 1 << 20);
	f.memring.info->linktype = PCAPRING_LINKTYPE_NONE;
	start(&f);
	poke(&f);	/* for nothing */
	__atomic_store_n(&f.memring.info->linktype, 1, __ATOMIC_RELEASE);
	append(&f, 0, 100);
	expect(&peer, 0, 100);
	stop(&f);
	join(&f);
	assert_true(f.result);
	end(&f);
	end_peer(&peer);
}

static void test_a_slow_receiver_loses_nothing(void **state)
{
	struct fixture f;
	struct peer peer;

	(void)state;
	start_peer(&peer, 0, 0, 1000, 1);
	begin(&f, peer.port, 1 << 18);
	start(&f);
	for (uint32_t i = 0; i < 3000; i++)
		append(&f, 0, 1400);
	stop(&f);
	join(&f);
	for (uint32_t i = 0; i < 3000; i++)
		expect(&peer, i, 1400);
	assert_true(f.result);
	assert_int_equal(unreleased(&f), 0);
	end(&f);
	end_peer(&peer);
}

static void test_a_corrupted_ring_fails_after_what_was_good(void **state)
{
	const struct pcapring_record bad = { .caplen = 1 << 30 };
	struct fixture f;
	struct peer peer;

	(void)state;
	start_peer(&peer, 0, 0, 0, 1);
	begin(&f, peer.port, 1 << 20);
	append(&f, 0, 1200);
	memring_write(&f.memring, 0, memring_producer(&f.memring, 0)->head, &bad,
		      sizeof(bad));
	memring_producer(&f.memring, 0)->head += sizeof(bad);
	start(&f);
	join(&f);
	expect(&peer, 0, 1200);
	assert_false(f.result);
	assert_int_equal(f.counts.unconfirmed, 0);
	end(&f);
	end_peer(&peer);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_not_released_too_early),
		cmocka_unit_test(test_each_packet_leaves_at_once),
		cmocka_unit_test(test_packets_wait_for_a_receiver_that_is_away),
		cmocka_unit_test(test_a_signal_ends_it_though_nobody_is_there),
		cmocka_unit_test(test_it_goes_on_after_a_receiver_died),
		cmocka_unit_test(test_a_refusal_keeps_packets_in_the_ring),
		cmocka_unit_test(test_a_deleted_capture_is_drained),
		cmocka_unit_test(test_it_waits_for_the_link_type),
		cmocka_unit_test(test_a_slow_receiver_loses_nothing),
		cmocka_unit_test(test_a_corrupted_ring_fails_after_what_was_good),
	};

	if (argc == 8 && !strcmp(argv[1], "peer"))
		return be_peer(argv + 2);
	log_open("# test_delivery", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
