/* SPDX-License-Identifier: MIT */
/* How calls end: what a status means for those who call again, and for people. */
#ifndef RELAY_STREAM_END_H
#define RELAY_STREAM_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/tls.h"

/**
 * struct stream_end - how a call ended
 * @code: its status, as gRPC numbers them; 0 is OK
 * @refused: a status that will be the same when tried again
 * @unimplemented: the receiver does not know the method
 * @unavailable: the connection broke, or there was none
 * @aborted: another call took this one's place
 * @reason: the status' name, and what core or the receiver said, for people
 * @fault: what stream_end_explain() found last, "": nothing; @fault_until then, on
 *	CLOCK_MONOTONIC, it is not looked for again
 */
struct stream_end {
	int code;
	bool refused;
	bool unimplemented;
	bool unavailable;
	bool aborted;
	char reason[512];
	char fault[TLS_FAULT_MAX];
	int64_t fault_until;
};

/* @text: what the other side said, @length bytes of anything; one line, printable. */
void stream_end_describe(struct stream_end *end, int code, const uint8_t *text,
			 size_t length);

/*
 * No call could be made: core says little of a connection that came about, but not
 * with TLS. With @tls another one is tried, which may take seconds: once for all calls
 * that fail together. @target and @name as of stream.h.
 */
void stream_end_explain(struct stream_end *end, const struct tls *tls, const char *target,
			const char *name);

/*
 * That a receiver does not know the method, and that it cannot decompress what
 * @algorithm makes, have the same status: it is told by what it says.
 */
void stream_end_blame_compression(struct stream_end *end, const char *algorithm);

#endif
