// SPDX-License-Identifier: MIT
/* syncer, folder, finish: files that follow each other, and back again. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/files/store.h"

static sem_t rounds;
static char path[] = "/tmp/pcapring-unit-XXXXXX";

static void woken(void *context)
{
	(void)context;
	sem_post(&rounds);
}

/* @sync: nanoseconds from one round to the next */
static struct store *start_slowly(uint64_t sync)
{
	struct store *store = store_open(&(struct store_config){
		.directory = path, .name = "%s.pcap", .sync = sync,
		.keep = { .bytes = 1 << 30 } });

	assert_non_null(store);
	assert_true(store_start(store, woken, NULL));
	return store;
}

static struct store *start(void)
{
	return start_slowly(0);
}

static void stop(struct store *store)
{
	store_finish(store);
	store_close(store);
}

static struct ledger_file *declaration(void)
{
	struct ledger_file *one = ledger_new_file(1);

	one->number = 1;
	one->ring = LEDGER_ALL;
	strcpy(one->sensor, "s");
	return one;
}

/* A file begins; its descriptor. */
static int follow(struct store *store, struct sync_file *file, const char *name)
{
	char bytes[24] = { 0 };
	int fd = folder_create(store->folder, name);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	assert_true(syncer_turn(store->syncer, file, fd, sizeof(bytes), "", name));
	return fd;
}

/* A record, which ends at @offset, comes into the file. */
static void add(struct store *store, struct sync_file *file, int fd, uint64_t offset,
		uint64_t length)
{
	const struct ledger_ring ring = { .known = true, .offset = offset, .packets = offset / 5 };

	if (fd >= 0)
		assert_int_equal(pwrite(fd, "12345", 5, length - 5), 5);
	syncer_note(store->syncer, file, &ring, length, 5);
}

static void until_safe(struct store *store, struct sync_file *file, uint64_t offset)
{
	struct ledger_ring safe;
	bool declared;

	while (syncer_safe(store->syncer, file, 0, &safe, &declared) &&
	       (safe.offset != offset || syncer_turns(store->syncer, file)))
		sem_wait(&rounds);
	assert_int_equal(safe.offset, offset);
}

static bool has(const char *name)
{
	char where[64];

	snprintf(where, sizeof(where), "%s/%s", path, name);
	return !access(where, F_OK);
}

static void files_have_the_names_that_tell(void **state)
{
	struct ledger_file *one = declaration();
	struct store *store = start();
	struct sync_file *file = syncer_add(store->syncer, -1, one, false);
	int fd = follow(store, file, "1.pcap");

	(void)state;
	assert_int_equal(folder_create(store->folder, "1.pcap"), -1);
	assert_int_equal(errno, EEXIST);
	add(store, file, fd, 5, 29);
	until_safe(store, file, 5);
	assert_true(has("1.pcap.part") && !has(".1.pcap.new"));
	assert_true(syncer_turn(store->syncer, file, -1, 0, "1.pcap", ""));
	fd = follow(store, file, "2.pcap");
	add(store, file, fd, 10, 29);
	until_safe(store, file, 10);
	assert_true(has("1.pcap") && !has("1.pcap.part") && has("2.pcap.part"));
	stop(store);
	assert_true(has("2.pcap.part"));	/* nobody said that it is complete */
	close(fd);
	store = start();
	assert_true(has("2.pcap") && !has("2.pcap.part"));
	assert_string_equal(journal_files(store->journal)->name, "");
	assert_int_equal(journal_files(store->journal)->rings[0].offset, 10);
	stop(store);
	free(one);
}

static void goes_back_over_turns(void **state)
{
	static const char *const names[] = { "3.pcap", "4.pcap", "5.pcap" };
	struct ledger_file *one = declaration();
	struct store *store = start();
	struct sync_file *file;
	char name[LEDGER_NAME_MAX] = "";
	struct ledger_ring safe;
	int fd, broken, pipes[2], back = -1;
	uint64_t packets;
	bool declared;

	(void)state;
	one->number = 2;
	file = syncer_add(store->syncer, -1, one, false);
	fd = follow(store, file, "3.pcap");
	add(store, file, fd, 5, 29);
	until_safe(store, file, 5);
	broken = dup(fd);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(dup2(pipes[1], fd), fd);	/* which cannot be synced */
	add(store, file, -1, 10, 34);
	for (int n = 3; n < 5; n++) {
		assert_true(syncer_turn(store->syncer, file, -1, 0, names[n - 3], ""));
		add(store, file, follow(store, file, names[n - 2]), 15, 29);
	}
	while (syncer_safe(store->syncer, file, 0, &safe, &declared))
		sem_wait(&rounds);
	assert_int_equal(errno, EINVAL);
	assert_true(has(".4.pcap.new") && has(".5.pcap.new"));
	assert_true(syncer_reset(store->syncer, file, one, &back, name, &packets));
	assert_int_equal(back, fd);
	assert_string_equal(name, "3.pcap");
	assert_int_equal(packets, 1);
	assert_int_equal(one->length, 29);
	assert_int_equal(one->rings[0].offset, 5);
	assert_true(has("3.pcap.part") && !has(".4.pcap.new") && !has(".5.pcap.new"));
	/* it goes on, once it can be synced again */
	assert_int_equal(dup2(broken, fd), fd);
	assert_true(syncer_turn(store->syncer, file, -1, 0, "3.pcap", ""));
	fd = follow(store, file, "4.pcap");
	add(store, file, fd, 10, 29);
	until_safe(store, file, 10);
	assert_true(has("3.pcap") && has("4.pcap.part"));
	stop(store);
	close(fd);
	close(broken);
	close(pipes[0]);
	close(pipes[1]);
	free(one);
}

static struct journal *read_journal(void)
{
	char write[64];

	snprintf(write, sizeof(write), "%s/" JOURNAL_DIRECTORY, path);
	return journal_read(write);
}

static const struct ledger_file *known(const struct journal *journal, unsigned int number)
{
	const struct ledger_file *file = journal_files(journal);

	while (file->number != number)
		file = file->next;
	return file;
}

/* The file that is complete could be synced, the one that follows cannot. */
static void no_turn_is_told_of_that_is_gone_back_over(void **state)
{
	struct ledger_file *one = declaration(), *two = declaration();
	struct store *store = start_slowly(3600000000000);
	char name[LEDGER_NAME_MAX] = "";
	struct sync_file *file, *other;
	struct journal *journal;
	int fd, pipes[2], back = -1;
	struct ledger_ring safe;
	uint64_t packets;
	bool declared;

	(void)state;
	one->number = 3;
	two->number = 4;
	file = syncer_add(store->syncer, -1, one, false);
	other = syncer_add(store->syncer, -1, two, false);
	fd = follow(store, file, "6.pcap");
	add(store, file, fd, 5, 29);
	syncer_urge(store->syncer);
	until_safe(store, file, 5);
	until_safe(store, other, 0);
	assert_int_equal(pipe(pipes), 0);
	add(store, other, -1, 5, 0);
	assert_true(syncer_turn(store->syncer, file, pipes[1], 24, "6.pcap", "7.pcap"));
	while (syncer_safe(store->syncer, file, 0, &safe, &declared))
		sem_wait(&rounds);
	assert_int_equal(errno, EINVAL);
	until_safe(store, other, 5);
	assert_true(has("6.pcap.part"));
	assert_true(syncer_reset(store->syncer, file, one, &back, name, &packets));
	assert_int_equal(back, fd);
	assert_string_equal(name, "6.pcap");
	stop(store);
	close(fd);
	close(pipes[0]);
	journal = read_journal();
	assert_non_null(journal);
	assert_string_equal(known(journal, 3)->name, "6.pcap");
	assert_int_equal(known(journal, 4)->rings[0].offset, 5);
	journal_close(journal);
	free(one);
	free(two);
}

static int begin(void **state)
{
	(void)state;
	sem_init(&rounds, 0, 0);
	return mkdtemp(path) ? 0 : -1;
}

static int end(void **state)
{
	static const char *const names[] = { "1.pcap", "2.pcap", "3.pcap", "4.pcap", "4.pcap.part",
					     "6.pcap.part", ".pcapring.journal" };
	char where[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(where, sizeof(where), "%s/%s", path, names[i]);
		unlink(where);
	}
	return rmdir(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_have_the_names_that_tell),
		cmocka_unit_test(goes_back_over_turns),
		cmocka_unit_test(no_turn_is_told_of_that_is_gone_back_over),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector turns", tests, begin, end);
}
