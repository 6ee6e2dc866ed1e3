/* SPDX-License-Identifier: MIT */
/* What is opened is streamed: by which protocol, with whom watching, until when. */
#ifndef RELAY_SESSION_H
#define RELAY_SESSION_H

#include <stdbool.h>

struct config;
struct options;
struct sources;
struct trust;

/**
 * struct session_config - all of it outlives the session
 * @signals: signalfd of those that end it; @reloads: of SIGHUP, or -1
 * @config: what the relay began with
 */
struct session_config {
	const struct options *options;
	struct sources *sources;
	struct trust *trust;
	int signals;
	int reloads;
	const struct config *config;
};

/* True: all has arrived, or waits where it is. */
bool session_run(const struct session_config *config);

#endif
