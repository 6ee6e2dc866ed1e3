// SPDX-License-Identifier: MIT
/* Metrics. */
#include <stddef.h>

#include "clock.h"
#include "collector/sight/roster.h"
#include "collector/sight/sight.h"
#include "common/live.h"
#include "common/metrics.h"

#define FIGURES_PREFIX		"pcapring_collector"
#define FIGURES_NAME(name)	FIGURES_PREFIX "_" name
#define FIGURES_SENSOR(s) \
	{ "sensor", (s)->name }, { "interface", (s)->interface }

/* A number of each ring. */
static const struct {
	struct metrics_family family;
	size_t offset;		/* in struct roster_account */
} figures_accounts[] = {
	{ { FIGURES_NAME("packets_total"), "counter", "Packets that were written." },
	  offsetof(struct roster_account, packets) },
	{ { FIGURES_NAME("bytes_total"), "counter",
	    "Bytes of these packets, without record headers." },
	  offsetof(struct roster_account, bytes) },
	{ { FIGURES_NAME("dropped_packets_total"), "counter",
	    "Packets that found no room in the sensor's ring." },
	  offsetof(struct roster_account, dropped) },
	{ { FIGURES_NAME("consumed_elsewhere_bytes_total"), "counter",
	    "Bytes of the ring that are missing here, for somebody else had taken them." },
	  offsetof(struct roster_account, elsewhere) },
	{ { FIGURES_NAME("possible_duplicate_bytes_total"), "counter",
	    "Bytes of the ring that another collector may have, too." },
	  offsetof(struct roster_account, duplicates) },
	{ { FIGURES_NAME("out_of_order_records_total"), "counter",
	    "Records that came later than they were held back for." },
	  offsetof(struct roster_account, disorder) },
};

static void figures_rings(FILE *out, const struct roster_view *view,
			  const struct metrics_family *family, size_t offset)
{
	metrics_family(out, family);
	for (size_t i = 0; i < view->count; i++)
		for (uint32_t n = 0; n < view->sensors[i].ring_count; n++) {
			const struct roster_sensor *sensor = &view->sensors[i];
			const char *account = (const char *)&sensor->rings[n].account;
			char ring[16];
			const struct metrics_label labels[] = {
				FIGURES_SENSOR(sensor), { "ring", ring }, {},
			};

			snprintf(ring, sizeof(ring), "%u", n);
			if (sensor->rings[n].known)
				metrics_count(out, family, labels,
					      *(const uint64_t *)(account + offset));
		}
}

static void figures_lag(FILE *out, const struct roster_view *view)
{
	static const struct metrics_family family = {
		FIGURES_NAME("lag_seconds"), "gauge",
		"From the capture of the newest record, by the sensor's clock, to its being written.",
	};

	metrics_family(out, &family);
	for (size_t i = 0; i < view->count; i++)
		for (uint32_t n = 0; n < view->sensors[i].ring_count; n++) {
			const struct roster_sensor *sensor = &view->sensors[i];
			char ring[16];
			const struct metrics_label labels[] = {
				FIGURES_SENSOR(sensor), { "ring", ring }, {},
			};

			snprintf(ring, sizeof(ring), "%u", n);
			if (sensor->rings[n].lag >= 0)
				metrics_value(out, &family, labels, sensor->rings[n].lag);
		}
}

enum figures_kind {
	FIGURES_STREAMS,
	FIGURES_SEEN,
	FIGURES_RECEIVED,
	FIGURES_CLOCK,
	FIGURES_MISSING,
	FIGURES_KINDS
};

static const struct metrics_family figures_families[FIGURES_KINDS] = {
	[FIGURES_STREAMS] = { FIGURES_NAME("sensor_streams"), "gauge",
		"Streams of the sensor that live, one for each ring; 0: it is away." },
	[FIGURES_SEEN] = { FIGURES_NAME("sensor_last_seen_timestamp_seconds"), "gauge",
		"When a stream of the sensor lived last, since 1970." },
	[FIGURES_RECEIVED] = { FIGURES_NAME("sensor_last_received_timestamp_seconds"), "gauge",
		"When something came of the sensor last, since 1970." },
	[FIGURES_CLOCK] = { FIGURES_NAME("sensor_clock_offset_seconds"), "gauge",
		"By how much the sensor's clock is ahead of the collector's, less the way." },
	[FIGURES_MISSING] = { FIGURES_NAME("missing_bytes_total"), "counter",
		"Bytes that went with files that were removed or cut by others." },
};

/* False: there is none. */
static bool figures_value(const struct roster_sensor *sensor, enum figures_kind kind,
			  double *value)
{
	switch (kind) {
	case FIGURES_STREAMS:
		*value = sensor->streams;
		return true;
	case FIGURES_SEEN:
		*value = (double)sensor->seen / CLOCK_SECOND;
		return sensor->seen;
	case FIGURES_RECEIVED:
		*value = (double)sensor->received / CLOCK_SECOND;
		return sensor->received;
	case FIGURES_CLOCK:
		*value = sensor->clock;
		return sensor->clock_known;
	case FIGURES_MISSING:
		*value = sensor->missing;
		return true;
	default:
		return false;
	}
}

static void figures_sensors(FILE *out, const struct roster_view *view, enum figures_kind kind)
{
	metrics_family(out, &figures_families[kind]);
	for (size_t i = 0; i < view->count; i++) {
		const struct roster_sensor *sensor = &view->sensors[i];
		const struct metrics_label labels[] = { FIGURES_SENSOR(sensor), {} };
		double value;

		if (figures_value(sensor, kind, &value))
			metrics_value(out, &figures_families[kind], labels, value);
	}
}

static void figures_info(FILE *out, const struct roster_view *view)
{
	static const struct metrics_family family = {
		FIGURES_NAME("sensor_info"), "gauge",
		"A sensor that was ever here, its host and version; always 1.",
	};

	metrics_family(out, &family);
	for (size_t i = 0; i < view->count; i++) {
		const struct roster_sensor *sensor = &view->sensors[i];
		const struct metrics_label labels[] = {
			FIGURES_SENSOR(sensor), { "host", sensor->host },
			{ "version", sensor->version }, {},
		};

		metrics_count(out, &family, labels, 1);
	}
}

static void figures_delay(FILE *out, const struct roster_view *view)
{
	static const struct metrics_family family = {
		FIGURES_NAME("delay_seconds"), "histogram",
		"From the capture of the oldest record of a write, by the sensor's clock, to that write.",
	};

	metrics_family(out, &family);
	for (size_t i = 0; i < view->count; i++) {
		const struct roster_sensor *sensor = &view->sensors[i];
		const struct metrics_label labels[] = { FIGURES_SENSOR(sensor), {} };

		metrics_histogram(out, &family, labels, &sensor->delay);
	}
}

bool sight_write_metrics(void *context, FILE *out)
{
	uint64_t asked = clock_read(CLOCK_REALTIME);
	const struct sight *sight = context;
	const struct roster_view *view = roster_look(sight->roster);

	if (!view)
		return false;
	figures_info(out, view);
	for (int kind = 0; kind < FIGURES_KINDS; kind++)
		figures_sensors(out, view, kind);
	for (size_t i = 0; i < sizeof(figures_accounts) / sizeof(figures_accounts[0]); i++)
		figures_rings(out, view, &figures_accounts[i].family, figures_accounts[i].offset);
	figures_lag(out, view);
	figures_delay(out, view);
	metrics_single(out, &(struct metrics_family) { FIGURES_NAME("sensors"), "gauge",
		"Sensors and interfaces that were ever here." }, view->count);
	metrics_single(out, &(struct metrics_family) { FIGURES_NAME("unlisted_sensors_total"),
		"counter", "Streams of sensors that are too many to be told of one by one." },
		view->unlisted);
	metrics_single(out, &(struct metrics_family) { FIGURES_NAME("answer_age_seconds"),
		"gauge", "How old these numbers are: 0, but where the collector hangs." },
		view->time < asked ? (double)(asked - view->time) / CLOCK_SECOND : 0);
	roster_look_away(sight->roster);
	if (*sight->folder)
		metrics_disk(out, FIGURES_PREFIX, sight->folder);
	metrics_program(out, FIGURES_PREFIX);
	return true;
}

bool sight_look(void *context, struct live_numbers *numbers)
{
	const struct sight *sight = context;
	const struct roster_view *view = roster_look(sight->roster);
	unsigned int streaming = 0;

	*numbers = (struct live_numbers) {};
	if (!view)
		return false;
	for (size_t i = 0; i < view->count; i++) {
		streaming += !!view->sensors[i].streams;
		for (uint32_t n = 0; n < view->sensors[i].ring_count; n++) {
			const struct roster_account *account =
				&view->sensors[i].rings[n].account;

			numbers->packets += account->packets;
			numbers->bytes += account->bytes;
			numbers->lost += account->dropped;
		}
	}
	snprintf(numbers->note, sizeof(numbers->note), "%u of %zu sensors stream",
		 streaming, view->count);
	roster_look_away(sight->roster);
	return true;
}
