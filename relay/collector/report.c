// SPDX-License-Identifier: MIT
#include "report.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/log.h"
#include "common/metadata.h"
#include "files/journal.h"

static json_t *report_id(const uint8_t *id)
{
	char text[2 * MESSAGE_ID_BYTES + 1];

	for (int i = 0; i < MESSAGE_ID_BYTES; i++)
		sprintf(text + 2 * i, "%02x", id[i]);
	return json_string(text);
}

/* Names of files can be any bytes; what is no UTF-8 is encoded, as in metadata. */
static json_t *report_name(const char *name)
{
	char encoded[3 * LEDGER_NAME_MAX];
	json_t *text = json_string(name);

	if (!text && metadata_encode(name, encoded, sizeof(encoded)))
		text = json_string(encoded);
	return text;
}

/* Nanoseconds since 1970 to ISO 8601; 0: null. */
static json_t *report_time(uint64_t ns)
{
	time_t seconds = ns / 1000000000;
	char day[32], text[64];
	struct tm tm;

	if (!ns || !gmtime_r(&seconds, &tm))
		return json_null();
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%09uZ", day, (unsigned int)(ns % 1000000000));
	return json_string(text);
}

static const char *const report_kinds[INTERVAL_KINDS] = {
	[INTERVAL_ELSEWHERE] = "consumed_elsewhere_bytes",
	[INTERVAL_DUPLICATES] = "possible_duplicate_bytes",
	[INTERVAL_DISORDER] = "out_of_order",
	[INTERVAL_DROPPED] = "dropped_by_sensor",
};

static json_t *report_interval(const struct interval *one)
{
	return json_pack("{s:s, s:I, s:o, s:o, s:o, s:I}",
			 "what", report_kinds[one->kind],
			 "count", (json_int_t)one->amount,
			 "from", report_time(one->from), "to", report_time(one->to),
			 "noticed", report_time(one->noticed),
			 "times", (json_int_t)one->times);
}

/* The file's intervals of a ring. */
static json_t *report_intervals(const struct ledger_file *file, uint32_t ring)
{
	json_t *list = json_array();

	for (size_t i = 0; i < file->intervals.count; i++)
		if (file->intervals.list[i].ring == ring)
			json_array_append_new(list, report_interval(&file->intervals.list[i]));
	return list;
}

/* Add the ring's account to @to, number by number. */
static void report_add(json_t *to, const struct ledger_ring *ring)
{
	const struct {
		const char *key;
		uint64_t number;
	} numbers[] = {
		{ "packets", ring->packets },
		{ "bytes", ring->bytes },
		{ report_kinds[INTERVAL_ELSEWHERE], ring->elsewhere },
		{ report_kinds[INTERVAL_DUPLICATES], ring->duplicates },
		{ report_kinds[INTERVAL_DISORDER], ring->disorder },
		{ report_kinds[INTERVAL_DROPPED], ring->dropped },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		json_int_t had = json_integer_value(json_object_get(to, numbers[i].key));

		json_object_set_new(to, numbers[i].key,
				    json_integer(had + numbers[i].number));
	}
}

static json_t *report_ring(const struct ledger_file *file, uint32_t number)
{
	const struct ledger_ring *ring = &file->rings[number];
	json_t *out = json_pack("{s:i, s:I, s:o, s:o}", "ring", number,
				"offset", (json_int_t)ring->offset,
				"first", report_time(ring->first),
				"last", report_time(ring->last));

	report_add(out, ring);
	json_object_set_new(out, "intervals", report_intervals(file, number));
	return out;
}

static json_t *report_rings(const struct ledger_file *file)
{
	json_t *rings = json_array();

	for (uint32_t i = 0; i < file->ring_count; i++)
		if (file->rings[i].known)
			json_array_append_new(rings, report_ring(file, i));
	return rings;
}

static json_t *report_file(const struct ledger_file *file)
{
	return json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:i, s:i, s:s, s:o, s:o, s:I, s:b, s:o, s:I, s:o}",
			 "file", report_name(file->name), "sensor", file->sensor,
			 "interface", file->interface, "host", file->host,
			 "boot", report_id(file->boot),
			 "capture", report_id(file->capture),
			 "ring_count", file->ring_count,
			 "linktype", file->format.linktype,
			 "resolution", file->format.microseconds ? "us" : "ns",
			 "since", report_time(file->since),
			 "synced", report_time(file->synced),
			 "length", (json_int_t)file->length, "gone", file->gone,
			 "gone_since", report_time(file->lost),
			 "missing_bytes", (json_int_t)file->missing,
			 "rings", report_rings(file));
}

/* The object of @array in which @key is @value, which is taken over; or a new one. */
static json_t *report_find(json_t *array, const char *key, json_t *value)
{
	json_t *object;
	size_t i;

	json_array_foreach(array, i, object) {
		if (!json_equal(json_object_get(object, key), value))
			continue;
		json_decref(value);
		return object;
	}
	object = json_pack("{s:o}", key, value);
	json_array_append_new(array, object);
	return object;
}

static void report_count(json_t *object, const char *key, uint64_t more)
{
	json_object_set_new(object, key, json_integer(more +
			    json_integer_value(json_object_get(object, key))));
}

/* When this ring of the sensor had an epoch, and what else there was. */
static void report_history(json_t *ring, const struct ledger_file *file, uint32_t i)
{
	json_t *all = json_object_get(ring, "intervals");
	json_t *list = report_intervals(file, i), *one;
	size_t n;

	if (!all) {
		all = json_array();
		json_object_set_new(ring, "intervals", all);
	}
	json_array_insert_new(list, 0, json_pack("{s:s, s:I, s:o, s:o, s:o, s:i}",
			      "what", "epochs", "count", (json_int_t)1,
			      "from", report_time(file->rings[i].first),
			      "to", report_time(file->rings[i].last),
			      "noticed", report_time(file->since), "times", 1));
	if (file->gone)
		json_array_append_new(list, json_pack("{s:s, s:I, s:n, s:n, s:o, s:i}",
				      "what", "missing_bytes",
				      "count", (json_int_t)file->missing,
				      "from", "to",
				      "noticed", report_time(file->lost), "times", 1));
	json_array_foreach(list, n, one)
		json_object_set_new(one, "file", report_name(file->name));
	json_array_extend(all, list);
	json_decref(list);
}

/* What all files together say of the file's sensor and its rings. */
static void report_sum(json_t *sensors, const struct ledger_file *file)
{
	char name[2 * PATH_NAME_MAX];
	json_t *sensor, *rings;

	snprintf(name, sizeof(name), "%s/%s", file->sensor, file->interface);
	sensor = report_find(sensors, "sensor", json_string(name));
	report_count(sensor, "missing_bytes", file->missing);
	rings = json_object_get(sensor, "rings");
	if (!rings) {
		rings = json_array();
		json_object_set_new(sensor, "rings", rings);
	}
	for (uint32_t i = 0; i < file->ring_count; i++) {
		json_t *ring;

		if (!file->rings[i].known)
			continue;
		ring = report_find(rings, "ring", json_integer(i));
		report_count(ring, "epochs", 1);
		report_add(ring, &file->rings[i]);
		report_history(ring, file, i);
	}
}

/* Of a file, or of the files in a directory. */
static struct journal *report_read(const char *write)
{
	char path[PATH_MAX];
	struct stat st;

	if (stat(write, &st) || !S_ISDIR(st.st_mode))
		return journal_read(write);
	snprintf(path, sizeof(path), "%s/" JOURNAL_DIRECTORY, write);
	return journal_read(path);
}

bool report_print(const char *write)
{
	struct journal *journal = report_read(write);
	json_t *files, *sensors, *report;
	bool done;

	if (!journal)
		return false;
	files = json_array();
	sensors = json_array();
	for (const struct ledger_file *file = journal_files(journal); file;
	     file = file->next) {
		json_array_append_new(files, report_file(file));
		report_sum(sensors, file);
	}
	report = json_pack("{s:o, s:o, s:o}", "collector",
			   report_id(journal_id(journal)), "sensors", sensors,
			   "files", files);
	done = report && !json_dumpf(report, stdout, JSON_INDENT(2)) &&
	       putchar('\n') != EOF && !fflush(stdout);
	if (!done)
		log_error("cannot write the report: %m");
	json_decref(report);
	journal_close(journal);
	return done;
}
