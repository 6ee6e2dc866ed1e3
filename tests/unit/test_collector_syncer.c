// SPDX-License-Identifier: MIT
/* syncer: what is noted becomes safe, in the journal and before anybody hears. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collector/files/syncer.h"
#include "collector_folder.h"

static sem_t rounds;

static void woken(void *context)
{
	(void)context;
	sem_post(&rounds);
}

static struct ledger_file *declaration(unsigned int number)
{
	struct ledger_file *one = ledger_new_file(2);

	one->number = number;
	one->ring = LEDGER_ALL;
	snprintf(one->name, sizeof(one->name), "%u.pcap", number);
	return one;
}

static bool is_safe(struct syncer *syncer, struct sync_file *one, uint64_t offset)
{
	struct ledger_ring safe;
	bool declared;

	assert_true(syncer_safe(syncer, one, 0, &safe, &declared));
	return declared && safe.offset == offset;
}

static void note(struct syncer *syncer, struct sync_file *one, uint64_t offset,
		 uint64_t came)
{
	const struct ledger_ring rings[2] = { { .known = true, .offset = offset } };

	syncer_note(syncer, one, rings, 24 + offset, came);
}

static void until_safe(struct syncer *syncer, struct sync_file *one, uint64_t offset)
{
	while (!is_safe(syncer, one, offset))
		sem_wait(&rounds);
}

static const struct ledger_file *find(const struct journal *journal,
				       unsigned int number)
{
	const struct ledger_file *one = journal_files(journal);

	while (one->number != number)
		one = one->next;
	return one;
}

static void makes_safe_what_is_noted(void **state)
{
	struct journal *journal = journal_open(folder_file);
	struct syncer *syncer = syncer_open(journal, 0, woken, NULL);
	struct ledger_file *one = declaration(1), *two = declaration(2);
	int fd = open(folder_file, O_RDWR | O_CREAT, 0600);
	struct sync_file *a = syncer_add(syncer, fd, one, false);
	struct sync_file *b = syncer_add(syncer, fd, two, false);
	bool declared;

	(void)state;
	until_safe(syncer, b, 0);
	for (uint64_t i = 1; i <= 200; i++) {
		note(syncer, a, i, 1);
		note(syncer, b, 2 * i, 1);
	}
	until_safe(syncer, a, 200);
	until_safe(syncer, b, 400);
	while (!syncer_remove(syncer, b, &declared))
		sem_wait(&rounds);
	assert_true(declared);
	note(syncer, a, 201, 1);	/* the last round takes it */
	syncer_gone(syncer, 2, 7);
	syncer_close(syncer);
	journal_close(journal);
	journal = journal_open(folder_file);
	assert_int_equal(find(journal, 1)->rings[0].offset, 201);
	assert_int_equal(find(journal, 2)->length, 424);
	assert_int_equal(find(journal, 2)->missing, 7);
	journal_close(journal);
	close(fd);
	free(one);
	free(two);
}

static void a_quarter_is_urgent(void **state)
{
	struct journal *journal = journal_open(folder_file);
	struct syncer *syncer = syncer_open(journal, 3600000000000, woken, NULL);
	struct ledger_file *one = declaration(1);
	int fd = open(folder_file, O_RDWR | O_CREAT, 0600);
	struct sync_file *a = syncer_add(syncer, fd, one, false);

	(void)state;
	syncer_quarter(syncer, a, 100);
	until_safe(syncer, a, 0);
	note(syncer, a, 99, 99);
	assert_true(is_safe(syncer, a, 0));
	note(syncer, a, 100, 1);
	until_safe(syncer, a, 100);
	note(syncer, a, 101, 1);
	syncer_urge(syncer);
	until_safe(syncer, a, 101);
	syncer_close(syncer);
	journal_close(journal);
	close(fd);
	free(one);
}

static void goes_back_after_a_failure(void **state)
{
	struct journal *journal = journal_open(folder_file);
	struct syncer *syncer = syncer_open(journal, 0, woken, NULL);
	struct ledger_file *one = declaration(1);
	int fd = open(folder_file, O_RDWR | O_CREAT, 0600), pipes[2];
	struct ledger_ring safe;
	struct sync_file *a;
	uint64_t packets;
	bool declared;

	(void)state;
	a = syncer_add(syncer, fd, one, false);
	note(syncer, a, 5, 5);
	until_safe(syncer, a, 5);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(dup2(pipes[1], fd), fd);	/* which cannot be synced */
	note(syncer, a, 9, 4);
	while (syncer_safe(syncer, a, 0, &safe, &declared))
		sem_wait(&rounds);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(safe.offset, 5);
	assert_false(syncer_remove(syncer, a, &declared));
	assert_false(syncer_reset(syncer, a, one, NULL, NULL, &packets));
	assert_int_equal(one->length, 29);
	assert_int_equal(one->rings[0].offset, 5);
	assert_true(is_safe(syncer, a, 5));
	syncer_close(syncer);
	journal_close(journal);
	journal = journal_open(folder_file);
	assert_int_equal(journal_files(journal)->length, 29);
	journal_close(journal);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
	free(one);
}

static void the_others_go_on_while_one_fails(void **state)
{
	struct journal *journal = journal_open(folder_file);
	struct syncer *syncer = syncer_open(journal, 3600000000000, woken, NULL);
	struct ledger_file *declarations[3];
	struct sync_file *files[3];
	int fd = open(folder_file, O_RDWR | O_CREAT, 0600), bad = dup(fd), pipes[2];
	struct ledger_ring safe;
	uint64_t packets;
	bool declared;

	(void)state;
	for (int i = 0; i < 3; i++) {
		declarations[i] = declaration(i + 1);
		files[i] = syncer_add(syncer, i == 1 ? bad : fd, declarations[i], false);
		until_safe(syncer, files[i], 0);
	}
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(dup2(pipes[1], bad), bad);	/* which cannot be synced */
	for (uint64_t i = 1; i <= 3; i++) {
		for (int n = 0; n < 3; n++)
			note(syncer, files[n], i, 1);
		syncer_urge(syncer);			/* in one round */
		while (syncer_safe(syncer, files[1], 0, &safe, &declared))
			sem_wait(&rounds);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(safe.offset, 0);
		assert_true(is_safe(syncer, files[0], i));
		assert_true(is_safe(syncer, files[2], i));
		assert_false(syncer_reset(syncer, files[1], declarations[1], NULL, NULL,
					  &packets));
	}
	syncer_close(syncer);
	journal_close(journal);
	journal = journal_open(folder_file);
	for (unsigned int n = 0; n < 3; n++)
		assert_int_equal(find(journal, n + 1)->rings[0].offset, n == 1 ? 0 : 3);
	journal_close(journal);
	close(fd);
	close(bad);
	close(pipes[0]);
	close(pipes[1]);
	for (int i = 0; i < 3; i++)
		free(declarations[i]);
}

/* As on a disk that is full. */
static void no_file_grows(bool full)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = full ? 0 : limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
}

static void tells_again_what_it_could_not_enter(void **state)
{
	struct journal *journal = journal_open(folder_file);
	struct syncer *syncer = syncer_open(journal, 3600000000000, woken, NULL);
	struct ledger_file *one = declaration(1), *two = declaration(2);
	int fd = open(folder_file, O_RDWR | O_CREAT, 0600);
	struct sync_file *a = syncer_add(syncer, fd, one, false);
	struct sync_file *b = syncer_add(syncer, fd, two, false);
	struct ledger_ring safe;
	uint64_t packets;
	bool declared;

	(void)state;
	until_safe(syncer, a, 0);
	until_safe(syncer, b, 0);
	no_file_grows(true);
	note(syncer, a, 5, 5);
	syncer_gone(syncer, 2, 7);			/* in the same round */
	while (syncer_safe(syncer, a, 0, &safe, &declared))
		sem_wait(&rounds);
	assert_int_equal(errno, EFBIG);
	no_file_grows(false);
	assert_false(syncer_reset(syncer, a, one, NULL, NULL, &packets));
	syncer_close(syncer);
	journal_close(journal);
	journal = journal_open(folder_file);
	assert_true(find(journal, 2)->gone);
	assert_int_equal(find(journal, 2)->missing, 7);
	journal_close(journal);
	close(fd);
	free(one);
	free(two);
}

static int begin(void **state)
{
	sem_init(&rounds, 0, 0);
	return folder_empty(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(makes_safe_what_is_noted, begin),
		cmocka_unit_test_setup(a_quarter_is_urgent, begin),
		cmocka_unit_test_setup(goes_back_after_a_failure, begin),
		cmocka_unit_test_setup(the_others_go_on_while_one_fails, begin),
		cmocka_unit_test_setup(tells_again_what_it_could_not_enter, begin),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector syncer", tests, folder_make,
					   folder_remove);
}
