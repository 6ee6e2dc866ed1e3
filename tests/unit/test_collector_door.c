// SPDX-License-Identifier: MIT
/* Who is let in, and who is sent away, with connections over loopback. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "busy.h"
#include "collector/server/accept.h"
#include "collector/server/door.h"
#include "collector/server/penalty.h"
#include "common/log.h"

#define MESSAGE		(64 << 10)
#define MEMORY		(64 << 20)
#define PATIENCE_MS	60000
#define SECOND		UINT64_C(1000000000)

/**
 * struct house - a door, and what core has: a listening socket
 */
struct house {
	struct door *door;
	int listener;
	struct sockaddr_in here;
};

/**
 * struct visit - both ends of a connection
 * @away: the one that connects
 * @here: the one that core would have; -1: it was not let in
 */
struct visit {
	int away;
	int here;
	struct door_ticket ticket;
};

static int set_up(void **state)
{
	static struct house house;
	socklen_t size = sizeof(house.here);

	assert_true(log_to("/dev/null"));
	house.here = (struct sockaddr_in){ .sin_family = AF_INET,
					   .sin_addr = { htonl(INADDR_LOOPBACK) } };
	house.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(house.listener, (struct sockaddr *)&house.here, size), 0);
	assert_int_equal(listen(house.listener, 100), 0);
	getsockname(house.listener, (struct sockaddr *)&house.here, &size);
	house.door = door_open(MESSAGE, MEMORY);
	assert_non_null(house.door);
	accept_watch(ntohs(house.here.sin_port));
	*state = &house;
	return 0;
}

static int tear_down(void **state)
{
	struct house *house = *state;

	door_close(house->door);
	close(house->listener);
	log_to(NULL);
	return 0;
}

/* Somebody connects from 127.0.0.@last. */
static struct visit visit_from(struct house *house, unsigned int last)
{
	struct sockaddr_in from = { .sin_family = AF_INET,
				    .sin_addr = { htonl(0x7f000000 | last) } };
	struct pollfd waits = { .fd = house->listener, .events = POLLIN };
	struct visit visit = { .away = socket(AF_INET, SOCK_STREAM, 0) };
	struct sockaddr_storage peer;
	socklen_t size = sizeof(from);
	char uri[64];

	assert_int_equal(bind(visit.away, (struct sockaddr *)&from, size), 0);
	assert_int_equal(connect(visit.away, (struct sockaddr *)&house->here, size), 0);
	getsockname(visit.away, (struct sockaddr *)&from, &size);
	assert_int_equal(poll(&waits, 1, PATIENCE_MS), 1);
	size = sizeof(peer);
	visit.here = accept4(house->listener, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK);
	snprintf(uri, sizeof(uri), "ipv4:127.0.0.%u:%u", last, ntohs(from.sin_port));
	visit.ticket = door_find(house->door, uri);
	assert_int_equal(visit.ticket.fd, visit.here);
	return visit;
}

static void visit_end(struct visit *visit)
{
	close(visit->away);
	if (visit->here >= 0)
		close(visit->here);
}

/* So many bytes come, and core reads them. */
static void visit_send(struct visit *visit, size_t bytes)
{
	static char block[256 << 10];
	struct pollfd more = { .fd = visit->here, .events = POLLIN };

	while (bytes) {
		size_t part = bytes < sizeof(block) ? bytes : sizeof(block);
		ssize_t n = send(visit->away, block, part, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			return;		/* it was sent away */
		bytes -= n < 0 ? 0 : n;
		if (n < 0)
			poll(&more, 1, PATIENCE_MS);
		while (read(visit->here, block, sizeof(block)) > 0)
			;
	}
	do
		poll(&more, 1, 0);
	while (more.revents & POLLIN && read(visit->here, block, sizeof(block)) > 0);
}

static bool visit_is_over(const struct visit *visit)
{
	struct pollfd end = { .fd = visit->away, .events = POLLIN };

	return poll(&end, 1, 0) == 1;
}

static void visit_wait_over(const struct visit *visit)
{
	struct pollfd end = { .fd = visit->away, .events = POLLIN };

	assert_int_equal(poll(&end, 1, PATIENCE_MS), 1);
}

/* Far more than anybody may send that is no message. */
static void flood(struct house *house, struct visit *visit, size_t bytes)
{
	visit_send(visit, bytes);
	visit_wait_over(visit);
	assert_true(door_find(house->door, "ipv4:127.0.0.1:1").fd < 0);
}

/*
 * A packet of 60 bytes at a time, each with a frame's header, gRPC's and a record of TLS
 * for itself, as one sends who does not gather them.
 */
static void test_small_messages_by_tls_are_no_flood(void **state)
{
	struct house *house = *state;
	struct visit sensor = visit_from(house, 1), other = visit_from(house, 2);

	door_enter(house->door, sensor.ticket, false);
	door_enter(house->door, other.ticket, false);
	for (unsigned int i = 0; i < 600; i++) {
		visit_send(&sensor, 1000 * (60 + 14 + 29));
		for (unsigned int n = 0; n < 1000; n++)
			door_count(house->door, sensor.ticket, 60);
	}
	/* once this one is gone, that one was looked at, too */
	flood(house, &other, 40 << 20);
	assert_false(visit_is_over(&sensor));
	visit_end(&sensor);
	visit_end(&other);
}

static void test_flood_keeps_its_address_out_and_no_other(void **state)
{
	struct house *house = *state;
	struct visit before = visit_from(house, 66), stranger = visit_from(house, 66);
	struct visit again, other;

	door_enter(house->door, before.ticket, false);
	flood(house, &stranger, 4 << 20);
	again = visit_from(house, 66);
	other = visit_from(house, 67);
	assert_int_equal(again.here, -1);
	assert_true(other.here >= 0);
	assert_false(visit_is_over(&before));
	visit_end(&before);
	visit_end(&stranger);
	visit_end(&again);
	visit_end(&other);
}

/* Those of a neighbour that floods come back one by one. */
static void test_sensors_beside_one_that_floods_may_come(void **state)
{
	struct house *house = *state;
	struct visit sensor = visit_from(house, 66), stranger = visit_from(house, 66);
	struct visit next, another;

	door_enter(house->door, sensor.ticket, true);
	flood(house, &stranger, 4 << 20);
	next = visit_from(house, 66);
	assert_true(next.here >= 0);
	assert_false(visit_is_over(&sensor));
	another = visit_from(house, 66);
	assert_int_equal(another.here, -1);
	visit_end(&sensor);
	visit_end(&stranger);
	visit_end(&next);
	visit_end(&another);
}

/* Not where the one that floods has been a sensor itself. */
static void test_flood_of_a_sensor_keeps_all_of_its_address_out(void **state)
{
	struct house *house = *state;
	struct visit sensor = visit_from(house, 66), broken = visit_from(house, 66), next;

	door_enter(house->door, sensor.ticket, true);
	door_enter(house->door, broken.ticket, true);
	flood(house, &broken, 40 << 20);
	next = visit_from(house, 66);
	assert_int_equal(next.here, -1);
	assert_false(visit_is_over(&sensor));
	visit_end(&sensor);
	visit_end(&broken);
	visit_end(&next);
}

/* Of messages that are not whole, each of them may have more: they fill the memory together. */
static void test_who_holds_most_goes_when_memory_is_short(void **state)
{
	struct house *house = *state;
	struct visit most = visit_from(house, 66), less = visit_from(house, 67);

	for (unsigned int i = 0; i < 8; i++) {
		door_enter(house->door, most.ticket, false);
		door_enter(house->door, less.ticket, false);
	}
	visit_send(&most, 20 << 20);
	assert_false(visit_is_over(&most));
	visit_send(&less, 14 << 20);
	visit_wait_over(&most);
	assert_false(visit_is_over(&less));
	visit_end(&most);
	visit_end(&less);
}

/*
 * One turn of the thread of calls, of which core does not let go until the hog is gone:
 * every 10 ms it reads @bytes of the hog, the first @times, and 3 MiB of the sensor once,
 * the time that is number @sensor_at; -1: before that turn.
 */
static void jam(struct house *house, size_t bytes, int times, int sensor_at)
{
	struct visit sensor = visit_from(house, 66), hog = visit_from(house, 67);
	struct visit stranger = visit_from(house, 68);	/* looks are frequent */
	uint64_t turns = 0;

	door_enter(house->door, sensor.ticket, false);
	door_enter(house->door, hog.ticket, false);
	if (sensor_at < 0)
		visit_send(&sensor, 3 << 20);
	door_attend(house->door, &turns);
	for (int i = 0; i < 200 && !visit_is_over(&hog); i++) {
		if (i < times)
			visit_send(&hog, bytes);
		if (i == sensor_at)
			visit_send(&sensor, 3 << 20);
		busy_for(10);
	}
	assert_true(visit_is_over(&hog));
	assert_false(visit_is_over(&sensor));
	door_attend(house->door, NULL);
	visit_end(&sensor);
	visit_end(&hog);
	visit_end(&stranger);
}

/* What the sensor sent in the same turn is more, but keeps nobody busy any more. */
static void test_jam_is_whose_bytes_come_and_come(void **state)
{
	jam(*state, 20 << 10, 200, 10);
}

/* All of it was read early, and is worked on since. */
static void test_jam_is_whose_bytes_came_in_this_turn(void **state)
{
	jam(*state, 64 << 10, 15, -1);
}

static struct in6_addr address_of(const char *text)
{
	struct in6_addr address;

	assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
	return address;
}

static void test_penalties_are_of_networks_and_end(void **state)
{
	static const struct {
		const char *one;
		const char *other;
		bool same;
	} table[] = {
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1", true },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.2", false },
		{ "2001:db8::1", "2001:db8::ffff:1", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "fe80::1", "fe80::2", false },
		{ "::1", "::ffff:127.0.0.1", false },
	};
	static struct penalties penalties;

	(void)state;
	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct in6_addr one = address_of(table[i].one), other = address_of(table[i].other);

		memset(&penalties, 0, sizeof(penalties));
		penalties_add(&penalties, &one, false, SECOND);
		assert_int_equal(!!penalties_find(&penalties, &other, SECOND), table[i].same);
		assert_null(penalties_find(&penalties, &one, (1 + PENALTY_SECONDS) * SECOND));
	}
}

static void test_penalty_spares_one_at_a_time(void **state)
{
	const uint64_t pause = PENALTY_PAUSE_MS * (SECOND / 1000);
	struct in6_addr address = address_of("::ffff:192.0.2.1");
	static struct penalties penalties;
	struct penalty *penalty;

	(void)state;
	penalties_add(&penalties, &address, false, SECOND);
	penalty = penalties_find(&penalties, &address, SECOND);
	assert_true(penalty_spares(penalty, SECOND));
	assert_false(penalty_spares(penalty, SECOND + pause - 1));
	assert_true(penalty_spares(penalty, SECOND + pause));
	/* again, and it goes on to count */
	penalties_add(&penalties, &address, false, SECOND + pause);
	assert_ptr_equal(penalties_find(&penalties, &address, SECOND + pause), penalty);
	assert_false(penalty_spares(penalty, SECOND + pause));
	penalties_add(&penalties, &address, true, SECOND + pause);
	assert_false(penalty_spares(penalty, 9 * SECOND));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sensors_beside_one_that_floods_may_come,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flood_of_a_sensor_keeps_all_of_its_address_out,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_holds_most_goes_when_memory_is_short,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_jam_is_whose_bytes_come_and_come,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_jam_is_whose_bytes_came_in_this_turn,
						set_up, tear_down),
		cmocka_unit_test(test_penalties_are_of_networks_and_end),
		cmocka_unit_test(test_penalty_spares_one_at_a_time),
		cmocka_unit_test_setup_teardown(test_small_messages_by_tls_are_no_flood,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flood_keeps_its_address_out_and_no_other,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
