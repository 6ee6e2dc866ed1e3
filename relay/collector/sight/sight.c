// SPDX-License-Identifier: MIT
#include "collector/sight/sight.h"

#include <libgen.h>
#include <string.h>

#include "collector/sight/roster.h"
#include "common/live.h"

static void sight_write_pages(struct sight *sight)
{
	static const struct http_page pages[SIGHT_PAGES] = {
		{ "/metrics", METRICS_CONTENT_TYPE, sight_write_metrics, NULL },
		{ "/", "text/html; charset=utf-8", sight_write_page, NULL },
		{ "/sensors", "text/html; charset=utf-8", sight_write_page, NULL },
		{ "/sensors.json", "application/json", sight_write_json, NULL },
		{ "/style.css", "text/css; charset=utf-8", sight_write_style, NULL },
		{},
	};

	memcpy(sight->pages, pages, sizeof(pages));
	for (struct http_page *page = sight->pages; page->path; page++)
		page->context = sight;
}

bool sight_open(struct sight *sight, struct roster *roster, const struct sight_config *config)
{
	struct http_config http = config->http;
	char path[PATH_MAX];

	*sight = (struct sight){ .roster = roster };
	if (config->directory) {
		snprintf(sight->folder, sizeof(sight->folder), "%s", config->directory);
	} else if (strcmp(config->write, "-")) {
		snprintf(path, sizeof(path), "%s", config->write);
		snprintf(sight->folder, sizeof(sight->folder), "%s", dirname(path));
	}
	sight_write_pages(sight);
	http.pages = sight->pages;
	roster_start(roster, config->wake, config->context);
	if (http.listen) {
		sight->http = http_open(&http);
		if (!sight->http)
			return false;
	}
	if (!config->quiet)
		sight->live = live_open(sight_look, sight);
	return true;
}

void sight_close(struct sight *sight)
{
	roster_stop(sight->roster);
	live_close(sight->live);
	http_close(sight->http);
}
