/* SPDX-License-Identifier: MIT */
/*
 * A question that other threads put to the program's loop: how are you? The loop
 * answers when it comes to it, into memory of the askers', so that its state
 * needs no lock, and costs nothing while nobody asks.
 *
 *	asker: ask_begin(), reads the answer, ask_end()
 *	loop: where ask_accept(): writes the answer, ask_answer()
 */
#ifndef COMMON_ASK_H
#define COMMON_ASK_H

#include <pthread.h>
#include <stdbool.h>

/**
 * struct ask - a question
 * @turn: held by the asker from beginning to end: one at a time, who may read the
 *	answer
 * @lock: guards @wanted and @closed, and the answer while it is written
 * @answered: @wanted has become false
 * @wanted: somebody waits; the loop looks at it without the lock
 * @closed: the loop has ended
 * @wake: makes the loop look, from any thread
 */
struct ask {
	pthread_mutex_t turn;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool wanted;
	bool closed;
	void (*wake)(void *context);
	void *context;
};

void ask_open(struct ask *ask, void (*wake)(void *context), void *context);

/* Nobody asks any more. */
void ask_free(struct ask *ask);

/*
 * Ask, and wait at most @ms for the answer. False: there is none, the answer is
 * the one before. In either case it can be read until ask_end().
 */
bool ask_begin(struct ask *ask, unsigned int ms);
void ask_end(struct ask *ask);

/* For the loop: is an answer wanted? Then write it, and say so at once. */
bool ask_accept(struct ask *ask);
void ask_answer(struct ask *ask);

/* For the loop: there will be no more answers. Nobody waits for one. */
void ask_close(struct ask *ask);

#endif
