// SPDX-License-Identifier: MIT
#include "feedback.h"

static void feedback_enter(struct feedback *feedback, enum feedback_state state,
			   int64_t now, int64_t length, uint64_t captured)
{
	feedback->state = state;
	feedback->since = now;
	feedback->deadline = length == CLOCK_NEVER ? CLOCK_NEVER : now + length;
	feedback->begin = captured;
}

/*
 * Hold only where there is more room than for what may come meanwhile. A measure
 * that nothing ended in time says little: there was nothing.
 */
static void feedback_measured(struct feedback *feedback, int64_t now,
			      uint64_t captured, uint64_t room)
{
	int64_t length = now - feedback->since;
	bool late = length > 4 * FEEDBACK_MEASURE;
	uint64_t expected;

	feedback->measured = (captured - feedback->begin) *
			     (FEEDBACK_MEASURE / CLOCK_MILLISECOND) /
			     (length / CLOCK_MILLISECOND);
	expected = feedback->measured * (FEEDBACK_DRAIN + FEEDBACK_HOLD) /
		   FEEDBACK_MEASURE;
	if (late || feedback->measured < FEEDBACK_BYTES_MIN || room < expected / 4 * 5)
		feedback_enter(feedback, FEEDBACK_MEASURING, now, FEEDBACK_MEASURE,
			       captured);
	else
		feedback_enter(feedback, FEEDBACK_DRAINING, now, FEEDBACK_DRAIN,
			       captured);
}

static int64_t feedback_rest(struct feedback *feedback)
{
	feedback->rest = feedback->rest ? feedback->rest * 4 : FEEDBACK_REST_FIRST;
	if (feedback->rest > FEEDBACK_REST_MAX)
		feedback->rest = FEEDBACK_REST_MAX;
	return feedback->rest;
}

/* Silence: less than an eighth of the rate before. */
static void feedback_held(struct feedback *feedback, int64_t now, uint64_t captured)
{
	uint64_t came = captured - feedback->begin;
	bool silent = came * (FEEDBACK_MEASURE / CLOCK_MILLISECOND) * 8 <
		      feedback->measured * (FEEDBACK_HOLD / CLOCK_MILLISECOND);

	if (!silent) {
		feedback->hits = 0;
		feedback_enter(feedback, FEEDBACK_RESTING, now, feedback_rest(feedback),
			       captured);
	} else if (++feedback->hits < FEEDBACK_HITS) {
		/* never in step with others that come and go */
		feedback_enter(feedback, FEEDBACK_MEASURING, now,
			       FEEDBACK_MEASURE + feedback->hits * FEEDBACK_SHIFT,
			       captured);
	} else {
		feedback_enter(feedback, FEEDBACK_TOLD, now, CLOCK_NEVER, captured);
	}
}

enum feedback_state feedback_look(struct feedback *feedback, int64_t now,
				  uint64_t captured, uint64_t room)
{
	if (feedback->deadline == CLOCK_NEVER || now < feedback->deadline)
		return FEEDBACK_RESTING;
	switch (feedback->state) {
	case FEEDBACK_RESTING:
		feedback_enter(feedback, FEEDBACK_MEASURING, now, FEEDBACK_MEASURE,
			       captured);
		break;
	case FEEDBACK_MEASURING:
		feedback_measured(feedback, now, captured, room);
		break;
	case FEEDBACK_DRAINING:
		feedback_enter(feedback, FEEDBACK_HOLDING, now, FEEDBACK_HOLD, captured);
		break;
	case FEEDBACK_HOLDING:
		feedback_held(feedback, now, captured);
		break;
	case FEEDBACK_TOLD:
		break;
	}
	return feedback->state;
}
