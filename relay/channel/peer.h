/* SPDX-License-Identifier: MIT */
/*
 * What is known of the receiver, and was said of it, over all calls of a run and
 * both protocols: each change is told once.
 */
#ifndef RELAY_PEER_H
#define RELAY_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "backoff.h"

struct stream_end;

/**
 * struct peer - a receiver; all zero but the target at first
 * @target: what messages call it
 * @connected: at least once
 * @away: what was said last is that it is away
 * @refused: the status that was last said to be a refusal
 * @trial: how long the next Run call has to live before packets are sent
 * @again: a Run call ended, and another one would follow
 * @backoff: of Run calls
 */
struct peer {
	const char *target;
	bool connected;
	bool away;
	int refused;
	int64_t trial;
	bool again;
	struct backoff backoff;
};

/* It takes a call. True: it was connected before. */
bool peer_connected(struct peer *peer);

/*
 * A call ended that will be made again. @left: what becomes of what was sent,
 * and was not. @news: that is worth being told although it is away already.
 */
void peer_away(struct peer *peer, const struct stream_end *end, const char *left,
	       bool news);

#define PEER_UNREACHED	(-1)

/*
 * A Run call ended that had @lived for so long, in nanoseconds, since packets went
 * out; 0: they did not; PEER_UNREACHED: it had no connection. Before peer_away().
 * Returns how long to wait before the next one.
 */
int64_t peer_retry(struct peer *peer, const struct stream_end *end, int64_t lived);

/* Say that the relay captures its own connection to it. */
void peer_feeds(const struct peer *peer);

#endif
