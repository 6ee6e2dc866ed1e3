// SPDX-License-Identifier: MIT
/* When the relay works and when it sleeps, on a ring in a memfd. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "channel/extent.h"
#include "channel/stream.h"
#include "memring.h"
#include "receiver.h"
#include "relay.h"
#include "source/merge.h"
#include "source/reader.h"
#include "source/source.h"
#include "watch.h"

/* A relay that sleeps through everything is ended by SIGALRM. */
#define PATIENCE_SECONDS	20

struct fixture {
	struct merge merge;
	bool (*sleep)(struct source *source);	/* merge's own */
	struct memring memring;
	struct reader reader;
	int signals;
	unsigned int late;			/* packets that come while it falls asleep */
};

static struct fixture fixture;

static void append(void)
{
	const struct pcapring_record header = { .caplen = 4, .len = 4 };

	assert_true(memring_append(&fixture.memring, 0, &header, "late"));
}

/* Packets come after the relay found none, before it said that it sleeps. */
static bool sleep_late(struct source *source)
{
	if (fixture.late) {
		fixture.late--;
		append();
	} else {
		assert_int_equal(eventfd_write(fixture.signals, 1), 0);
	}
	return fixture.sleep(source);
}

static void set_up_source(int never_ready)
{
	memring_create(&fixture.memring, 1, 1 << 16, 0);
	assert_true(reader_open_fd(&fixture.reader, dup(fixture.memring.fd), "memring"));
	merge_open(&fixture.merge, &fixture.reader);
	fixture.sleep = fixture.merge.source.sleep;
	fixture.merge.source.sleep = sleep_late;
	/* no poll comes to the rescue */
	fixture.merge.source.fd = never_ready;
	fixture.signals = eventfd(0, EFD_CLOEXEC);
}

static void packets_that_come_while_it_falls_asleep_are_sent(void **state)
{
	char target[64];
	pid_t receiver = receiver_start(target, sizeof(target));
	int never_ready = eventfd(0, EFD_CLOEXEC);
	struct relay_counts counts;
	struct extents extents;
	struct watch watch;
	struct relay_config config = {
		.source = &fixture.merge.source,
		.watch = &watch,
		.extents = &extents,
		.target = target,
	};

	(void)state;
	fixture.late = 3;
	set_up_source(never_ready);
	extents_init(&extents, 1 << 16);
	metadata_defaults(&config.metadata);
	config.stream = stream_new(target);
	assert_true(watch_start(&watch, fixture.signals, never_ready, stream_wake, config.stream));

	alarm(PATIENCE_SECONDS);
	assert_true(relay_run(&config, &counts));
	alarm(0);
	assert_int_equal(counts.packets, 3);

	watch_stop(&watch);
	stream_free(config.stream);
	reader_close(&fixture.reader);
	memring_destroy(&fixture.memring);
	close(fixture.signals);
	close(never_ready);
	kill(receiver, SIGKILL);
	waitpid(receiver, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_that_come_while_it_falls_asleep_are_sent),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
