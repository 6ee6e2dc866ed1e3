// SPDX-License-Identifier: MIT
#include "upkeep.h"

#include "common/keeper.h"
#include "common/service.h"
#include "status.h"
#include "watch.h"

/* In the relay's thread. */
static void upkeep_turn(void *context)
{
	struct upkeep *upkeep = context;

	keeper_round();
	reload_apply(&upkeep->reload);
}

bool upkeep_start(struct upkeep *upkeep, const struct upkeep_config *config)
{
	reload_open(&upkeep->reload, config->config, config->exclude, config->rate, config->reader,
		    watch_turn, config->watch);
	upkeep->status = config->status;
	watch_on_turn(config->watch, upkeep_turn, upkeep);
	keeper_join("relay", watch_turn, config->watch);
	if (keeper_start(&(struct keeper_config){
			.reloads = config->reloads,
			.reload = reload_run,
			.context = &upkeep->reload,
			.look = status_look,
			.looked_at = config->status,
		}))
		return true;
	upkeep_stop(upkeep);
	return false;
}

void upkeep_stop(struct upkeep *upkeep)
{
	reload_end(&upkeep->reload);
	ask_close(&upkeep->status->ask);
	/* what is left to do takes its time, and feeds no watchdog */
	service_stopping();
	keeper_stop();
	keeper_leave();
	reload_close(&upkeep->reload);
}
