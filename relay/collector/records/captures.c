// SPDX-License-Identifier: MIT
#include "captures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "collector/sight/census.h"
#include "common/log.h"
#include "stream.h"

void captures_hurry(struct captures *captures, uint64_t due)
{
	if (due < captures->due)
		captures->due = due;
}

void captures_end_all(struct captures *captures, struct epoch *epoch,
		      const struct call_status *status)
{
	int error = errno;

	epoch_end_all(epoch, status);
	if (!epoch->syncer)
		output_fail(captures->config.output, error, status->text);
}

void captures_back(struct captures *captures, struct epoch *epoch, int error)
{
	struct call_status status;

	call_fail(&status, call_code(error),
		  "cannot sync %.256s: %s", epoch->path, strerror(error));
	captures_end_all(captures, epoch, &status);
	epoch_back(epoch);
}

static void captures_end(struct stream *stream, struct call_status *status)
{
	stream_end(stream, status);
}

static struct stream *captures_take(void *context, struct call *call,
				    const struct caller *caller,
				    struct call_status *status)
{
	struct stream *stream = stream_new(context, call, caller);

	if (!stream)
		call_fail(status, CALL_RESOURCE_EXHAUSTED, "no memory");
	return stream;
}

/* Release what was held back, find out what failed, close what is unused. */
static uint64_t captures_look(struct captures *captures, struct epoch *epoch,
			      uint64_t now)
{
	struct call_status status;
	int error = epoch_error(epoch);
	uint64_t due, other;

	if (error)
		captures_back(captures, epoch, error);
	else if (epoch_release(epoch, now, false, &status) == EPOCH_FAILED)
		captures_end_all(captures, epoch, &status);
	due = epoch_turn_idle(epoch, now);
	other = epoch->merge ? merge_due(epoch->merge) : CALL_NEVER;
	return other < due ? other : due;
}

/* @return when to look again. */
static uint64_t captures_progress(struct captures *captures, uint64_t now)
{
	struct stream *stream = captures->streams, *next;
	uint64_t due = CALL_NEVER, other;

	while (stream) {
		next = stream->next;
		captures->ended = false;
		other = stream->epoch ? stream_progress(stream, now) : CALL_NEVER;
		due = other < due ? other : due;
		/* it may have ended others, too: begin again */
		stream = captures->ended ? captures->streams : next;
	}
	return due;
}

static uint64_t captures_idle(void *context)
{
	struct captures *captures = context;
	struct epochs *epochs = captures->config.epochs;
	uint64_t now = clock_read(CLOCK_MONOTONIC), due = CALL_NEVER;
	struct epoch *epoch;

	census_take(captures->config.roster, epochs);
	if (!__atomic_exchange_n(&captures->woken, false, __ATOMIC_ACQUIRE) &&
	    now < captures->due)
		return captures->due;
	captures->due = captures->room ? room_settle(captures->room) : CALL_NEVER;
	for (epoch = epochs_opened(epochs); epoch; epoch = epoch->next_open) {
		uint64_t other = captures_look(captures, epoch, now);

		due = other < due ? other : due;
	}
	captures_hurry(captures, due);
	captures_hurry(captures, captures_progress(captures, now));
	epochs_close_idle(epochs);
	return captures->due;
}

static void captures_stop(void *context)
{
	struct captures *captures = context;
	struct call_status status;
	struct epoch *epoch = epochs_opened(captures->config.epochs);

	for (; epoch; epoch = epoch->next_open)
		epoch_release(epoch, clock_read(CLOCK_MONOTONIC), true, &status);
	call_fail(&status, CALL_UNAVAILABLE, "the collector stops");
	while (captures->streams)
		stream_end(captures->streams, &status);
}

void captures_taker(struct captures *captures, struct call_taker *taker)
{
	*taker = (struct call_taker){
		.context = captures,
		.answers = true,
		.greets = true,
		.open = captures_take,
		.message = stream_message,
		.close = stream_close,
		.idle = captures_idle,
		.end = captures_end,
		.stop = captures_stop,
	};
}

struct captures *captures_open(const struct captures_config *config)
{
	struct captures *captures = calloc(1, sizeof(*captures));

	if (!captures) {
		log_error("out of memory");
		return NULL;
	}
	captures->config = *config;
	captures->room = epochs_room(config->epochs);
	captures->due = CALL_NEVER;
	return captures;
}

void captures_wake(void *context)
{
	struct captures *captures = context;

	__atomic_store_n(&captures->woken, true, __ATOMIC_RELEASE);
	captures->wake(captures->wake_context);
}

bool captures_start(struct captures *captures, void (*wake)(void *context),
		    void *context)
{
	captures->wake = wake;
	captures->wake_context = context;
	return epochs_start(captures->config.epochs, captures_wake, captures);
}

void captures_close(struct captures *captures)
{
	message_free(&captures->message);
	free(captures);
}
