// SPDX-License-Identifier: MIT
#include "unit.h"

#include "feedback.h"

#define STEP	(10 * CLOCK_MILLISECOND)
#define ROOM	(32 << 20)

/**
 * struct network - what is captured each 10 ms
 * @echo: bytes are what was sent in the step before, and a tenth more
 * @others: bytes of other traffic
 * @period: steps that other traffic comes and goes for; 0: always there
 */
struct network {
	bool echo;
	uint64_t others;
	unsigned int period;
};

/* Does the relay say that it feeds on itself, within so many seconds? */
static bool is_told(const struct network *network, unsigned int seconds,
		    uint64_t room, unsigned int *told)
{
	struct feedback feedback = {};
	uint64_t captured = 2000, sent = 0, waiting = 2000;
	int64_t now = 5 * CLOCK_SECOND;

	*told = 0;
	for (unsigned int step = 0; step < seconds * 100; step++) {
		uint64_t came = network->echo ? sent + sent / 10 : 0;

		if (!network->period || step / network->period % 2)
			came += network->others;
		/* no link takes more */
		if (came > 1 << 20)
			came = 1 << 20;
		captured += came;
		waiting += came;
		now += STEP;
		*told += feedback_look(&feedback, now, captured, room) == FEEDBACK_TOLD;
		sent = feedback_holds(&feedback) ? 0 : waiting;
		waiting -= sent;
	}
	return *told;
}

static void test_an_echo_is_told_once(void **state)
{
	static const struct network networks[] = {
		{ .echo = true },
		{ .echo = true, .others = 100 },
		{ .echo = true, .others = 1000, .period = 7 },
	};
	unsigned int told;

	(void)state;
	for (size_t i = 0; i < sizeof(networks) / sizeof(*networks); i++) {
		assert_true(is_told(&networks[i], 20, ROOM, &told));
		assert_int_equal(told, 1);
	}
}

static void test_others_are_no_echo(void **state)
{
	static const struct network networks[] = {
		{},
		{ .others = 100 },
		{ .others = 100000 },
		{ .others = 100000, .period = 3 },
		{ .others = 100000, .period = 10 },
		{ .others = 100000, .period = 17 },
		{ .others = 100000, .period = 50 },
	};
	unsigned int told;

	(void)state;
	for (size_t i = 0; i < sizeof(networks) / sizeof(*networks); i++)
		assert_false(is_told(&networks[i], 2000, ROOM, &told));
}

/* What could not be kept meanwhile is not risked. */
static void test_nothing_is_held_without_room(void **state)
{
	struct feedback feedback = {};
	uint64_t captured = 0;

	(void)state;
	for (int64_t now = CLOCK_SECOND; now < 100 * CLOCK_SECOND; now += STEP) {
		captured += 100000;
		feedback_look(&feedback, now, captured, 1 << 20);
		assert_false(feedback_holds(&feedback));
	}
}

/* Nobody looks while nothing comes: what came over a long time is no rate. */
static void test_a_late_look_measures_nothing(void **state)
{
	struct feedback feedback = {};
	uint64_t captured = 0;

	(void)state;
	for (int64_t now = CLOCK_SECOND; now < 1000 * CLOCK_SECOND; now += CLOCK_SECOND) {
		captured += 100000;
		feedback_look(&feedback, now, captured, ROOM);
		assert_false(feedback_holds(&feedback));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_echo_is_told_once),
		cmocka_unit_test(test_others_are_no_echo),
		cmocka_unit_test(test_nothing_is_held_without_room),
		cmocka_unit_test(test_a_late_look_measures_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
