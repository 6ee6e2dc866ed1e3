// SPDX-License-Identifier: MIT
/*
 * The roster as a page. It asks nothing of the browser but to show it: no scripts,
 * nothing from elsewhere.
 */
#include <inttypes.h>

#include "clock.h"
#include "collector/sight/sight.h"
#include "collector/sight/summary.h"
#include "common/quantity.h"

static const char page_style[] =
	":root{color-scheme:light dark;font:16px/1.4 system-ui,sans-serif}\n"
	"body{margin:1rem}\n"
	"h1{font-size:1.4rem;margin:0}\n"
	"p{margin:.2rem 0 1rem}\n"
	"table{border-collapse:collapse;width:100%}\n"
	"th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid #8884;"
	"vertical-align:top}\n"
	"th{font-weight:600;white-space:nowrap}\n"
	".text{text-align:left;overflow-wrap:anywhere}\n"
	"td{font-variant-numeric:tabular-nums;white-space:nowrap}\n"
	"td.text{white-space:normal}\n"
	"small{display:block;opacity:.75}\n"
	".away td:first-child{border-left:.3rem solid #c60}\n"
	".here td:first-child{border-left:.3rem solid #2a2}\n"
	".bad{color:#c22;font-weight:600}\n"
	"@media(prefers-color-scheme:dark){.bad{color:#f77}}\n"
	"@media(max-width:60rem){\n"
	"thead{display:none}\n"
	"tr{display:block;margin-bottom:1rem;border:1px solid #8884;border-radius:.4rem}\n"
	"td{display:flex;justify-content:space-between;gap:1rem;text-align:right}\n"
	"td::before{content:attr(data-name);opacity:.75;white-space:nowrap}\n"
	"}\n";

/* What anybody may have called himself. */
static void page_text(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*text, out);
		}
}

static void page_begin_cell(FILE *out, const char *name, const char *class)
{
	fprintf(out, "<td data-name=\"%s\" class=\"%s\"><span>", name, class);
}

static void page_cell(FILE *out, const char *name, const char *class, const char *text,
		      const char *more)
{
	page_begin_cell(out, name, class);
	page_text(out, *text ? text : "\xe2\x80\x93");
	if (*more) {
		fputs("<small>", out);
		page_text(out, more);
		fputs("</small>", out);
	}
	fputs("</span></td>\n", out);
}

static void page_seen(FILE *out, const struct roster_sensor *sensor, uint64_t now)
{
	char age[QUANTITY_MAX], date[QUANTITY_MAX] = "", text[2 * QUANTITY_MAX] = "";

	if (sensor->seen) {
		quantity_time(age, (double)(int64_t)(now - sensor->seen) / CLOCK_SECOND);
		snprintf(text, sizeof(text), "%s ago", age);
		quantity_date(date, sensor->seen);
	}
	page_cell(out, "Last seen", "", sensor->streams ? "now" : text, date);
}

static void page_rate(FILE *out, const struct roster_sensor *sensor)
{
	char packets[QUANTITY_MAX], bits[QUANTITY_MAX];

	page_cell(out, "Rate", "", quantity_counted(packets, sensor->packets_rate, "packets/s"),
		  quantity_scaled(bits, 8 * sensor->bytes_rate, "bit/s"));
}

static void page_loss(FILE *out, const struct roster_sensor *sensor,
		      const struct summary *summary)
{
	const struct roster_account *account = &summary->account;
	char percent[QUANTITY_MAX], dropped[QUANTITY_MAX], bytes[QUANTITY_MAX];
	uint64_t missing = account->elsewhere + sensor->missing;
	char more[3 * QUANTITY_MAX];

	snprintf(percent, sizeof(percent), "%.3g %%", summary->loss);
	snprintf(more, sizeof(more), missing ? "%s; %s elsewhere or gone" : "%s",
		 quantity_counted(dropped, account->dropped, "packets"),
		 quantity_scaled(bytes, missing, "B"));
	page_cell(out, "Loss", account->dropped || missing ? "bad" : "", percent, more);
}

static void page_sensor(FILE *out, const struct roster_sensor *sensor, uint64_t now)
{
	const struct summary summary = summary_of(sensor);
	char first[QUANTITY_MAX], second[QUANTITY_MAX];

	fprintf(out, "<tr class=\"%s\">\n", sensor->streams ? "here" : "away");
	page_cell(out, "Sensor", "text", sensor->name, sensor->host);
	page_cell(out, "Interface", "text", sensor->interface, "");
	page_cell(out, "Version", "text", sensor->version, "");
	page_seen(out, sensor, now);
	page_rate(out, sensor);
	page_cell(out, "Lag", summary.lag > 60 ? "bad" : "",
		  summary.lag >= 0 ? quantity_time(first, summary.lag) : "", "");
	page_loss(out, sensor, &summary);
	page_cell(out, "Clock ahead", sensor->clock > 1 || sensor->clock < -1 ? "bad" : "",
		  sensor->clock_known ? quantity_time(first, sensor->clock) : "", "");
	page_cell(out, "In all", "",
		  quantity_counted(first, summary.account.packets, "packets"),
		  quantity_scaled(second, summary.account.bytes, "B"));
	fputs("</tr>\n", out);
}

static void page_head(FILE *out, const struct roster_view *view)
{
	char date[QUANTITY_MAX];
	size_t here = 0;

	for (size_t i = 0; i < view->count; i++)
		here += !!view->sensors[i].streams;
	fprintf(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<title>%zu of %zu sensors stream - pcapring</title>\n", here, view->count);
	fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta http-equiv=\"refresh\" content=\"" SIGHT_REFRESH "\">\n"
	      "<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n", out);
	fprintf(out, "<h1>%zu of %zu sensors stream</h1>\n<p>As of %s, refreshed every "
		SIGHT_REFRESH " s.", here, view->count, quantity_date(date, view->time));
	if (view->unlisted)
		fprintf(out, " There are more than these: %" PRIu64 " streams were not listed.",
			view->unlisted);
	fputs("</p>\n", out);
}

bool sight_write_page(void *context, FILE *out)
{
	const struct sight *sight = context;
	const struct roster_view *view = roster_look(sight->roster);

	if (!view)
		return false;
	page_head(out, view);
	fputs("<table>\n<thead><tr><th class=\"text\">Sensor</th><th class=\"text\">Interface</th>"
	      "<th class=\"text\">Version</th><th>Last seen</th><th>Rate</th><th>Lag</th>"
	      "<th>Loss</th><th>Clock ahead</th><th>In all</th></tr></thead>\n<tbody>\n", out);
	for (size_t i = 0; i < view->count; i++)
		page_sensor(out, &view->sensors[i], view->time);
	fputs("</tbody>\n</table>\n</body>\n</html>\n", out);
	roster_look_away(sight->roster);
	return true;
}

bool sight_write_style(void *context, FILE *out)
{
	(void)context;
	fputs(page_style, out);
	return true;
}
