// SPDX-License-Identifier: MIT
/* access: who may send as whom. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "collector/access.h"

#define DIGEST_1	"1111111111111111111111111111111111111111111111111111111111111111"
#define DIGEST_F	"FFFFffffFFFFffffFFFFffffFFFFffffFFFFffffFFFFffffFFFFffffFFFFffff"

static bool line(struct access_rules *rules, const char *name, const char *key,
		 const char *value, char fault[CONFIG_FAULT_MAX])
{
	const struct config_line one = {
		.file = "x.conf", .line = 7, .name = name, .key = key, .value = value,
	};

	return access_take(rules, &one, fault);
}

static void add(struct access_rules *rules, const char *name, const char *key,
		const char *value)
{
	char fault[CONFIG_FAULT_MAX];

	assert_true(line(rules, name, key, value, fault));
}

/* @names: each ends with a comma. */
static struct proof proof(const char *names, int token)
{
	struct proof proof = { .has_token = token >= 0 };

	strcpy(proof.names, names);
	for (char *at = proof.names; *at; at++)
		if (*at == ',')
			*at = '\0';
	memset(proof.token, token, sizeof(proof.token));
	return proof;
}

static struct access_rules house(void)
{
	struct access_rules rules = { 0 };

	add(&rules, "a", NULL, NULL);
	add(&rules, "a", "certificate", "a.example,  spiffe://a\t, A.example");
	add(&rules, "b", NULL, NULL);
	add(&rules, "b", "token-sha256", DIGEST_1 ", " DIGEST_F);
	add(&rules, "b", "max-rate", "20M");
	add(&rules, "b", "max-streams", "3");
	add(&rules, "both", NULL, NULL);
	add(&rules, "both", "certificate", "both.example");
	add(&rules, "both", "token-sha256", "2222222222222222222222222222222222222222222222222222222222222222");
	return rules;
}

static void lets_in_who_proves_it(void **state)
{
	static const struct {
		const char *names;
		int token;
		const char *claimed;
		int code;		/* 0: let in */
		const char *as;
	} table[] = {
		{ "a.example,", -1, "a", 0, "a" },
		{ "x,spiffe://a,", -1, "a", 0, "a" },
		{ "a.example,", -1, "", 0, "a" },
		{ "", 0x11, "b", 0, "b" },
		{ "", 0xff, "", 0, "b" },
		{ "x,", 0xff, "b", 0, "b" },
		{ "both.example,", -1, "both", 0, "both" },
		{ "", 0x22, "both", 0, "both" },
		{ "a.example,", -1, "b", CALL_PERMISSION_DENIED, NULL },
		{ "a.example,", 0x22, "b", CALL_PERMISSION_DENIED, NULL },
		{ "", 0x11, "a", CALL_PERMISSION_DENIED, NULL },
		{ "x,", -1, "a", CALL_PERMISSION_DENIED, NULL },
		{ "a.exampl,", -1, "a", CALL_PERMISSION_DENIED, NULL },
		{ "a.EXAMPLE,", -1, "a", CALL_PERMISSION_DENIED, NULL },
		{ "x,", -1, "", CALL_PERMISSION_DENIED, NULL },
		{ "", -1, "a", CALL_UNAUTHENTICATED, NULL },
		{ "", -1, "", CALL_UNAUTHENTICATED, NULL },
		{ "", -1, "nobody", CALL_UNAUTHENTICATED, NULL },
		{ "", 0x33, "b", CALL_UNAUTHENTICATED, NULL },
		{ "", 0, "b", CALL_UNAUTHENTICATED, NULL },
	};
	struct access_rules rules = house();

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const struct proof shown = proof(table[i].names, table[i].token);
		char why[CALL_TEXT_MAX];
		struct admission admission;
		struct call_status status = { 0 };
		bool in = access_admit(&rules, &shown, table[i].claimed, &admission,
				       &status, why);

		print_message("# case %zu\n", i);
		assert_int_equal(in, !table[i].code);
		assert_int_equal(status.code, table[i].code);
		if (!in)
			continue;
		assert_string_equal(admission.name, table[i].as);
		assert_true(admission.proven);
	}
	access_free(&rules);
}

static void everybody_where_there_is_no_section(void **state)
{
	const struct access_rules none = { 0 };
	const struct proof nothing = proof("", -1);
	char why[CALL_TEXT_MAX];
	struct admission admission;
	struct call_status status;

	(void)state;
	assert_true(access_admit(&none, &nothing, "x", &admission, &status, why));
	assert_string_equal(admission.name, "x");
	assert_false(admission.proven);
	assert_true(access_admit(&none, &nothing, "", &admission, &status, why));
	assert_string_equal(admission.name, "");
}

static void has_limits_of_each(void **state)
{
	struct access_rules rules = house();
	const struct proof shown = proof("a.example,", 0x11);
	char why[CALL_TEXT_MAX];
	struct admission admission;
	struct call_status status;

	(void)state;
	assert_true(access_admit(&rules, &shown, "b", &admission, &status, why));
	assert_int_equal(admission.rate, 20 << 20);
	assert_int_equal(admission.streams, 3);
	assert_true(access_admit(&rules, &shown, "a", &admission, &status, why));
	assert_int_equal(admission.rate, 0);
	assert_int_equal(admission.streams, 0);
	access_free(&rules);
}

static void a_later_file_reads_over_the_former(void **state)
{
	struct access_rules rules = house();
	const struct proof old = proof("", 0x11), new = proof("", 0x44);
	char why[CALL_TEXT_MAX];
	struct admission admission;
	struct call_status status;

	(void)state;
	add(&rules, "b", NULL, NULL);
	add(&rules, "b", "token-sha256", "4444444444444444444444444444444444444444444444444444444444444444");
	assert_false(access_admit(&rules, &old, "b", &admission, &status, why));
	assert_true(access_admit(&rules, &new, "b", &admission, &status, why));
	assert_int_equal(admission.streams, 3);
	access_free(&rules);
}

static void says_what_was_expected(void **state)
{
	static const char *const table[][3] = {
		{ "certificate", "", "certificate needs names" },
		{ "certificate", " , ", "certificate needs names" },
		{ "token-sha256", "", "token-sha256 is empty" },
		{ "token-sha256", "12", "64 hexadecimal digits" },
		{ "token-sha256", DIGEST_1 "1", "64 hexadecimal digits" },
		{ "token-sha256", "xyz" DIGEST_1, "64 hexadecimal digits" },
		{ "max-rate", "0", "max-rate is not bytes" },
		{ "max-rate", "-1", "max-rate is not bytes" },
		{ "max-streams", "65536", "max-streams is not a number" },
		{ "certificates", "x", "has no key 'certificates', but certificate" },
	};
	struct access_rules rules = house();
	char fault[CONFIG_FAULT_MAX], many[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		assert_false(line(&rules, "a", table[i][0], table[i][1], fault));
		assert_non_null(strstr(fault, table[i][2]));
	}
	memset(many, 'x', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	assert_false(line(&rules, "a", "certificate", many, fault));
	assert_false(line(&rules, "", NULL, NULL, fault));
	assert_false(line(&rules, many, NULL, NULL, fault));
	/* what follows is of no section then */
	assert_true(line(&rules, many, "certificate", "x", fault));
	access_free(&rules);
}

static void says_what_is_missing(void **state)
{
	struct access_rules rules = { 0 };
	char fault[CONFIG_FAULT_MAX];

	(void)state;
	assert_true(access_check(&rules, false, false, fault));
	assert_false(access_has_tokens(&rules));
	add(&rules, "a\n", NULL, NULL);
	assert_false(access_check(&rules, true, true, fault));
	assert_string_equal(fault, "x.conf:7: [sensor a%0A] has neither certificate nor token-sha256, so that nobody could be this sensor");
	add(&rules, "a\n", "certificate", "a");
	assert_false(access_check(&rules, false, false, fault));
	assert_non_null(strstr(fault, "needs TLS"));
	assert_false(access_check(&rules, true, false, fault));
	assert_non_null(strstr(fault, "tls-client-ca"));
	assert_true(access_check(&rules, true, true, fault));
	add(&rules, "a\n", "token-sha256", DIGEST_1);
	assert_true(access_check(&rules, true, false, fault));
	assert_true(access_has_tokens(&rules));
	access_free(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lets_in_who_proves_it),
		cmocka_unit_test(everybody_where_there_is_no_section),
		cmocka_unit_test(has_limits_of_each),
		cmocka_unit_test(a_later_file_reads_over_the_former),
		cmocka_unit_test(says_what_was_expected),
		cmocka_unit_test(says_what_is_missing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector access", tests, NULL, NULL);
}
