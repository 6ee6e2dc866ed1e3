/* SPDX-License-Identifier: MIT */
/*
 * Who gets in, and how much of each: the sensors that send now, by the rules of
 * access.h, within limits. What is refused is logged once for each sensor and
 * reason, and not more often than somebody could read.
 *
 * All of it belongs to the server's thread.
 */
#ifndef COLLECTOR_GATE_H
#define COLLECTOR_GATE_H

#include "access.h"

/**
 * struct limits - of what strangers could want too much of
 * @message: bytes of one
 * @memory: bytes that core may use for what it receives
 * @rate: bytes a second of a sensor; 0: any
 * @streams: at a time, of all sensors
 * @connection_streams: at a time, of one connection
 * @sensors: at a time
 * @patience: nanoseconds for a connection to become one of gRPC, for a call of
 *	records to say Hello
 */
struct limits {
	uint64_t message;
	uint64_t memory;
	uint64_t rate;
	uint32_t streams;
	uint32_t connection_streams;
	uint32_t sensors;
	uint64_t patience;
};

struct gate;
struct guest;	/* a sensor, while it has streams */

/* What a program begins with. */
void limits_defaults(struct limits *limits);

/* @rules and @limits outlive the gate. */
struct gate *gate_open(const struct access_rules *rules, const struct limits *limits);
void gate_close(struct gate *gate);

/* From here on these rules and limits hold. */
void gate_change(struct gate *gate, const struct access_rules *rules,
		 const struct limits *limits);
/* Did they change since this was asked last? Then all that are in are to be reviewed. */
bool gate_has_changed(struct gate *gate);
const struct limits *gate_limits(const struct gate *gate);

/*
 * Let a stream in whose sensor calls itself @claimed ("": it does not say);
 * gate_leave() takes it back. NULL: refused and logged, @status says why.
 */
struct guest *gate_admit(struct gate *gate, const struct caller *caller,
			 const char *claimed, struct admission *admission,
			 struct call_status *status);
void gate_leave(struct gate *gate, struct guest *guest);

/*
 * May @guest still send? Then what it has sent is forgotten, for its rate may be another.
 * False: it was logged, @status says why.
 */
bool gate_review(struct gate *gate, struct guest *guest, const struct caller *caller,
		 struct call_status *status);

/* Is there a limit to how fast @guest may send? */
bool gate_limits_rate(const struct gate *gate, const struct guest *guest);

/*
 * Where there is: @bytes came at @now. @return when it may send the next, of the same clock, in
 * nanoseconds; 0: at once.
 */
uint64_t gate_take(const struct gate *gate, struct guest *guest, size_t bytes,
		   uint64_t now);

/* Log that one is refused: once, until it is admitted or the reason is another. */
void gate_complain(struct gate *gate, const char *who, const char *why);

#endif
