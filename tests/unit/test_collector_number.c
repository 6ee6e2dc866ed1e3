// SPDX-License-Identifier: MIT
#include "unit.h"

#include <string.h>

#include "collector/call.h"
#include "collector/packets/number.h"

static void test_lowest_free_number_is_next(void **state)
{
	struct numbers numbers = {};
	struct call_status status;

	(void)state;
	assert_int_equal(numbers_get(&numbers, &status), 1);
	numbers_take(&numbers, 0);	/* one that has a name */
	assert_int_equal(numbers_get(&numbers, &status), 1);
	numbers_take(&numbers, 1);
	numbers_take(&numbers, 3);
	assert_int_equal(numbers_get(&numbers, &status), 2);
	for (unsigned int number = 1; number < NUMBERS_MAX; number++)
		numbers_take(&numbers, number);
	assert_int_equal(numbers_get(&numbers, &status), NUMBERS_MAX);
	numbers_take(&numbers, NUMBERS_MAX);
	numbers_take(&numbers, NUMBERS_MAX + 1);
	assert_int_equal(numbers_get(&numbers, &status), 0);
	assert_int_equal(status.code, CALL_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(status.text, "--sensor"));
}

static void test_names_are_encoded(void **state)
{
	char name[PATH_NAME_MAX];

	(void)state;
	number_name("192.0.2.1", 1, name);
	assert_string_equal(name, "192.0.2.1");
	number_name("2001:db8::1", 12, name);
	assert_string_equal(name, "2001%3Adb8%3A%3A1_12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lowest_free_number_is_next),
		cmocka_unit_test(test_names_are_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
