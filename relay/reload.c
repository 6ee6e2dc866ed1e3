// SPDX-License-Identifier: MIT
#include "reload.h"

#include <linux/pcapring.h>
#include <stdlib.h>

#include "check.h"
#include "common/config.h"
#include "common/log.h"
#include "rate.h"
#include "source/exclude.h"
#include "source/exclude_list.h"
#include "source/reader.h"

#define RELOAD_PATIENCE_MS	5000

void reload_open(struct reload *reload, const struct config *first,
		 struct exclude *exclude, struct rate *rate, struct reader *reader,
		 void (*wake)(void *context), void *context)
{
	*reload = (struct reload) {
		.first = first,
		.exclude = exclude,
		.rate = rate,
		.reader = reader,
	};
	ask_open(&reload->ask, wake, context);
}

/* What is left out is taken over by now, or by nobody any more. */
void reload_close(struct reload *reload)
{
	ask_free(&reload->ask);
	if (reload->last)
		config_close(reload->last);
}

/* False: something is wrong, and logged. */
static bool reload_read(struct reload *reload)
{
	uint32_t linktype = reload->reader ? reader_linktype(reload->reader) :
			    PCAPRING_LINKTYPE_NONE;

	return check_options(&reload->options, linktype) &&
	       (!reload->options.exclude_list ||
		exclude_list_read(reload->options.exclude_list, &reload->list));
}

/* False: the relay's thread did not get to it, or cannot. */
static bool reload_hand_over(struct reload *reload)
{
	bool done = ask_begin(&reload->ask, RELOAD_PATIENCE_MS) && reload->done;

	ask_end(&reload->ask);
	return done;
}

void reload_run(void *context)
{
	struct reload *reload = context;
	struct config *config = options_again(&reload->options, reload->first);

	if (!config || !reload_read(reload) || !reload_hand_over(reload)) {
		log_error("the configuration stays as it was");
		free(reload->list);
		reload->list = NULL;
		if (config)
			config_close(config);
		return;
	}
	log_set_verbose(reload->options.verbose);
	config_log(config);
	config_say_fixed(reload->first, config);
	if (reload->last)
		config_close(reload->last);
	reload->last = config;
	log_info("the configuration was read again");
}

void reload_apply(struct reload *reload)
{
	if (!ask_accept(&reload->ask))
		return;
	reload->done = !reload->exclude ||
		       exclude_change(reload->exclude, reload->options.exclude, reload->list);
	reload->list = NULL;
	if (reload->done)
		reload->rate->bytes = reload->options.rate;
	ask_answer(&reload->ask);
}

void reload_end(struct reload *reload)
{
	ask_close(&reload->ask);
}
