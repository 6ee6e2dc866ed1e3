// SPDX-License-Identifier: MIT
#include "peer.h"

#include "clock.h"
#include "common/log.h"
#include "common/service.h"
#include "stream.h"

/*
 * Only a call that has lived so long proves that the receiver takes it: one
 * that refuses says so only after messages could have gone out.
 */
#define PEER_LIVED	(1 * CLOCK_SECOND)
/* Nor does a connection that is about to close take calls for long. */
#define PEER_SETTLED	(CLOCK_SECOND / 10)

bool peer_connected(struct peer *peer)
{
	bool again = peer->connected;

	peer->connected = true;
	peer->away = false;
	peer->refused = 0;
	log_info("connected to %s", peer->target);
	service_status("connected to %s", peer->target);
	return again;
}

void peer_away(struct peer *peer, const struct stream_end *end, const char *left,
	       bool news)
{
	if (end->refused && peer->refused != end->code) {
		log_error("%s refuses the stream: %s; %s; trying again, at most %d s apart",
			  peer->target, end->reason, left, BACKOFF_MAX_MS / 1000);
		service_status("%s refuses the stream: %s", peer->target, end->reason);
		peer->refused = end->code;
	} else if (!end->refused && (!peer->away || news)) {
		log_warning("%s is away: %s; %s", peer->target, end->reason, left);
		service_status("%s is away: %s", peer->target, end->reason);
	} else {
		log_debug("%s is still away: %s", peer->target, end->reason);
	}
	peer->away = true;
}

/* Where it was there a moment ago, the next call is made at once. */
int64_t peer_retry(struct peer *peer, const struct stream_end *end, int64_t lived)
{
	bool unreached = lived == PEER_UNREACHED && !peer->away && !end->refused;
	bool well = lived >= PEER_LIVED && !end->refused;

	if (!unreached && !well) {
		peer->trial = end->refused ? PEER_LIVED : PEER_SETTLED;
		return backoff_next(&peer->backoff) * CLOCK_MILLISECOND;
	}
	peer->backoff = (struct backoff) {};
	peer->trial = well ? PEER_SETTLED : 0;
	return 0;
}

void peer_feeds(const struct peer *peer)
{
	log_warning("what is captured grows with what is sent: the connection to %s seems to be captured under another address, behind address translation, a proxy or a tunnel; leave it out, as with --exclude 'tcp port 50051 and host 192.0.2.1'",
		    peer->target);
}
