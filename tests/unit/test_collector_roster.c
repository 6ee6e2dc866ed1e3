// SPDX-License-Identifier: MIT
/* Who was ever here: what is counted, and what others are told. */
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "collector/sight/roster.h"
#include "collector/sight/sight.h"

/* A loop that answers in the thread that asks: it holds no lock then. */
struct house {
	struct roster *roster;
	struct sight sight;
	pthread_t thread;
	bool asked;
};

static void house_wake(void *context)
{
	struct house *house = context;

	__atomic_store_n(&house->asked, true, __ATOMIC_RELEASE);
}

static void *house_run(void *context)
{
	struct house *house = context;

	while (!__atomic_load_n(&house->asked, __ATOMIC_ACQUIRE))
		sched_yield();
	house->asked = false;
	roster_answer(house->roster);
	return NULL;
}

static int open_house(void **state)
{
	struct house *house = calloc(1, sizeof(*house));

	house->roster = roster_open();
	roster_start(house->roster, house_wake, house);
	house->sight.roster = house->roster;
	*state = house;
	return 0;
}

static int close_house(void **state)
{
	struct house *house = *state;

	roster_stop(house->roster);
	roster_close(house->roster);
	free(house);
	return 0;
}

static const struct roster_view *look(struct house *house)
{
	const struct roster_view *view;

	pthread_create(&house->thread, NULL, house_run, house);
	view = roster_look(house->roster);
	pthread_join(house->thread, NULL);
	assert_non_null(view);
	return view;
}

/* What a page says; to be freed. */
static char *show(struct house *house, bool (*write)(void *context, FILE *out))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	pthread_create(&house->thread, NULL, house_run, house);
	assert_true(write(&house->sight, out));
	pthread_join(house->thread, NULL);
	fclose(out);
	return text;
}

static void test_accounts_only_grow(void **state)
{
	struct house *house = *state;
	struct roster_entry *entry = roster_get(house->roster, "s", "eth0");
	struct roster_account counted = {}, other = {};
	const struct roster_account first = { .packets = 10, .bytes = 1000, .dropped = 3 };
	const struct roster_account back = { .packets = 4, .bytes = 400, .dropped = 3 };
	const struct roster_account then = { .packets = 12, .bytes = 1200, .dropped = 3 };
	const struct roster_view *view;

	roster_count(entry, 2, &first, &counted);
	roster_count(entry, 2, &back, &counted);	/* syncing failed: it comes again */
	roster_count(entry, 2, &then, &counted);
	roster_count(entry, 2, &first, &other);		/* another epoch of the same ring */
	roster_count(entry, ROSTER_RINGS_MAX, &first, &other);
	view = look(house);
	assert_int_equal(view->count, 1);
	assert_int_equal(view->sensors[0].ring_count, 3);
	assert_false(view->sensors[0].rings[0].known);
	assert_true(view->sensors[0].rings[2].known);
	assert_int_equal(view->sensors[0].rings[2].account.packets, 22);
	assert_int_equal(view->sensors[0].rings[2].account.bytes, 2200);
	assert_int_equal(view->sensors[0].rings[2].account.dropped, 6);
	roster_look_away(house->roster);
}

static void test_sensors_are_told_in_order_and_once(void **state)
{
	static const char *const names[][2] = {
		{ "b", "eth0" }, { "a", "eth1" }, { "a", "eth0" }, { "c", "" }, { "a", "eth1" },
	};
	struct house *house = *state;
	const struct roster_view *view;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_ptr_equal(roster_get(house->roster, names[i][0], names[i][1]),
				 roster_get(house->roster, names[i][0], names[i][1]));
	view = look(house);
	assert_int_equal(view->count, 4);
	assert_string_equal(view->sensors[0].interface, "eth0");
	assert_string_equal(view->sensors[1].interface, "eth1");
	assert_string_equal(view->sensors[2].name, "b");
	assert_string_equal(view->sensors[3].name, "c");
	roster_look_away(house->roster);
}

static void test_too_many_are_counted_and_not_told(void **state)
{
	struct house *house = *state;
	const struct roster_view *view;
	char name[32];

	for (int i = 0; i < ROSTER_MAX + 7; i++) {
		snprintf(name, sizeof(name), "sensor-%d", i);
		assert_int_equal(!roster_get(house->roster, name, ""), i >= ROSTER_MAX);
	}
	/* nobody minds */
	roster_join(NULL, "", "");
	roster_received(NULL, 1);
	roster_leave(NULL);
	view = look(house);
	assert_int_equal(view->count, ROSTER_MAX);
	assert_int_equal(view->unlisted, 7);
	roster_look_away(house->roster);
}

static void test_the_least_difference_of_clocks_counts(void **state)
{
	static const int64_t ahead[] = { -7, 40, 3 };
	struct house *house = *state;
	struct roster_entry *entry = roster_get(house->roster, "s", "");
	const struct roster_view *view;

	roster_received(entry, 0);
	assert_false(look(house)->sensors[0].clock_known);
	roster_look_away(house->roster);
	for (size_t i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++)
		roster_received(entry, clock_read(CLOCK_REALTIME) + ahead[i] * CLOCK_SECOND);
	view = look(house);
	assert_true(view->sensors[0].clock_known);
	assert_true(view->sensors[0].clock > 3 && view->sensors[0].clock <= 40);
	roster_look_away(house->roster);
}

static void test_who_streams_is_seen_now_who_left_then(void **state)
{
	struct house *house = *state;
	struct roster_entry *entry = roster_get(house->roster, "s", "");
	const struct roster_view *view;

	roster_remember(entry, "h%41", 5000);
	roster_remember(entry, "h%41", 4000);
	view = look(house);
	assert_int_equal(view->sensors[0].seen, 5000);
	assert_int_equal(view->sensors[0].streams, 0);
	roster_look_away(house->roster);
	roster_join(entry, "a host", "1.2 \xff");
	roster_join(entry, "a host", "1.2 \xff");
	view = look(house);
	assert_int_equal(view->sensors[0].streams, 2);
	assert_int_equal(view->sensors[0].seen, view->time);
	assert_string_equal(view->sensors[0].host, "a%20host");
	assert_string_equal(view->sensors[0].version, "1.2%20%FF");
	roster_look_away(house->roster);
	roster_leave(entry);
	roster_leave(entry);
	view = look(house);
	assert_int_equal(view->sensors[0].streams, 0);
	assert_true(view->sensors[0].seen <= view->time);
	roster_look_away(house->roster);
}

static void test_a_version_without_end_is_cut(void **state)
{
	struct house *house = *state;
	struct roster_entry *entry = roster_get(house->roster, "s", "");
	char version[256];

	memset(version, 0xff, sizeof(version) - 1);
	version[sizeof(version) - 1] = '\0';
	roster_join(entry, "", version);
	assert_int_equal(strlen(look(house)->sensors[0].version), ROSTER_VERSION_MAX - 3);
	roster_look_away(house->roster);
}

/* As if somebody had forgotten to encode. */
static void test_pages_escape_whatever_is_in_the_roster(void **state)
{
	static const char evil[] = "<b>&\"'\\\n\x01";
	struct house *house = *state;
	char *page, *json, *metrics;

	roster_get(house->roster, evil, evil);
	page = show(house, sight_write_page);
	assert_non_null(strstr(page, "&lt;b&gt;&amp;&quot;&#39;\\"));
	assert_null(strstr(page, "<b>"));
	json = show(house, sight_write_json);
	assert_non_null(strstr(json, "\"sensor\": \"<b>&\\u0022'\\u005c\\u000a\\u0001\""));
	metrics = show(house, sight_write_metrics);
	assert_non_null(strstr(metrics, "sensor=\"<b>&\\\"'\\\\\\n\x01\""));
	free(page);
	free(json);
	free(metrics);
}

static void test_nothing_is_told_before_the_loop_has_answered(void **state)
{
	struct house *house = *state;

	roster_stop(house->roster);
	assert_null(roster_look(house->roster));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_accounts_only_grow, open_house, close_house),
		cmocka_unit_test_setup_teardown(test_sensors_are_told_in_order_and_once,
						open_house, close_house),
		cmocka_unit_test_setup_teardown(test_too_many_are_counted_and_not_told,
						open_house, close_house),
		cmocka_unit_test_setup_teardown(test_the_least_difference_of_clocks_counts,
						open_house, close_house),
		cmocka_unit_test_setup_teardown(test_who_streams_is_seen_now_who_left_then,
						open_house, close_house),
		cmocka_unit_test_setup_teardown(test_a_version_without_end_is_cut, open_house,
						close_house),
		cmocka_unit_test_setup_teardown(test_pages_escape_whatever_is_in_the_roster,
						open_house, close_house),
		cmocka_unit_test_setup_teardown(test_nothing_is_told_before_the_loop_has_answered,
						open_house, close_house),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
