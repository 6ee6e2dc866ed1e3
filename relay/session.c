// SPDX-License-Identifier: MIT
#include "session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel/extent.h"
#include "channel/peer.h"
#include "channel/stream.h"
#include "common/log.h"
#include "common/service.h"
#include "copy.h"
#include "options.h"
#include "records/records.h"
#include "relay.h"
#include "sight.h"
#include "source/freeze.h"
#include "source/sources.h"
#include "spool/spool.h"
#include "trust.h"
#include "upkeep.h"
#include "watch.h"

/**
 * struct session - one
 * @spoken: what is spoken
 * @packets, @records: the engines' part; both have the same of all but the protocol
 */
struct session {
	const struct session_config *config;
	struct extents *extents;
	enum options_protocol spoken;
	struct relay_counts counts;
	struct peer peer;
	struct watch watch;
	struct sight sight;
	struct upkeep upkeep;
	struct relay_config packets;
	struct records_config records;
};

static void session_identify(const struct options *options, struct metadata *metadata)
{
	metadata_defaults(metadata);
	gethostname(metadata->host, sizeof(metadata->host) - 1);
	metadata->tsresol = options->nanoseconds ? 9 : 6;
	if (options->sensor) {
		snprintf(metadata->sensor, sizeof(metadata->sensor), "%s",
			 options->sensor);
	} else if (!service_machine(metadata->sensor)) {
		log_warning("this machine has no id (machine-id(5)): the host name '%s' stands for it; --sensor sets another",
			    metadata->host);
		memcpy(metadata->sensor, metadata->host, sizeof(metadata->sensor));
	}
}

static struct extents *session_make_extents(const struct reader *rings)
{
	struct extents *extents = calloc(rings->ring_count, sizeof(*extents));

	if (!extents)
		abort();
	for (unsigned int i = 0; i < rings->ring_count; i++)
		extents_init(&extents[i], rings->ring_bytes);
	return extents;
}

static struct stream *session_make_stream(const struct session *session)
{
	const struct options *options = session->config->options;
	struct trust *trust = session->config->trust;
	struct stream *stream = stream_new(options->target);

	if (options->tls_ca)
		stream_encrypt(stream, &trust->tls, options->tls_name,
			       options->token_file ? &trust->token : NULL);
	if (options->compression)
		stream_compress(stream, options->compression);
	return stream;
}

static struct exclude *session_exclude(const struct session *session)
{
	struct sources *sources = session->config->sources;

	return sources->source->capture ? &sources->exclude : NULL;
}

static void session_init_packets(struct session *session, struct stream *stream)
{
	const struct options *options = session->config->options;
	struct sources *sources = session->config->sources;

	session->packets = (struct relay_config) {
		.source = sources->source,
		.stream = stream,
		.watch = &session->watch,
		.extents = session->extents,
		.exclude = session_exclude(session),
		.copy = sources->copy,
		.limit = &sources->limit,
		.rate = &sources->rate,
		.drain = options->drain,
		.target = options->target,
		.peer = options->protocol == OPTIONS_AUTO ? &session->peer : NULL,
		.status = &session->sight.status,
	};
	session_identify(options, &session->packets.metadata);
}

static void session_init_records(struct session *session, struct stream *stream)
{
	const struct options *options = session->config->options;
	struct sources *sources = session->config->sources;

	session->records = (struct records_config) {
		.reader = sources->rings,
		.stream = stream,
		.watch = &session->watch,
		.extents = session->extents,
		.exclude = session_exclude(session),
		.copy = sources->copy,
		.limit = &sources->limit,
		.rate = &sources->rate,
		.drain = options->drain,
		.spool = sources->spool,
		.target = options->target,
		.metadata = session->packets.metadata,
		.feed = sources->source->capture ? NULL : &sources->replay.feed,
		.peer = &session->peer,
		.fallback = options->protocol == OPTIONS_AUTO,
		.status = &session->sight.status,
	};
	/* a savefile's name; of a capture, both ask for more */
	sources->source->describe(sources->source, &session->records.metadata);
}

static void session_init(struct session *session, const struct session_config *config)
{
	struct stream *stream;

	*session = (struct session) {
		.config = config,
		.extents = session_make_extents(config->sources->rings),
		.spoken = config->options->protocol,
		.peer = { .target = config->options->target },
	};
	sight_init(&session->sight, config->options, config->sources, &session->counts);
	stream = session_make_stream(session);
	session_init_packets(session, stream);
	session_init_records(session, stream);
}

static void session_report(const struct session *session)
{
	const struct relay_counts *counts = &session->counts;
	enum options_protocol spoken = session->spoken;

	if (spoken == OPTIONS_RECORDS)
		log_info("%" PRIu64 " bytes acknowledged, %" PRIu64 " sent again, %" PRIu64 " consumed elsewhere, %" PRIu64 " possible duplicates, %" PRIu64 " reconnects",
			 counts->acknowledged, counts->again, counts->elsewhere,
			 counts->twice, counts->reconnects);
	if (spoken == OPTIONS_PACKET || counts->packets)
		log_info("%" PRIu64 " packets (%" PRIu64 " bytes) sent, %" PRIu64 " unconfirmed, %" PRIu64 " reconnects",
			 counts->packets, counts->bytes, counts->unconfirmed,
			 counts->reconnects);
}

/*
 * Ask the receiver what it speaks whenever a call of the lesser protocol ended.
 */
static bool session_stream(struct session *session)
{
	const struct records_config *records = &session->records;
	const struct relay_config *packets = &session->packets;
	enum options_protocol protocol = session->spoken;
	bool said = false;

	do {
		enum records_result result = RECORDS_UNIMPLEMENTED;
		bool ok;

		session->spoken = OPTIONS_RECORDS;
		if (protocol != OPTIONS_PACKET)
			result = records_run(records, &session->counts);
		if (result != RECORDS_UNIMPLEMENTED)
			return result == RECORDS_OK;
		session->spoken = OPTIONS_PACKET;
		log_debug("%s does not know pcapring.v1: packet by packet",
			  packets->target);
		if (records->spool && !said)
			log_warning("%s does not know pcapring.v1: the spool is for receivers that do; %" PRIu64 " bytes wait there",
				    packets->target, spool_bytes(records->spool));
		said = true;
		ok = relay_run(packets, &session->counts);
		if (!packets->peer || !packets->peer->again)
			return ok;
	} while (true);
}

static bool session_keep_up(struct session *session)
{
	const struct session_config *config = session->config;
	struct sources *sources = config->sources;
	const struct upkeep_config upkeep = {
		.config = config->config,
		.reloads = config->reloads,
		.watch = &session->watch,
		.exclude = session->packets.exclude,
		.rate = &sources->rate,
		.status = &session->sight.status,
		.reader = sources->source->capture ? sources->rings : NULL,
	};
	bool ok = upkeep_start(&session->upkeep, &upkeep);

	service_ready();
	if (!ok)
		return false;
	ok = session_stream(session);
	upkeep_stop(&session->upkeep);
	return ok;
}

/* The watch wakes the stream, which refers to the rings: they end in this order. */
static bool session_watch(struct session *session)
{
	const struct session_config *config = session->config;
	const struct sources *sources = config->sources;
	bool ok;

	if (!watch_start(&session->watch, config->signals, sources->source->fd, stream_wake,
			 session->packets.stream))
		return false;
	ok = session_keep_up(session);
	watch_stop(&session->watch);
	session_report(session);
	/* what else is there of the spool, too, was to be sent */
	ok = ok && !(config->options->drain && sources->spool && spool_bytes(sources->spool));
	if (!ok)
		sources_say_left(sources);
	return ok;
}

static void session_free(struct session *session)
{
	stream_free(session->packets.stream);
	if (session->spoken == OPTIONS_RECORDS)
		records_release(session->records.reader, session->extents);
	else
		relay_release(session->packets.source, session->extents);
	free(session->extents);
}

bool session_run(const struct session_config *config)
{
	const struct options *options = config->options;
	struct copy *copy = config->sources->copy;
	struct session session;
	bool ok;

	session_init(&session, config);
	if (options->drain)
		freeze_capture(options->device, config->sources->reader.info);
	ok = sight_open(&session.sight, options, &session.records.metadata,
			session.packets.stream);
	if (ok) {
		ok = session_watch(&session);
		/* what it holds of the rings is let go of below */
		ok &= !copy || copy_finish(copy);
		sight_close(&session.sight);
	}
	session_free(&session);
	return ok;
}
