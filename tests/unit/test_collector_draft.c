// SPDX-License-Identifier: MIT
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include <linux/pcapring.h>

#include "collector/files/draft.h"

static unsigned char bytes[PACKET_CAPLEN_MAX];

static struct packet packet_of(struct iovec *data, uint32_t caplen)
{
	*data = (struct iovec){ bytes, caplen };
	return (struct packet){
		.ts_sec = 1, .ts_usec = 2, .ts_nsec = 2000, .caplen = caplen, .len = caplen,
		.data = data, .count = 1,
	};
}

static void add(struct draft *draft, uint32_t caplen, unsigned char byte)
{
	struct iovec data;
	struct packet packet = packet_of(&data, caplen);

	memset(bytes, byte, caplen);
	assert_true(draft_add(draft, &packet, true));
}

static struct draft *draft_new(void)
{
	struct draft *draft = malloc(sizeof(*draft));

	assert_non_null(draft);
	draft_init(draft);
	return draft;
}

/* The record at @position. @return the next one's */
static size_t check(struct draft *draft, size_t position, uint32_t caplen, unsigned char byte)
{
	const unsigned char *data = draft_bytes(draft) + position;
	struct pcapring_record record;

	memcpy(&record, data, sizeof(record));
	data += sizeof(record);
	assert_int_equal(record.ts_sec, 1);
	assert_int_equal(record.ts_nsec, 2000);
	assert_int_equal(record.caplen, caplen);
	for (uint32_t i = 0; i < caplen; i++)
		assert_int_equal(data[i], byte);
	return position + sizeof(record) + caplen;
}

static void test_a_little_borrows_nothing(void **state)
{
	struct draft *draft = draft_new();

	(void)state;
	add(draft, 0, 0);
	add(draft, DRAFT_OWN - 2 * sizeof(struct pcapring_record), 7);
	assert_null(draft->borrowed);
	assert_int_equal(draft->used, DRAFT_OWN);
	assert_int_equal(check(draft, check(draft, 0, 0, 0),
			       DRAFT_OWN - 2 * sizeof(struct pcapring_record), 7), DRAFT_OWN);
	free(draft);
}

static void test_what_is_there_moves_along(void **state)
{
	struct draft *draft = draft_new();
	size_t position = 0;

	(void)state;
	for (unsigned int i = 0; i < 20; i++)
		add(draft, 1000, i);
	assert_non_null(draft->borrowed);
	for (unsigned int i = 0; i < 20; i++)
		position = check(draft, position, 1000, i);
	assert_int_equal(draft->used, position);
	draft_empty(draft);
	assert_int_equal(draft->used, 0);
	assert_null(draft->borrowed);
	free(draft);
}

/* One byte less than full, and then the largest. */
static void test_the_largest_record_fits_behind_all_that_is_not_full(void **state)
{
	struct draft *draft = draft_new();
	uint32_t first = DRAFT_FULL - 1 - sizeof(struct pcapring_record);

	(void)state;
	add(draft, first, 1);
	assert_true(draft->used < DRAFT_FULL);
	add(draft, PACKET_CAPLEN_MAX, 2);
	assert_int_equal(check(draft, check(draft, 0, first, 1), PACKET_CAPLEN_MAX, 2),
			 draft->used);
	draft_empty(draft);
	free(draft);
}

static void test_drafts_are_many_until_they_are_empty(void **state)
{
	struct draft *drafts[1000];
	unsigned int count = 0;

	(void)state;
	assert_false(drafts_are_many());
	while (!drafts_are_many()) {
		assert_in_range(count, 0, 999);
		drafts[count] = draft_new();
		add(drafts[count++], DRAFT_OWN, 0);
	}
	assert_in_range(count, 2, 1000);
	draft_empty(drafts[0]);
	assert_false(drafts_are_many());
	while (count--) {
		draft_empty(drafts[count]);
		free(drafts[count]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_little_borrows_nothing),
		cmocka_unit_test(test_what_is_there_moves_along),
		cmocka_unit_test(test_the_largest_record_fits_behind_all_that_is_not_full),
		cmocka_unit_test(test_drafts_are_many_until_they_are_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
