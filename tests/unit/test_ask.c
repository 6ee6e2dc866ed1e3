// SPDX-License-Identifier: MIT
/* Questions to a loop that is busy, slow, gone. */
#include "unit.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "common/ask.h"

#define LONG		600000	/* ms: never */
#define QUESTIONS	500
#define ASKERS		3

/* A loop: what it answers is two numbers, which have to be of one answer. */
struct loop {
	struct ask ask;
	sem_t woken;
	bool stop;
	uint64_t state;
	uint64_t answer[2];
};

static void loop_wake(void *context)
{
	struct loop *loop = context;

	sem_post(&loop->woken);
}

static void *loop_run(void *context)
{
	struct loop *loop = context;

	do {
		sem_wait(&loop->woken);
		loop->state++;
		if (!ask_accept(&loop->ask))
			continue;
		loop->answer[0] = loop->answer[1] = loop->state;
		ask_answer(&loop->ask);
	} while (!__atomic_load_n(&loop->stop, __ATOMIC_ACQUIRE));
	ask_close(&loop->ask);
	return NULL;
}

static void loop_open(struct loop *loop)
{
	*loop = (struct loop) {};
	sem_init(&loop->woken, 0, 0);
	ask_open(&loop->ask, loop_wake, loop);
}

static void loop_close(struct loop *loop)
{
	ask_free(&loop->ask);
	sem_destroy(&loop->woken);
}

static void *asker_run(void *context)
{
	struct loop *loop = context;
	uint64_t last = 0;

	for (int i = 0; i < QUESTIONS; i++) {
		bool answered = ask_begin(&loop->ask, LONG);
		bool news = loop->answer[0] > last && loop->answer[0] == loop->answer[1];

		last = loop->answer[0];
		ask_end(&loop->ask);
		if (!answered || !news)
			return "an answer that is old, or half";
	}
	return NULL;
}

static void test_each_question_has_an_answer_of_its_own(void **state)
{
	pthread_t thread, askers[ASKERS];
	struct loop loop;
	void *wrong;

	(void)state;
	loop_open(&loop);
	pthread_create(&thread, NULL, loop_run, &loop);
	for (int i = 0; i < ASKERS; i++)
		pthread_create(&askers[i], NULL, asker_run, &loop);
	for (int i = 0; i < ASKERS; i++) {
		pthread_join(askers[i], &wrong);
		assert_null(wrong);
	}
	__atomic_store_n(&loop.stop, true, __ATOMIC_RELEASE);
	loop_wake(&loop);
	pthread_join(thread, NULL);
	loop_close(&loop);
}

static void test_a_loop_that_hangs_is_not_waited_for(void **state)
{
	struct loop loop;

	(void)state;
	loop_open(&loop);
	loop.answer[0] = 7;
	assert_false(ask_begin(&loop.ask, 1));
	assert_int_equal(loop.answer[0], 7);
	ask_end(&loop.ask);
	/* it comes back: nobody waits any more */
	assert_false(ask_accept(&loop.ask));
	loop_close(&loop);
}

static void test_a_loop_that_has_ended_is_not_waited_for(void **state)
{
	struct loop loop;

	(void)state;
	loop_open(&loop);
	ask_close(&loop.ask);
	assert_false(ask_begin(&loop.ask, LONG));
	ask_end(&loop.ask);
	assert_false(ask_accept(&loop.ask));
	loop_close(&loop);
}

static void *ask_once(void *context)
{
	struct loop *loop = context;
	bool answered = ask_begin(&loop->ask, LONG);

	ask_end(&loop->ask);
	return answered ? "an answer" : NULL;
}

static void test_who_waits_while_the_loop_ends_waits_no_longer(void **state)
{
	struct loop loop;
	pthread_t asker;
	void *wrong;

	(void)state;
	loop_open(&loop);
	pthread_create(&asker, NULL, ask_once, &loop);
	sem_wait(&loop.woken);
	ask_close(&loop.ask);
	pthread_join(asker, &wrong);
	assert_null(wrong);
	loop_close(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_question_has_an_answer_of_its_own),
		cmocka_unit_test(test_a_loop_that_hangs_is_not_waited_for),
		cmocka_unit_test(test_a_loop_that_has_ended_is_not_waited_for),
		cmocka_unit_test(test_who_waits_while_the_loop_ends_waits_no_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
