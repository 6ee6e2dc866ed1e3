// SPDX-License-Identifier: MIT
/* ledger: what was accounted for when, in a bounded number of intervals. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "collector/files/lines.h"
#include "collector/files/parse.h"

#define RINGS	2

static const uint8_t id[MESSAGE_ID_BYTES] = "who it is";

static void take(struct ledger *ledger, struct lines *lines)
{
	assert_true(lines_close(lines));
	assert_int_equal(parse_lines(ledger, lines->bytes, lines->size), lines->size);
	free(lines->bytes);
	assert_true(lines_open(lines));
}

/* A ledger of one file, and lines for more. */
static void begin(struct ledger *ledger, struct lines *lines)
{
	struct ledger_file *file = ledger_new_file(RINGS);

	file->number = 1;
	file->ring = LEDGER_ALL;
	strcpy(file->name, "x.pcap");
	ledger_init(ledger, NULL);
	assert_true(lines_open(lines));
	lines_title(lines, id);
	lines_file(lines, file, 77);
	take(ledger, lines);
	assert_int_equal(ledger->first->since, 77);
	ledger_free_file(file);
}

static void end(struct ledger *ledger, struct lines *lines)
{
	lines_close(lines);
	free(lines->bytes);
	ledger_free(ledger);
}

static void sync_rings(struct ledger *ledger, struct lines *lines, uint64_t time,
		       const struct ledger_ring *rings)
{
	lines_sync(lines, 1, time, 24, rings, NULL, RINGS);
	take(ledger, lines);
}

/* Sums of the intervals are what the ring's account says. */
static void check_sums(const struct ledger_file *file)
{
	for (uint32_t i = 0; i < RINGS; i++) {
		const struct ledger_ring *ring = &file->rings[i];
		uint64_t sums[INTERVAL_KINDS] = { 0 };
		size_t counts[INTERVAL_KINDS] = { 0 };

		for (size_t n = 0; n < file->intervals.count; n++) {
			const struct interval *one = &file->intervals.list[n];

			if (one->ring != i)
				continue;
			sums[one->kind] += one->amount;
			assert_true(++counts[one->kind] <= INTERVALS_MAX);
		}
		assert_int_equal(sums[INTERVAL_ELSEWHERE], ring->elsewhere);
		assert_int_equal(sums[INTERVAL_DUPLICATES], ring->duplicates);
		assert_int_equal(sums[INTERVAL_DISORDER], ring->disorder);
		assert_int_equal(sums[INTERVAL_DROPPED], ring->dropped);
	}
}

/* The same as one that reads what the ledger says as a whole. */
static void check_summary(const struct ledger *ledger)
{
	const struct ledger_file *a = ledger->first, *b;
	struct ledger again;
	struct lines lines;

	assert_true(lines_open(&lines));
	lines_ledger(&lines, ledger);
	ledger_init(&again, NULL);
	take(&again, &lines);
	b = again.first;
	assert_int_equal(a->since, b->since);
	assert_int_equal(a->synced, b->synced);
	assert_memory_equal(a->rings, b->rings, RINGS * sizeof(*a->rings));
	assert_int_equal(a->intervals.count, b->intervals.count);
	for (size_t i = 0; i < a->intervals.count; i++)
		assert_memory_equal(&a->intervals.list[i], &b->intervals.list[i],
				    sizeof(struct interval));
	end(&again, &lines);
}

static void check_interval(const struct ledger_file *file, size_t i,
			   enum interval_kind kind, uint64_t from, uint64_t to,
			   uint64_t noticed, uint64_t amount)
{
	const struct interval *one = &file->intervals.list[i];

	assert_true(i < file->intervals.count);
	assert_int_equal(one->kind, kind);
	assert_int_equal(one->from, from);
	assert_int_equal(one->to, to);
	assert_int_equal(one->noticed, noticed);
	assert_int_equal(one->amount, amount);
}

static void knows_between_which_records(void **state)
{
	struct ledger_ring rings[RINGS] = { { .known = true } };
	struct ledger ledger;
	struct lines lines;

	(void)state;
	begin(&ledger, &lines);
	rings[0].last = 500;
	sync_rings(&ledger, &lines, 1000, rings);
	assert_int_equal(ledger.first->intervals.count, 0);
	rings[0].elsewhere = 30;	/* and no record yet */
	sync_rings(&ledger, &lines, 1001, rings);
	check_interval(ledger.first, 0, INTERVAL_ELSEWHERE, 500, 0, 1001, 30);
	check_summary(&ledger);
	rings[0].last = 600;
	rings[0].dropped = 7;
	sync_rings(&ledger, &lines, 1002, rings);
	check_interval(ledger.first, 0, INTERVAL_ELSEWHERE, 500, 600, 1001, 30);
	check_interval(ledger.first, 1, INTERVAL_DROPPED, 500, 600, 1002, 7);
	rings[0].last = 700;
	rings[0].dropped = 9;		/* without a pause */
	sync_rings(&ledger, &lines, 1003, rings);
	check_interval(ledger.first, 1, INTERVAL_DROPPED, 500, 700, 1003, 9);
	rings[0].last = 800;
	sync_rings(&ledger, &lines, 1004, rings);
	rings[0].last = 900;
	rings[0].dropped = 10;
	sync_rings(&ledger, &lines, 1005, rings);
	check_interval(ledger.first, 2, INTERVAL_DROPPED, 800, 900, 1005, 1);
	assert_int_equal(ledger.first->intervals.count, 3);
	check_sums(ledger.first);
	check_summary(&ledger);
	end(&ledger, &lines);
}

static void bounds_their_number(void **state)
{
	struct ledger_ring rings[RINGS] = { { .known = true }, { .known = true } };
	struct ledger ledger;
	struct lines lines;

	(void)state;
	begin(&ledger, &lines);
	for (uint64_t n = 1; n <= 1000; n++) {
		for (int i = 0; i < RINGS; i++) {
			rings[i].last = 10 * n;
			rings[i].elsewhere += n % 2 * n;
			rings[i].duplicates += n % 3 ? 0 : n;
			rings[i].disorder += n % 5 ? 0 : 1;
			rings[i].dropped += n % 7 ? 0 : n;
		}
		sync_rings(&ledger, &lines, n, rings);
		check_sums(ledger.first);
	}
	assert_int_equal(ledger.first->intervals.count,
			 RINGS * INTERVAL_KINDS * INTERVALS_MAX);
	check_summary(&ledger);
	/* the oldest one holds what there was before the others */
	assert_int_equal(ledger.first->intervals.list[0].from, 0);
	assert_in_range(ledger.first->intervals.list[0].times, 100, 500);
	end(&ledger, &lines);
}

static void knows_what_may_be_twice_before_anything_comes(void **state)
{
	struct ledger_ring rings[RINGS] = { { .twice = 4000 } };
	struct ledger ledger;
	struct lines lines;

	(void)state;
	begin(&ledger, &lines);
	sync_rings(&ledger, &lines, 5, rings);
	assert_false(ledger.first->rings[0].known);
	assert_int_equal(ledger.first->rings[0].twice, 4000);
	assert_int_equal(ledger.first->intervals.count, 0);
	check_summary(&ledger);
	end(&ledger, &lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_between_which_records),
		cmocka_unit_test(bounds_their_number),
		cmocka_unit_test(knows_what_may_be_twice_before_anything_comes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector ledger", tests, NULL, NULL);
}
