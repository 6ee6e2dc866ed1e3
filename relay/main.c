// SPDX-License-Identifier: MIT
/* pcapring-relay: one capture device or savefile to one receiver. */
#include <stdlib.h>

#include "check.h"
#include "common/config.h"
#include "common/log.h"
#include "common/service.h"
#include "options.h"
#include "session.h"
#include "source/sources.h"
#include "trust.h"

static bool main_stream(const struct options *options, const struct config *config,
			struct trust *trust, const struct service_heard *signals)
{
	static struct sources sources;
	bool ok = sources_open(&sources, options, signals->end);

	if (!ok)
		return false;
	ok = session_run(&(struct session_config) {
		.options = options,
		.sources = &sources,
		.trust = trust,
		.signals = signals->end,
		.reloads = signals->reloads,
		.config = config,
	});
	sources_close(&sources);
	return ok;
}

static int main_do(const struct options *options, const struct config *config)
{
	struct service_heard signals;
	struct trust trust;
	bool ok;

	if (config_is_check(config))
		return config_say_checked(check_options(options, PCAPRING_LINKTYPE_NONE));
	if (!config_log(config) || !service_listen(&signals, config_can_reload(config)) ||
	    !trust_open(&trust, options))
		return EXIT_FAILURE;
	ok = main_stream(options, config, &trust, &signals);
	trust_close(&trust);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct config *config;
	struct options options;
	int result;

	log_open("pcapring-relay", 0);
	config = options_open(&options, argc, argv);
	log_open("pcapring-relay", options.verbose);
	result = main_do(&options, config);
	config_close(config);
	return result;
}
