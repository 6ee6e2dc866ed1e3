// SPDX-License-Identifier: MIT
/* records: what a ring's page tells the relay that comes next. */
#include <string.h>

#include "unit.h"

#include "channel/backoff.h"
#include "common/log.h"
#include "records/notes.h"
#include "sending.h"

/* Without the padding. */
static bool same(const struct notes *a, const struct notes *b)
{
	return a->sent == b->sent && a->known == b->known &&
	       !memcmp(a->collector, b->collector, NOTES_ID_BYTES);
}

static void test_notes_outlive_a_kill_at_any_store(void **state)
{
	struct notes first = { .sent = 1000, .known = true, .collector = "first" };
	struct notes second = { .sent = 2000, .known = true, .collector = "second" };
	uint8_t before[NOTES_BYTES] = {}, after[NOTES_BYTES], page[NOTES_BYTES];
	struct notes notes;

	(void)state;
	assert_false(notes_read(&notes, before));
	notes_write(&first, before);
	assert_true(notes_read(&notes, before));
	assert_true(same(&notes, &first));
	memcpy(after, before, sizeof(after));
	notes_write(&second, after);
	/* any part of what is written, in order */
	for (unsigned int n = 0; n <= NOTES_BYTES; n++) {
		memcpy(page, after, n);
		memcpy(page + n, before + n, NOTES_BYTES - n);
		assert_true(notes_read(&notes, page));
		assert_true(same(&notes, &first) || same(&notes, &second));
	}
	/* a third and a fourth time: what holds is the newest */
	for (int i = 0; i < 5; i++) {
		second.sent++;
		notes_write(&second, after);
		assert_true(notes_read(&notes, after));
		assert_true(same(&notes, &second));
	}
}

/* Nonsense on the page, or notes of bytes that are not in the ring. */
static void test_notes_that_cannot_be_are_none(void **state)
{
	struct notes notes = { .sent = START + 1000000, .known = true };
	struct collector_call *call;
	struct sending f;

	(void)state;
	sending_begin(&f, 1, 1 << 20);
	sending_append(&f, 0, 1500);
	notes_write(&notes, memring_consumer(&f.memring, 0)->notes);
	sending_go(&f);
	call = collector_accept(f.collector);
	assert_int_equal(call->hello->sent, START);
	assert_int_equal(call->hello->collector.len, 0);
	collector_welcome(call, 'c', START, true);
	sending_take(call, START, sending_head(&f, 0));
	sending_finish(&f, call, sending_head(&f, 0));
	sending_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notes_outlive_a_kill_at_any_store),
		cmocka_unit_test(test_notes_that_cannot_be_are_none),
	};

	backoff_first_ms = 100;
	log_open("# test_records_notes", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
