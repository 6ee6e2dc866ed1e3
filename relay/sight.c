// SPDX-License-Identifier: MIT
#include "sight.h"

#include "channel/stream.h"
#include "common/live.h"
#include "options.h"
#include "source/sources.h"

void sight_init(struct sight *sight, const struct options *options,
		const struct sources *sources, const struct relay_counts *counts)
{
	*sight = (struct sight) {
		.status = {
			.reader = sources->rings,
			.capture = sources->source->capture,
			.spool = sources->spool,
			.folder = options->spool,
			.spool_max = options->spool_max,
			.target = options->target,
			.counts = counts,
		},
	};
}

bool sight_open(struct sight *sight, const struct options *options,
		const struct metadata *metadata, struct stream *stream)
{
	struct http_config config = options->metrics;

	sight->status.metadata = metadata;
	sight->pages[0] = (struct http_page) {
		"/metrics", METRICS_CONTENT_TYPE, status_write_metrics, &sight->status,
	};
	config.pages = sight->pages;
	ask_open(&sight->status.ask, stream_wake, stream);
	if (config.listen) {
		sight->http = http_open(&config);
		if (!sight->http) {
			ask_free(&sight->status.ask);
			return false;
		}
	}
	if (!options->quiet)
		sight->live = live_open(status_look, &sight->status);
	return true;
}

void sight_close(struct sight *sight)
{
	ask_close(&sight->status.ask);
	live_close(sight->live);
	http_close(sight->http);
	ask_free(&sight->status.ask);
}
