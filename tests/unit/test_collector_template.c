// SPDX-License-Identifier: MIT
/* template: names of files that follow each other, and which names are ours. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/files/path.h"
#include "collector/files/template.h"

#define LONG	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* 2026-11-22T16:05:09Z */
#define TIME	1795363509

static struct template *parse(const char *text)
{
	const char *why;
	struct template *template = template_parse(text, &why);

	assert_non_null(template);
	return template;
}

static void make(const char *text, const char *sensor, const char *interface, uint32_t ring,
		 unsigned int number, char *out)
{
	const struct template_words words = { sensor, interface, ring, TIME };
	struct template *template = parse(text);

	assert_true(template_make(template, &words, number, out, 1024));
	template_free(template);
}

static void makes_names(void **state)
{
	static const struct {
		const char *text, *sensor, *interface, *want;
		uint32_t ring;
		unsigned int number;
	} table[] = {
		{ TEMPLATE_DEFAULT, "s", "eth0", "s/eth0-20261122T160509Z.pcap", 0, 0 },
		{ TEMPLATE_DEFAULT, "s", "", "s/none-20261122T160509Z.12.pcap", 0, 12 },
		{ "%F/%j-%s.pcap", "s", "i", "2026-11-22/326-1795363509.pcap", 0, 0 },
		{ "%{ring}-%%.pcap", "s", "i", "7-%.pcap", 7, 0 },
		{ "%{ring}.pcap", "s", "i", "all.pcap", TEMPLATE_ALL, 0 },
		{ "x.pcap", "s", "i", "x.1.pcap", 0, 1 },
		/* a dot hides nothing, and leads nowhere */
		{ "%{sensor}/%{interface}.pcap", "..%2Fx", ".i", "%2E.%2Fx/%2Ei.pcap", 0, 0 },
		{ "a%{sensor}.pcap", ".x", "i", "a.x.pcap", 0, 0 },
	};
	char out[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		make(table[i].text, table[i].sensor, table[i].interface, table[i].ring,
		     table[i].number, out);
		assert_string_equal(out, table[i].want);
	}
}

static void refuses_templates(void **state)
{
	static const char *const table[] = {
		"", "x", ".pcap", "a/.pcap", "/x.pcap", "../x.pcap", "a/./x.pcap", "a//x.pcap",
		".x.pcap", "a/.x.pcap", "%q.pcap", "%{host}.pcap", "%{sensor.pcap", "x%.pcap",
		"a\nb.pcap", "%e.pcap", "%{sensor}.pcap.zst",
	};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		assert_null(template_parse(table[i], &why));
		assert_non_null(why);
	}
}

static void refuses_names_that_are_too_long(void **state)
{
	const struct template_words words = { LONG, LONG, 0, TIME };
	struct template *template;
	char out[1024];

	(void)state;
	/* long words are cut, with a hash of them */
	make("%{sensor}.pcap", LONG "a", "", 0, 0, out);
	assert_int_equal(strlen(out), PATH_PART_MAX + 5);
	template = parse("%{sensor}/%{sensor}.pcap");
	assert_true(template_make(template, &words, 0, out, sizeof(out)));
	assert_false(template_make(template, &words, 0, out, 100));
	template_free(template);
	template = parse("%{sensor}%{sensor}%{sensor}%{interface}.pcap");
	assert_false(template_make(template, &words, 0, out, sizeof(out)));
	template_free(template);
}

/* Whatever it makes is its own, and times and numbers do not change the series. */
static void knows_its_own(void **state)
{
	static const char *const texts[] = {
		TEMPLATE_DEFAULT, "%s-%{sensor}.pcap", "%{sensor}-%{interface}-%{ring}-%s.pcap",
		"%F/%{sensor}/%H.%M.%S.pcap", "%{sensor}%{interface}%Y%j.pcap",
	};
	static const char *const names[] = { "a", "a-b", "..%2F", "7", "eth0.100", "%2E", LONG };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct template *template = parse(texts[i]);

		for (size_t j = 0; j < sizeof(names) / sizeof(*names); j++) {
			struct template_words words = { names[j], names[6 - j], 3, TIME };
			uint64_t series, other;
			char out[1040];

			assert_true(template_make(template, &words, 0, out, 1024));
			assert_true(template_match(template, out, &series));
			strcat(out, TEMPLATE_PACKED);
			assert_true(template_match(template, out, &other));
			assert_int_equal(series, other);
			words.time += 100000;
			assert_true(template_make(template, &words, 0, out, 1024));
			assert_true(template_match(template, out, &other));
			assert_int_equal(series, other);
			words.sensor = "another";
			assert_true(template_make(template, &words, 0, out, 1024));
			assert_true(template_match(template, out, &other));
			assert_int_not_equal(series, other);
		}
		template_free(template);
	}
}

static void numbers_belong_to_the_series(void **state)
{
	struct template *template = parse(TEMPLATE_DEFAULT);
	uint64_t series, other;

	(void)state;
	assert_true(template_match(template, "s/eth0-20261122T160509Z.pcap", &series));
	assert_true(template_match(template, "s/eth0-20261122T160509Z.17.pcap", &other));
	assert_int_equal(series, other);
	assert_true(template_match(template, "s/eth1-20261122T160509Z.pcap", &other));
	assert_int_not_equal(series, other);
	template_free(template);
}

static void leaves_others_alone(void **state)
{
	static const char *const table[] = {
		"", "s", "s/eth0.pcap", "eth0-20261122T160509Z.pcap", "s/eth0-20261122T160509Z",
		"s/eth0-20261122T160509Z.pcap.part", "s/eth0-20261122T160509Z.pcap.gz",
		"s/eth0-2026112T160509Z.pcap", "s/eth0-20261122T160509Z.x.pcap",
		"s/t/eth0-20261122T160509Z.pcap", "s/-20261122T160509Z.pcap",
		"s/eth 0-20261122T160509Z.pcap", "s/eth0-20261122T160509Z..pcap",
	};
	struct template *template = parse(TEMPLATE_DEFAULT);
	uint64_t series;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		assert_false(template_match(template, table[i], &series));
	template_free(template);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_names),
		cmocka_unit_test(refuses_templates),
		cmocka_unit_test(refuses_names_that_are_too_long),
		cmocka_unit_test(knows_its_own),
		cmocka_unit_test(numbers_belong_to_the_series),
		cmocka_unit_test(leaves_others_alone),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector template", tests, NULL, NULL);
}
