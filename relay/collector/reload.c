// SPDX-License-Identifier: MIT
#include "reload.h"

#include <stdlib.h>

#include "common/config.h"
#include "common/log.h"
#include "common/tls.h"
#include "records/epochs.h"
#include "trust.h"

#define RELOAD_PATIENCE_MS	5000

void reload_open(struct reload *reload, const struct config *first,
		 const struct options *began, struct gate *gate, struct epochs *epochs,
		 void (*wake)(void *context), void *context)
{
	*reload = (struct reload) {
		.first = first,
		.certificates = began->tls_client_ca && !access_has_tokens(&began->access),
		.gate = gate,
		.epochs = epochs,
	};
	ask_open(&reload->ask, wake, context);
}

static void reload_free(struct options *options, struct config *config)
{
	if (options)
		access_free(&options->access);
	free(options);
	if (config)
		config_close(config);
}

void reload_close(struct reload *reload)
{
	ask_free(&reload->ask);
	reload_free(reload->last, reload->last_config);
}

bool reload_check(const struct options *options)
{
	char fault[TLS_FAULT_MAX];
	struct tls tls;
	bool valid;

	if (!trust_open(&tls, options))
		return false;
	valid = tls_is_valid_now(&tls, fault);	/* it was warned of */
	tls_close(&tls);
	return http_check_files(&options->metrics) && valid;
}

/* False: the server's thread did not get to it. */
static bool reload_hand_over(struct reload *reload)
{
	bool done = ask_begin(&reload->ask, RELOAD_PATIENCE_MS);

	ask_end(&reload->ask);
	return done;
}

/* Core's mind is made up since the start. */
static void reload_say_fixed(const struct reload *reload, const struct options *options)
{
	if (reload->certificates && access_has_tokens(&options->access))
		log_warning("[sensor NAME]: token-sha256 without a certificate needs a restart, for so far all sensors have to have one of --tls-client-ca");
}

void reload_run(void *context)
{
	struct reload *reload = context;
	struct options *options = calloc(1, sizeof(*options));
	struct config *config;

	if (!options)
		abort();
	config = options_again(options, reload->first);
	reload->next = options;
	if (!config || !reload_check(options) || !reload_hand_over(reload)) {
		log_error("the configuration stays as it was");
		reload_free(options, config);
		return;
	}
	log_set_verbose(options->verbose);
	config_log(config);
	config_say_fixed(reload->first, config);
	reload_say_fixed(reload, options);
	reload_free(reload->last, reload->last_config);
	reload->last = options;
	reload->last_config = config;
	log_info("the configuration was read again");
}

void reload_turn(struct reload *reload)
{
	if (!ask_accept(&reload->ask))
		return;
	gate_change(reload->gate, &reload->next->access, &reload->next->limits);
	epochs_pace(reload->epochs, reload->next->sync);
	ask_answer(&reload->ask);
}

void reload_end(struct reload *reload)
{
	ask_close(&reload->ask);
}
