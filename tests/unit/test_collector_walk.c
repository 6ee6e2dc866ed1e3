// SPDX-License-Identifier: MIT
/* walk: boundaries of records in bytes that are cut anywhere. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include <linux/pcapring.h>

#include "collector/packets/packet.h"
#include "collector/records/walk.h"

#define COUNT	6

static const uint32_t sizes[COUNT] = { 0, 3, 17, 0, 1, 40 };

/* Records of @sizes; @return their length, *@ends: where each ends. */
static size_t make(unsigned char *bytes, bool swapped, size_t ends[COUNT])
{
	size_t at = 0;

	for (size_t i = 0; i < COUNT; i++) {
		struct pcapring_record record = { i + 1, 2, sizes[i], sizes[i] };

		if (swapped) {
			record.ts_sec = __builtin_bswap32(record.ts_sec);
			record.ts_nsec = __builtin_bswap32(record.ts_nsec);
			record.caplen = __builtin_bswap32(record.caplen);
		}
		memcpy(bytes + at, &record, sizeof(record));
		/* packets that look like headers of records that cannot be */
		memset(bytes + at + sizeof(record), 0xff, sizes[i]);
		at += sizeof(record) + sizes[i];
		ends[i] = at;
	}
	return at;
}

static void check(const struct walk *walk, const size_t ends[COUNT], size_t at)
{
	uint64_t packets = 0, bytes = 0, boundary = 0;

	for (size_t i = 0; i < COUNT && ends[i] <= at; i++) {
		packets++;
		bytes += sizes[i];
		boundary = ends[i];
	}
	assert_int_equal(walk->offset, 1000 + at);
	assert_int_equal(walk->boundary, 1000 + boundary);
	assert_int_equal(walk->packets, packets);
	assert_int_equal(walk->bytes, bytes);
	if (!packets)
		return;
	assert_int_equal(walk_time(walk->first, walk->swapped, false), 1000000002);
	assert_int_equal(walk_time(walk->last, walk->swapped, true),
			 packets * 1000000000 + 2000);
}

/* Memory of its own, so that a sanitizer sees what is read beyond. */
static bool feed(struct walk *walk, const unsigned char *bytes, size_t size)
{
	unsigned char *copy = malloc(size ? size : 1);
	struct iovec list[] = { { NULL, 0 }, { copy, size } };
	struct pieces pieces = { list, 2 };
	bool valid;

	memcpy(copy, bytes, size);
	valid = walk_pieces(walk, &pieces);
	free(copy);
	return valid;
}

static void finds_boundaries_at_every_cut(void **state)
{
	unsigned char bytes[512];
	size_t ends[COUNT], size;

	(void)state;
	for (int swapped = 0; swapped < 2; swapped++) {
		size = make(bytes, swapped, ends);
		for (size_t a = 0; a <= size; a++) {
			for (size_t b = a; b <= size; b++) {
				struct walk walk;

				walk_begin(&walk, 1000, swapped);
				assert_true(feed(&walk, bytes, a));
				check(&walk, ends, a);
				assert_true(feed(&walk, bytes + a, b - a));
				check(&walk, ends, b);
				assert_true(feed(&walk, bytes + b, size - b));
				check(&walk, ends, size);
			}
		}
	}
}

static void refuses_what_cannot_be(void **state)
{
	static const uint32_t caplens[] = { PACKET_CAPLEN_MAX + 1, 0x80000000,
					    UINT32_MAX };
	unsigned char bytes[512];
	size_t ends[COUNT], size;

	(void)state;
	size = make(bytes, false, ends);
	for (size_t i = 0; i < sizeof(caplens) / sizeof(*caplens); i++) {
		struct pcapring_record record = { 1, 2, caplens[i], 4 };

		memcpy(bytes + size, &record, sizeof(record));
		for (size_t cut = 0; cut < size + sizeof(record); cut++) {
			struct walk walk;

			walk_begin(&walk, 1000, false);
			assert_true(feed(&walk, bytes, cut));
			assert_false(feed(&walk, bytes + cut,
					  size + sizeof(record) - cut));
			assert_int_equal(walk.boundary, 1000 + size);
			assert_int_equal(walk.caplen, caplens[i]);
			assert_int_equal(walk.packets, COUNT);
		}
	}
}

static void takes_the_longest_record(void **state)
{
	struct pcapring_record record = { 1, 2, PACKET_CAPLEN_MAX, 4 };
	unsigned char *packet = calloc(1, PACKET_CAPLEN_MAX);
	struct walk walk;

	(void)state;
	walk_begin(&walk, 0, false);
	assert_true(feed(&walk, (unsigned char *)&record, sizeof(record)));
	assert_true(feed(&walk, packet, PACKET_CAPLEN_MAX - 1));
	assert_int_equal(walk.boundary, 0);
	assert_true(feed(&walk, packet, 1));
	assert_int_equal(walk.boundary, sizeof(record) + PACKET_CAPLEN_MAX);
	free(packet);
}

/* Where it is to end, it does, however the bytes are cut; then it goes on. */
static void ends_where_it_is_told(void **state)
{
	unsigned char bytes[512];
	size_t ends[COUNT], size = make(bytes, false, ends);

	(void)state;
	for (size_t most = 1; most <= COUNT; most++) {
		for (size_t step = 1; step <= size; step++) {
			struct walk walk;
			size_t at = 0, n = 0;

			walk_begin(&walk, 0, false);
			walk.most_packets = most;
			while (at < size) {
				size_t take = size - at < step ? size - at : step;

				assert_true(feed(&walk, bytes + at, take));
				at = walk.offset;
				if (!walk.full)
					continue;
				n += most;
				assert_int_equal(walk.packets, most);
				assert_int_equal(walk.boundary, ends[n - 1]);
				assert_int_equal(walk.offset, ends[n - 1]);
				walk.packets = walk.bytes = 0;
				walk.full = false;
			}
			assert_int_equal(n + walk.packets, COUNT);
			assert_int_equal(walk.boundary, size);
		}
	}
}

static void ends_beyond_an_offset(void **state)
{
	unsigned char bytes[512];
	size_t ends[COUNT], size = make(bytes, false, ends);

	(void)state;
	for (size_t most = 1; most <= size; most++) {
		struct walk walk;
		size_t n = 0;

		walk_begin(&walk, 0, false);
		walk.most_offset = most;
		assert_true(feed(&walk, bytes, size));
		while (ends[n] < most)
			n++;
		assert_true(walk.full);
		assert_int_equal(walk.offset, ends[n]);
		assert_int_equal(walk.packets, n + 1);
	}
}

/* What was taken off comes back, and the rest follows on it. */
static void divides_pieces(void **state)
{
	char text[] = "0123456789";

	(void)state;
	for (size_t first = 0; first <= 10; first++) {
		for (size_t take = 1; take <= 10; take++) {
			struct iovec list[] = { { text, first }, { text, 0 },
						{ text + first, 10 - first } };
			struct pieces all = { list, 3 }, head;
			char out[16] = "";
			struct iovec cut;

			head = pieces_head(&all, take, &cut);
			assert_int_equal(pieces_length(&head), take);
			assert_int_equal(pieces_gather(&head, out, sizeof(out)), take);
			pieces_skip(&head, take);	/* as who writes it does */
			pieces_tail(&all, &cut);
			assert_int_equal(pieces_gather(&all, out + take, sizeof(out) - take),
					 10 - take);
			assert_string_equal(out, text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_boundaries_at_every_cut),
		cmocka_unit_test(refuses_what_cannot_be),
		cmocka_unit_test(takes_the_longest_record),
		cmocka_unit_test(ends_where_it_is_told),
		cmocka_unit_test(ends_beyond_an_offset),
		cmocka_unit_test(divides_pieces),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector walk", tests, NULL, NULL);
}
