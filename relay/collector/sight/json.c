// SPDX-License-Identifier: MIT
/* The roster as JSON: units are in the names. */
#include <inttypes.h>

#include "clock.h"
#include "collector/sight/sight.h"
#include "collector/sight/summary.h"
#include "common/quantity.h"

static void json_text(FILE *out, const char *key, const char *text)
{
	fprintf(out, "\"%s\": \"", key);
	for (; *text; text++) {
		unsigned char byte = *text;

		if (byte < ' ' || byte == '"' || byte == '\\')
			fprintf(out, "\\u%04x", byte);
		else
			fputc(byte, out);
	}
	fputs("\", ", out);
}

static void json_time(FILE *out, const char *key, uint64_t ns)
{
	char date[QUANTITY_MAX];

	if (ns)
		json_text(out, key, quantity_date(date, ns));
	else
		fprintf(out, "\"%s\": null, ", key);
}

static void json_number(FILE *out, const char *key, bool known, double number)
{
	if (known)
		fprintf(out, "\"%s\": %.9g, ", key, number);
	else
		fprintf(out, "\"%s\": null, ", key);
}

static void json_sensor(FILE *out, const struct roster_sensor *sensor)
{
	const struct summary summary = summary_of(sensor);
	const struct roster_account *account = &summary.account;

	fputs("{", out);
	json_text(out, "sensor", sensor->name);
	json_text(out, "interface", sensor->interface);
	json_text(out, "host", sensor->host);
	json_text(out, "version", sensor->version);
	json_time(out, "last_seen", sensor->seen);
	json_time(out, "last_received", sensor->received);
	json_number(out, "packets_per_second", true, sensor->packets_rate);
	json_number(out, "bits_per_second", true, 8 * sensor->bytes_rate);
	json_number(out, "lag_seconds", summary.lag >= 0, summary.lag);
	json_number(out, "clock_ahead_seconds", sensor->clock_known, sensor->clock);
	json_number(out, "loss_percent", true, summary.loss);
	fprintf(out, "\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"dropped_packets\": %" PRIu64 ", ",
		account->packets, account->bytes, account->dropped);
	fprintf(out, "\"consumed_elsewhere_bytes\": %" PRIu64 ", \"possible_duplicate_bytes\": %" PRIu64 ", ",
		account->elsewhere, account->duplicates);
	fprintf(out, "\"out_of_order_records\": %" PRIu64 ", \"missing_bytes\": %" PRIu64 ", ",
		account->disorder, sensor->missing);
	fprintf(out, "\"rings\": %u, \"streams\": %u}", sensor->ring_count, sensor->streams);
}

bool sight_write_json(void *context, FILE *out)
{
	const struct sight *sight = context;
	const struct roster_view *view = roster_look(sight->roster);

	if (!view)
		return false;
	fputs("{", out);
	json_time(out, "time", view->time);
	fprintf(out, "\"unlisted\": %" PRIu64 ", \"sensors\": [", view->unlisted);
	for (size_t i = 0; i < view->count; i++) {
		fputs(i ? ",\n" : "\n", out);
		json_sensor(out, &view->sensors[i]);
	}
	fputs("\n]}\n", out);
	roster_look_away(sight->roster);
	return true;
}
