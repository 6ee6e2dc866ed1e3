// SPDX-License-Identifier: MIT
/* What the stream holds of a ring while messages are in core's hands. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "channel/extent.h"
#include "channel/run.h"
#include "channel/stream.h"
#include "memring.h"
#include "receiver.h"
#include "relay.h"
#include "source/merge.h"
#include "source/reader.h"
#include "source/source.h"

#define PACKETS		5
#define RECORD(caplen)	(sizeof(struct pcapring_record) + (caplen))

static char target[64];

/* Who comes after a relay that was killed begins at the tail. */
static void the_tail_lies_between_records_while_core_holds_packets(void **state)
{
	const uint32_t caplens[PACKETS] = { 60, 2000, 1500, 60, 3000 };
	static uint8_t data[4096];
	struct memring memring;
	struct reader reader;
	struct merge merge;
	struct extents extents;
	struct metadata metadata;
	struct packet packet;
	struct stream *stream;
	struct stream_call *call;
	struct run run;
	void *context;
	int i;

	(void)state;
	memring_create(&memring, 1, 1 << 20, 0);
	for (i = 0; i < PACKETS; i++) {
		struct pcapring_record header = { .caplen = caplens[i], .len = caplens[i] };

		assert_true(memring_append(&memring, 0, &header, data));
	}
	assert_true(reader_open_fd(&reader, dup(memring.fd), "memring"));
	merge_open(&merge, &reader);
	extents_init(&extents, 1 << 20);
	metadata_defaults(&metadata);
	stream = stream_new(target);
	run_init(&run, stream, &extents, 1, false);
	call = run_call(&run, &metadata, true, NULL);
	assert_int_equal(stream_wait(stream, -1, &context), STREAM_OPENED);

	/* a burst without an end: the stream keeps its extent */
	for (i = 0; i < PACKETS; i++) {
		assert_int_equal(merge.source.next(&merge.source, &packet), SOURCE_PACKET);
		run_send(&run, call, &packet, false);
		assert_int_equal(stream_wait(stream, -1, &context), STREAM_SENT);
		relay_release(&merge.source, &extents);
		assert_int_equal(memring_consumer(&memring, 0)->tail, RECORD(60));
	}
	run_let_go(&run);
	stream_free(stream);
	relay_release(&merge.source, &extents);
	assert_int_equal(memring_consumer(&memring, 0)->tail,
			 memring_producer(&memring, 0)->head);

	reader_close(&reader);
	memring_destroy(&memring);
}

/* A burst that never ends must not hold what was read long ago. */
static void a_burst_without_end_lets_go(void **state)
{
	const uint32_t ring_bytes = 1 << 20;
	static uint8_t data[4096];
	struct memring memring;
	struct reader reader;
	struct merge merge;
	struct extents extents;
	struct metadata metadata;
	struct packet packet;
	struct stream *stream;
	struct stream_call *call;
	struct run run;
	void *context;

	(void)state;
	memring_create(&memring, 1, ring_bytes, 0);
	assert_true(reader_open_fd(&reader, dup(memring.fd), "memring"));
	merge_open(&merge, &reader);
	extents_init(&extents, ring_bytes);
	metadata_defaults(&metadata);
	stream = stream_new(target);
	run_init(&run, stream, &extents, 1, false);
	call = run_call(&run, &metadata, true, NULL);
	assert_int_equal(stream_wait(stream, -1, &context), STREAM_OPENED);

	/* one that is referred to, then small ones, several rings full of them */
	for (int i = 0; i < 60000; i++) {
		struct pcapring_record header = { .caplen = i ? 60 : 2000 };

		header.len = header.caplen;
		assert_true(memring_append(&memring, 0, &header, data));
		assert_int_equal(merge.source.next(&merge.source, &packet), SOURCE_PACKET);
		run_send(&run, call, &packet, false);
		assert_int_equal(stream_wait(stream, -1, &context), STREAM_SENT);
		relay_release(&merge.source, &extents);
	}

	run_let_go(&run);
	stream_free(stream);
	reader_close(&reader);
	memring_destroy(&memring);
}

/* gRPC does not show its sockets. */
static unsigned int longest_silence(void)
{
	unsigned int longest = 0;

	for (int fd = 0; fd < 256; fd++) {
		unsigned int ms = 0;
		socklen_t size = sizeof(ms);

		if (!getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &size) && ms > longest)
			longest = ms;
	}
	return longest;
}

/* Run has no Acks: what goes to a machine that is gone would go there for long. */
static void a_peer_that_is_gone_is_noticed(void **state)
{
	struct metadata metadata;
	struct stream *stream;
	struct run run;
	void *context;

	(void)state;
	metadata_defaults(&metadata);
	stream = stream_new(target);
	run_init(&run, stream, NULL, 0, false);
	run_call(&run, &metadata, true, NULL);
	assert_int_equal(stream_wait(stream, -1, &context), STREAM_OPENED);
	assert_in_range(longest_silence(), 1, 60000);
	stream_free(stream);
}

static unsigned int probes;

bool __wrap_probe_explain(const struct tls *tls, const char *to, const char *name, char *fault);

bool __wrap_probe_explain(const struct tls *tls, const char *to, const char *name, char *fault)
{
	(void)tls;
	(void)to;
	(void)name;
	snprintf(fault, TLS_FAULT_MAX, "it is number %u", ++probes);
	return probes == 3;
}

/* All rings' calls fail together; rings wait while somebody looks why. */
static void calls_that_fail_together_are_looked_into_once(void **state)
{
	static const uint8_t said[] = "handshake failed";
	static const struct tls tls;
	struct stream_end end = {};

	(void)state;
	for (int i = 0; i < 64; i++) {
		stream_end_describe(&end, 14, said, sizeof(said) - 1);
		stream_end_explain(&end, &tls, "host:1", NULL);
		assert_string_equal(end.reason, "it is number 1");
	}
	end.fault_until = 0;
	stream_end_describe(&end, 14, said, sizeof(said) - 1);
	stream_end_explain(&end, &tls, "host:1", NULL);
	assert_string_equal(end.reason, "it is number 2");
	/* nothing is found */
	end.fault_until = 0;
	for (int i = 0; i < 64; i++) {
		stream_end_describe(&end, 14, said, sizeof(said) - 1);
		stream_end_explain(&end, &tls, "host:1", NULL);
		assert_string_equal(end.reason, "UNAVAILABLE: handshake failed");
	}
	assert_int_equal(probes, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tail_lies_between_records_while_core_holds_packets),
		cmocka_unit_test(a_burst_without_end_lets_go),
		cmocka_unit_test(a_peer_that_is_gone_is_noticed),
		cmocka_unit_test(calls_that_fail_together_are_looked_into_once),
	};

	/* before gRPC has threads here: a fork would not have them */
	pid_t receiver = receiver_start(target, sizeof(target));
	int failed = cmocka_run_group_tests_name("stream", tests, NULL, NULL);

	kill(receiver, SIGKILL);
	waitpid(receiver, NULL, 0);
	return failed;
}
