// SPDX-License-Identifier: MIT
#include "control/json.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>

#include "common/filter.h"

/* jansson takes NULL for any value and hands it on: each is checked once. */

static bool json_print(json_t *value, size_t flags)
{
	bool done = value && !json_dumpf(value, stdout, flags) &&
		    putchar('\n') != EOF;

	json_decref(value);
	return done;
}

static json_t *json_counters(const uint64_t *stats)
{
	const struct capture_stat_name *name;
	json_t *object = json_object();

	for (name = capture_stat_names; name->name; name++)
		json_object_set_new(object, name->name, json_integer(stats[name->stat]));
	return object;
}

static json_t *json_known(bool known, uint64_t value)
{
	return known ? json_integer(value) : json_null();
}

static json_t *json_ring(const struct capture *capture, const struct capture_ring *ring,
			 bool positions)
{
	json_t *object = json_pack("{s:I, s:o}", "index", (json_int_t)ring->index,
				   "stats", json_counters(ring->stats));
	uint64_t fill;
	bool known;

	if (!positions)
		return object;
	json_object_set_new(object, "head", json_integer(ring->head));
	json_object_set_new(object, "seen", json_integer(ring->seen));
	json_object_set_new(object, "tail", json_integer(ring->tail));
	json_object_set_new(object, "oldest",
			    json_known(capture->mode == PCAPRING_MODE_OVERWRITE,
				       ring->oldest));
	known = capture_ring_fill(capture, ring, &fill);
	json_object_set_new(object, "used_bytes", json_known(known, fill));
	return object;
}

static json_t *json_rings(const struct capture *capture, bool positions)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < capture->ring_count; i++)
		json_array_append_new(array, json_ring(capture, &capture->rings[i],
						       positions));
	return array;
}

/* The kernel takes any bytes as a name, JSON does not. */
static void json_name(const char *ifname, char *name, size_t size)
{
	snprintf(name, size, "%s", ifname);
	for (; *name; name++)
		if (!isprint((unsigned char)*name))
			*name = '?';
}

/* What tells which capture it is. */
static json_t *json_identity(const struct capture *capture)
{
	char uuid[CAPTURE_UUID_TEXT], device[32], name[sizeof(capture->ifname)];

	json_name(capture->ifname, name, sizeof(name));
	capture_uuid_text(capture->uuid, uuid);
	snprintf(device, sizeof(device), "/dev/pcapring%u", capture->id);
	return json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)capture->id,
			 "device", device, "uuid", uuid,
			 "interface", name);
}

static void json_attachment(json_t *object, const struct capture *capture)
{
	bool known = capture->linktype != PCAPRING_LINKTYPE_NONE;

	json_object_set_new(object, "attached",
			    json_boolean(capture_is_attached(capture)));
	json_object_set_new(object, "ifindex",
			    json_known(capture->ifindex, capture->ifindex));
	json_object_set_new(object, "linktype", json_known(known, capture->linktype));
	json_object_set_new(object, "linktype_name", known ?
			    json_string(filter_linktype_name(capture->linktype)) :
			    json_null());
}

static json_t *json_limits(const struct capture *capture)
{
	return json_pack("{s:o, s:o, s:o}",
			 "packets", json_known(capture->limit_packets, capture->limit_packets),
			 "bytes", json_known(capture->limit_bytes, capture->limit_bytes),
			 "seconds", json_known(capture->limit_seconds, capture->limit_seconds));
}

static void json_settings(json_t *object, const struct capture *capture)
{
	json_t *settings = json_pack("{s:I, s:I, s:s, s:s, s:s, s:b, s:b, s:s, s:I, s:b}",
				     "snaplen", (json_int_t)capture->snaplen,
				     "ring_bytes", (json_int_t)capture->ring_bytes,
				     "steer", capture_steer_name(capture->steer),
				     "mode", capture_mode_name(capture->mode),
				     "direction", capture_direction_name(capture->direction),
				     "promisc", capture->promisc,
				     "allmulti", capture->allmulti,
				     "tstamp", capture_tstamp_name(capture->tstamp),
				     "sample", (json_int_t)capture->sample,
				     "frozen", capture->frozen);

	json_object_update(object, settings);
	json_decref(settings);
}

static json_t *json_capture(const struct capture *capture)
{
	json_t *object = json_identity(capture);

	json_attachment(object, capture);
	json_settings(object, capture);
	json_object_set_new(object, "limits", json_limits(capture));
	json_object_set_new(object, "filter_instructions",
			    json_integer(capture->filter_length));
	json_object_set_new(object, "filter_program",
			    json_known(capture->filter_id, capture->filter_id));
	json_object_set_new(object, "reader", json_boolean(capture->reader));
	json_object_set_new(object, "stats", json_counters(capture->stats));
	json_object_set_new(object, "rings", json_rings(capture, true));
	return object;
}

static json_t *json_capture_stats(const struct capture *capture)
{
	json_t *object = json_identity(capture);

	json_object_set_new(object, "stats", json_counters(capture->stats));
	json_object_set_new(object, "rings", json_rings(capture, false));
	return object;
}

static bool json_list(const struct capture_list *list,
		      json_t *(*element)(const struct capture *capture))
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, element(&list->captures[i]));
	return json_print(array, JSON_INDENT(2));
}

bool json_captures(const struct capture_list *list)
{
	return json_list(list, json_capture);
}

bool json_stats(const struct capture_list *list)
{
	return json_list(list, json_capture_stats);
}

bool json_rates(const struct capture *capture, const struct capture *before,
		double seconds)
{
	json_t *object = json_identity(capture), *rates = json_object();
	const struct capture_stat_name *name;

	for (name = capture_stat_names; name->name; name++) {
		uint64_t delta = capture->stats[name->stat] - before->stats[name->stat];

		json_object_set_new(rates, name->name, json_real(delta / seconds));
	}
	json_object_set_new(object, "seconds", json_real(seconds));
	json_object_set_new(object, "rates_per_second", rates);
	return json_print(object, JSON_COMPACT | JSON_REAL_PRECISION(12));
}

bool json_event(const char *name, const struct capture *capture)
{
	json_t *object = json_identity(capture);

	json_object_set_new(object, "event", json_string(name));
	json_attachment(object, capture);
	json_object_set_new(object, "reason", capture->reason[0] ?
			    json_string(capture->reason) : json_null());
	return json_print(object, JSON_COMPACT);
}
