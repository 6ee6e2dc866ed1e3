// SPDX-License-Identifier: MIT
/* path: names that peers chose never leave their place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/files/path.h"

static void encodes_names(void **state)
{
	static const char *const table[][2] = {
		{ "", "" },
		{ "Sensor_1-a.b", "Sensor_1-a.b" },
		{ "../../x", "..%2F..%2Fx" },
		{ ".", "%2E" },
		{ "..", "%2E%2E" },
		{ ".a", ".a" },
		{ "a\nb\x1b[", "a%0Ab%1B%5B" },
		{ "%41~", "%2541%7E" },
		{ "\xc3\xa4\xff", "%C3%A4%FF" },
	};
	char out[PATH_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		path_encode(table[i][0], out);
		assert_string_equal(out, table[i][1]);
	}
}

static void encodes_the_longest_name(void **state)
{
	char name[METADATA_TEXT_MAX], out[PATH_NAME_MAX];

	(void)state;
	memset(name, '/', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	path_encode(name, out);
	assert_int_equal(strlen(out), 3 * (sizeof(name) - 1));
}

static void makes_paths(void **state)
{
	static const struct {
		const char *path, *sensor, *interface, *want;
		unsigned int number;
	} table[] = {
		{ "x.pcap", NULL, "eth0", "x.pcap", 0 },
		{ "x.pcap", NULL, "eth0", "x.2.pcap", 2 },
		{ "x.pcap", "s", "eth0", "x-s-eth0.pcap", 0 },
		{ "x.pcap", "s", "eth0", "x-s-eth0.1.pcap", 1 },
		{ "x.pcap", "s", "", "x-s.pcap", 0 },
		{ "/a.b/x", "s", "i", "/a.b/x-s-i", 0 },
		{ "/a.b/x", NULL, "", "/a.b/x.1", 1 },
		{ "a/.x", "s", "i", "a/.x-s-i", 0 },
		{ "x.tar.pcap", NULL, "", "x.tar.3.pcap", 3 },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		assert_true(path_make(out, sizeof(out), table[i].path,
				      table[i].sensor, table[i].interface,
				      table[i].number));
		assert_string_equal(out, table[i].want);
	}
	assert_false(path_make(out, 13, "x.pcap", "s", "eth0", 0));
	assert_true(path_make(out, 14, "x.pcap", "s", "eth0", 0));
}

static void tells_long_names_apart(void **state)
{
	char a[PATH_NAME_MAX], b[PATH_NAME_MAX], one[512], two[512];

	(void)state;
	memset(a, 'a', sizeof(a) - 1);
	a[sizeof(a) - 1] = '\0';
	strcpy(b, a);
	b[sizeof(b) - 2] = 'b';
	assert_true(path_make(one, sizeof(one), "x.pcap", a, a, 9999));
	assert_true(path_make(two, sizeof(two), "x.pcap", b, a, 9999));
	assert_string_not_equal(one, two);
	assert_in_range(strlen(one), 100, 150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_names),
		cmocka_unit_test(encodes_the_longest_name),
		cmocka_unit_test(makes_paths),
		cmocka_unit_test(tells_long_names_apart),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector path", tests, NULL, NULL);
}
