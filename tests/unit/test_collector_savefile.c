// SPDX-License-Identifier: MIT
/* savefile: what is on disk after appends, crashes, full disks and foreigners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/pcapring.h>

#include "collector/files/savefile.h"

#define HEADER	24
#define RECORD	16

static const struct savefile_format ethernet = { 1, 262144, false };
static const struct savefile_format exact = { 1, 262144, true };
static char folder[] = "/tmp/pcapring-savefile-XXXXXX";
static char path[64];

static int begin(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static off_t size_of(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static bool append(struct savefile *file, uint32_t caplen,
		   struct savefile_loss *lost)
{
	static unsigned char bytes[PACKET_CAPLEN_MAX];
	struct iovec data[] = {
		{ bytes, caplen / 3 },
		{ NULL, 0 },
		{ bytes + caplen / 3, caplen - caplen / 3 },
	};
	struct packet packet = { 7, 8, 8009, caplen, caplen + 1, data, 3 };

	for (size_t i = 0; i < caplen; i++)
		bytes[i] = i;
	return savefile_append(file, &packet, lost);
}

static struct savefile *reopen(const struct savefile_format *format)
{
	enum savefile_state state;

	return savefile_open(path, format, "a/b", NULL, &state);
}

static enum savefile_state refusal(const struct savefile_format *format,
				   const char *owner)
{
	enum savefile_state state;

	assert_null(savefile_open(path, format, owner, NULL, &state));
	return state;
}

/* A file with @count records of @caplen bytes each. */
static void make(const struct savefile_format *format, unsigned int count,
		 uint32_t caplen)
{
	struct savefile *file = reopen(format);
	struct savefile_loss lost;

	assert_non_null(file);
	while (count--)
		assert_true(append(file, caplen, &lost));
	assert_true(savefile_flush(file, &lost));
	savefile_close(file);
}

static void put(const void *bytes, size_t size, off_t offset)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	assert_int_equal(pwrite(fd, bytes, size, offset), size);
	close(fd);
}

static void writes_what_a_savefile_holds(void **state)
{
	unsigned char got[HEADER + RECORD + 3];
	const struct pcapring_file_header header = {
		PCAPRING_FILE_MAGIC_NSEC, 2, 4, 0, 0, 262144, 1 };
	const struct pcapring_record record = { 7, 8009, 3, 4 };
	int fd;

	(void)state;
	make(&exact, 1, 3);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, got, sizeof(got)), sizeof(got));
	close(fd);
	assert_int_equal(size_of(), sizeof(got));
	assert_memory_equal(got, &header, HEADER);
	assert_memory_equal(got + HEADER, &record, RECORD);
	assert_memory_equal(got + HEADER + RECORD, "\x00\x01\x02", 3);
}

static void header_comes_before_the_first_packet(void **state)
{
	struct savefile *file = reopen(&ethernet);

	(void)state;
	assert_int_equal(size_of(), HEADER);
	savefile_close(file);
	assert_int_equal(size_of(), HEADER);
}

static void appends(void **state)
{
	(void)state;
	make(&ethernet, 2, 100);
	make(&ethernet, 3, 0);
	assert_int_equal(size_of(), HEADER + 2 * (RECORD + 100) + 3 * RECORD);
}

static void buffers_and_takes_the_largest(void **state)
{
	struct savefile *file = reopen(&ethernet);
	struct savefile_loss lost;

	(void)state;
	assert_true(append(file, 1000, &lost));
	assert_int_equal(size_of(), HEADER);
	assert_true(append(file, 260000, &lost));
	assert_true(append(file, PACKET_CAPLEN_MAX, &lost));
	assert_true(append(file, PACKET_CAPLEN_MAX, &lost));
	assert_true(savefile_flush(file, &lost));
	assert_int_equal(size_of(), HEADER + 4 * RECORD + 261000 +
			 2 * PACKET_CAPLEN_MAX);
	savefile_close(file);
}

static void cuts_a_record_torn_anywhere(void **state)
{
	const off_t two = HEADER + 2 * (RECORD + 20);

	(void)state;
	for (off_t torn = 0; torn < RECORD + 20; torn++) {
		unlink(path);
		make(&ethernet, 3, 20);
		assert_int_equal(truncate(path, two + torn), 0);
		make(&ethernet, 1, 5);
		assert_int_equal(size_of(), two + RECORD + 5);
	}
}

static void trusts_only_a_place_that_fits(void **state)
{
	struct savefile *file = reopen(&ethernet);
	struct savefile_place place;
	struct savefile_loss lost;
	enum savefile_state why;

	(void)state;
	assert_true(append(file, 20, &lost));
	assert_true(savefile_flush(file, &lost));
	savefile_where(file, &place);
	savefile_close(file);
	put("torn", 4, HEADER + RECORD + 20);
	file = savefile_open(path, &ethernet, "a/b", &place, &why);
	assert_non_null(file);
	assert_int_equal(size_of(), HEADER + RECORD + 20);
	savefile_close(file);
}

static void keeps_away_from_other_headers(void **state)
{
	const struct savefile_format others[] = {
		{ 101, 262144, false }, { 1, 96, false }, { 1, 262144, true },
	};

	(void)state;
	make(&ethernet, 1, 20);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(refusal(&others[i], "a/b"), SAVEFILE_OURS);
	assert_int_equal(size_of(), HEADER + RECORD + 20);
}

static void keeps_away_from_other_owners(void **state)
{
	char owner[SAVEFILE_OWNER_MAX];
	struct savefile_format format;

	(void)state;
	make(&ethernet, 1, 20);
	if (getxattr(path, "user.pcapring.stream", owner, sizeof(owner)) < 0) {
		print_message("# no extended attributes in /tmp: %s\n",
			      strerror(errno));
		skip();
	}
	assert_int_equal(savefile_look(path, &format, owner), SAVEFILE_OURS);
	assert_string_equal(owner, "a/b");
	assert_int_equal(format.linktype, 1);
	assert_int_equal(refusal(&ethernet, "a/c"), SAVEFILE_OURS);
	assert_int_equal(removexattr(path, "user.pcapring.stream"), 0);
	make(&ethernet, 1, 20);	/* nobody's: taken over */
	assert_int_equal(savefile_look(path, &format, owner), SAVEFILE_OURS);
	assert_string_equal(owner, "a/b");
}

static void keeps_away_from_the_other_byte_order(void **state)
{
	const uint32_t magic = __builtin_bswap32(PCAPRING_FILE_MAGIC_USEC);

	(void)state;
	make(&ethernet, 1, 20);
	put(&magic, sizeof(magic), 0);
	assert_int_equal(refusal(&ethernet, "a/b"), SAVEFILE_FOREIGN);
	assert_int_equal(size_of(), HEADER + RECORD + 20);
}

static void keeps_away_from_what_is_no_savefile(void **state)
{
	(void)state;
	for (size_t size = 1; size < 40; size++) {
		unlink(path);
		put("The quick brown fox jumps over the lazy dog.", size, 0);
		assert_int_equal(refusal(&ethernet, "a/b"), SAVEFILE_OTHER);
		assert_int_equal(size_of(), size);
	}
	assert_int_equal(truncate(path, 0), 0);
	make(&ethernet, 0, 0);	/* an empty file is nobody's data */
	assert_int_equal(size_of(), HEADER);
}

static void cuts_nothing_that_is_only_damaged(void **state)
{
	const struct pcapring_record damaged = { 1, 2, PACKET_CAPLEN_MAX + 1, 3 };

	(void)state;
	make(&ethernet, 3, 20);
	put(&damaged, sizeof(damaged), HEADER + RECORD + 20);
	assert_int_equal(refusal(&ethernet, "a/b"), SAVEFILE_FOREIGN);
	assert_int_equal(size_of(), HEADER + 3 * (RECORD + 20));
}

static void is_written_by_one_at_a_time(void **state)
{
	struct savefile *file = reopen(&ethernet);

	(void)state;
	assert_int_equal(refusal(&ethernet, "a/b"), SAVEFILE_LOCKED);
	savefile_close(file);
	make(&ethernet, 1, 1);
}

static void full_disk(rlim_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* 10 records of 116 bytes, on a disk that has room for each number of bytes. */
static void stays_valid_on_a_full_disk(void **state)
{
	const off_t each = RECORD + 100;

	(void)state;
	for (off_t room = HEADER; room < HEADER + 10 * each; room += 7) {
		off_t kept = (room - HEADER) / each;
		struct savefile_loss lost;
		struct savefile *file;
		bool written;

		unlink(path);
		file = reopen(&ethernet);
		for (int i = 0; i < 10; i++)
			assert_true(append(file, 100, &lost));
		full_disk(room);
		written = savefile_flush(file, &lost);
		full_disk(0);
		assert_false(written);
		assert_int_equal(errno, EFBIG);
		assert_int_equal(lost.packets, 10 - kept);
		assert_int_equal(lost.bytes, 100 * (10 - kept));
		assert_int_equal(size_of(), HEADER + kept * each);
		assert_true(append(file, 50, &lost));	/* room again */
		assert_true(savefile_flush(file, &lost));
		assert_int_equal(size_of(), HEADER + kept * each + RECORD + 50);
		savefile_close(file);
	}
}

static void needs_room_for_the_header(void **state)
{
	struct savefile *file;

	(void)state;
	full_disk(10);
	file = reopen(&ethernet);
	full_disk(0);
	assert_null(file);
	assert_int_equal(size_of(), 0);
	make(&ethernet, 1, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		TEST(writes_what_a_savefile_holds),
		TEST(header_comes_before_the_first_packet),
		TEST(appends),
		TEST(buffers_and_takes_the_largest),
		TEST(cuts_a_record_torn_anywhere),
		TEST(trusts_only_a_place_that_fits),
		TEST(keeps_away_from_other_headers),
		TEST(keeps_away_from_other_owners),
		TEST(keeps_away_from_the_other_byte_order),
		TEST(keeps_away_from_what_is_no_savefile),
		TEST(cuts_nothing_that_is_only_damaged),
		TEST(is_written_by_one_at_a_time),
		TEST(stays_valid_on_a_full_disk),
		TEST(needs_room_for_the_header),
	};
	int failed;

	signal(SIGXFSZ, SIG_IGN);
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/x.pcap", folder);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("collector savefile", tests, NULL,
					     NULL);
	unlink(path);
	rmdir(folder);
	return failed;
}
