/* SPDX-License-Identifier: MIT */
/* Who looks at the relay while it streams: over HTTP, and on a terminal. */
#ifndef RELAY_SIGHT_H
#define RELAY_SIGHT_H

#include <stdbool.h>

#include "common/http.h"
#include "status.h"

struct live;
struct options;
struct sources;
struct stream;

struct sight {
	struct status status;
	struct http_page pages[2];
	struct http *http;
	struct live *live;
};

/* What there is to be seen; all of it outlives the sight. */
void sight_init(struct sight *sight, const struct options *options,
		const struct sources *sources, const struct relay_counts *counts);

/* Let them look; questions wake @stream. False: it was logged. */
bool sight_open(struct sight *sight, const struct options *options,
		const struct metadata *metadata, struct stream *stream);

/* The loop has ended. */
void sight_close(struct sight *sight);

#endif
