// SPDX-License-Identifier: MIT
/* gate: how many come in, and how fast they may send. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "collector/gate.h"

#define SECOND	UINT64_C(1000000000)

static const struct access_rules nobody;

static struct guest *admit(struct gate *gate, const char *peer, const char *name,
			   struct call_status *status)
{
	struct caller caller = { 0 };
	struct admission admission;

	strcpy(caller.peer, peer);
	return gate_admit(gate, &caller, name, &admission, status);
}

static void counts_sensors_not_streams(void **state)
{
	struct limits limits;
	struct gate *gate;
	struct guest *guests[4];
	struct call_status status;

	(void)state;
	limits_defaults(&limits);
	limits.sensors = 2;
	gate = gate_open(&nobody, &limits);
	guests[0] = admit(gate, "192.0.2.1", "a", &status);
	guests[1] = admit(gate, "192.0.2.2", "a", &status);
	assert_ptr_equal(guests[0], guests[1]);
	/* one that has no name is not the one that has its address for a name */
	guests[2] = admit(gate, "a", "", &status);
	assert_ptr_not_equal(guests[0], guests[2]);
	assert_null(admit(gate, "192.0.2.1", "b", &status));
	assert_int_equal(status.code, CALL_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(status.text, "--max-sensors"));
	gate_leave(gate, guests[0]);
	assert_null(admit(gate, "192.0.2.1", "b", &status));
	gate_leave(gate, guests[1]);
	guests[3] = admit(gate, "192.0.2.1", "b", &status);
	assert_non_null(guests[3]);
	gate_leave(gate, guests[2]);
	gate_leave(gate, guests[3]);
	gate_close(gate);
}

static void holds_to_the_rate(void **state)
{
	uint64_t now = 1000 * SECOND, due, sent = 0;
	struct call_status status;
	struct limits limits;
	struct guest *guest;
	struct gate *gate;

	(void)state;
	limits_defaults(&limits);
	gate = gate_open(&nobody, &limits);
	guest = admit(gate, "192.0.2.1", "a", &status);
	assert_false(gate_limits_rate(gate, guest));
	limits.rate = 1000;
	assert_true(gate_limits_rate(gate, guest));
	for (unsigned int i = 0; i < 1000; i++) {
		due = gate_take(gate, guest, 100, now);
		sent += 100;
		now = due ? due : now;
	}
	/* but for the credit of a tenth of a second */
	assert_true(now - 1000 * SECOND >= sent * SECOND / 1000 - SECOND / 5);
	assert_true(now - 1000 * SECOND <= sent * SECOND / 1000);
	/* silence is not saved up */
	now += 1000 * SECOND;
	assert_int_equal(gate_take(gate, guest, 100, now), 0);
	assert_true(gate_take(gate, guest, 1000, now) > now + SECOND / 2);
	gate_leave(gate, guest);
	gate_close(gate);
}

static void reviews_who_is_in(void **state)
{
	const struct config_line lines[] = {
		{ "x", 1, "a", NULL, NULL },
		{ "x", 2, "a", "certificate", "a.example" },
		{ "x", 3, "a", "max-rate", "40kbit" },
	};
	struct caller caller = { .peer = "192.0.2.1", .proof.names = "a.example" };
	struct access_rules rules = { 0 };
	char fault[CONFIG_FAULT_MAX];
	struct admission admission;
	struct call_status status;
	struct limits limits;
	struct guest *named, *nameless;
	struct gate *gate;

	(void)state;
	limits_defaults(&limits);
	gate = gate_open(&nobody, &limits);
	gate_has_changed(gate);
	named = gate_admit(gate, &caller, "a", &admission, &status);
	nameless = gate_admit(gate, &caller, "", &admission, &status);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(access_take(&rules, &lines[i], fault));
	gate_change(gate, &rules, &limits);
	assert_true(gate_has_changed(gate));
	assert_false(gate_has_changed(gate));
	assert_true(gate_review(gate, named, &caller, &status));
	assert_true(gate_limits_rate(gate, named));
	/* it is somebody by now, and has to come again as that */
	assert_false(gate_review(gate, nameless, &caller, &status));
	assert_int_equal(status.code, CALL_ABORTED);
	*caller.proof.names = '\0';
	assert_false(gate_review(gate, named, &caller, &status));
	assert_int_equal(status.code, CALL_UNAUTHENTICATED);
	gate_leave(gate, named);
	gate_leave(gate, nameless);
	gate_close(gate);
	access_free(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_sensors_not_streams),
		cmocka_unit_test(holds_to_the_rate),
		cmocka_unit_test(reviews_who_is_in),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector gate", tests, NULL, NULL);
}
