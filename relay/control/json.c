// SPDX-License-Identifier: MIT
#include "control/json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/filter.h"
#include "common/log.h"
#include "common/size.h"
#include "control/arguments.h"

#define JSON_PLACE_MAX		600	/* of a capture: the file's name, a number */
#define JSON_WORD_MAX		64	/* of a key or value that is said to be wrong */
#define JSON_INSTRUCTION_MAX	32	/* "65535 255 255 4294967295" */

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

/* What tells which capture it is. */
static json_t *json_identity(const struct capture *capture)
{
	char uuid[CAPTURE_UUID_TEXT], device[32], name[sizeof(capture->ifname)];

	capture_printable(capture->ifname, name, sizeof(name));
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

/* @ring_bytes: what these are called. False: no memory. */
static bool json_settings(json_t *object, const struct capture *capture,
			  const char *ring_bytes)
{
	json_t *settings = json_pack("{s:I, s:I, s:s, s:s, s:s, s:b, s:b, s:s, s:I}",
				     "snaplen", (json_int_t)capture->snaplen,
				     ring_bytes, (json_int_t)capture->ring_bytes,
				     "steer", capture_steer_name(capture->steer),
				     "mode", capture_mode_name(capture->mode),
				     "direction", capture_direction_name(capture->direction),
				     "promisc", capture->promisc,
				     "allmulti", capture->allmulti,
				     "tstamp", capture_tstamp_name(capture->tstamp),
				     "sample", (json_int_t)capture->sample);
	bool done = !json_object_update(object, settings);

	json_decref(settings);
	return done;
}

static json_t *json_capture(const struct capture *capture)
{
	json_t *object = json_identity(capture);

	json_attachment(object, capture);
	json_settings(object, capture, "ring_bytes");
	json_object_set_new(object, "frozen", json_boolean(capture->frozen));
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

/* Captures in a file: writing */

const char *json_save_hint(const struct capture *capture)
{
	json_t *name;

	if (capture->filter_id)
		return "its filter is an eBPF program, which a file cannot hold: add it by hand after a restore";
	name = json_string(capture->ifname);
	if (!name)
		return "the name of its interface is no UTF-8 text: rename the interface";
	json_decref(name);
	return NULL;
}

/* json_int_t has a sign. */
static json_t *json_whole(uint64_t number)
{
	char text[24];

	if (number <= INT64_MAX)
		return json_integer(number);
	snprintf(text, sizeof(text), "%" PRIu64, number);
	return json_string(text);
}

static bool json_save_limits(json_t *object, const struct capture *capture)
{
	const struct {
		const char *name;
		uint64_t value;
	} limits[] = {
		{ "limit packets", capture->limit_packets },
		{ "limit bytes", capture->limit_bytes },
		{ "limit seconds", capture->limit_seconds },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		if (limits[i].value &&
		    json_object_set_new(object, limits[i].name, json_whole(limits[i].value)))
			return false;
	}
	return true;
}

static bool json_save_filter(json_t *object, const struct capture *capture)
{
	json_t *array;

	if (!capture->filter_length)
		return true;
	array = json_array();
	if (json_object_set_new(object, "filter", array))
		return false;
	for (size_t i = 0; i < capture->filter_length; i++) {
		const struct sock_filter *insn = &capture->filter[i];
		char text[JSON_INSTRUCTION_MAX];

		snprintf(text, sizeof(text), "%u %u %u %u", insn->code, insn->jt,
			 insn->jf, insn->k);
		if (json_array_append_new(array, json_string(text)))
			return false;
	}
	return true;
}

static bool json_save_capture(json_t *array, const struct capture *capture)
{
	json_t *object = json_pack("{s:s, s:I}", "interface", capture->ifname,
				   "rings", (json_int_t)capture->ring_count);

	return !json_array_append_new(array, object) &&
	       json_settings(object, capture, "ring-bytes") &&
	       json_save_limits(object, capture) && json_save_filter(object, capture);
}

bool json_save(const struct capture_list *list, FILE *file)
{
	json_t *array = json_array(), *root = json_pack("{s:O}", "captures", array);
	bool done = root;

	for (size_t i = 0; done && i < list->count; i++) {
		if (!json_save_hint(&list->captures[i]))
			done = json_save_capture(array, &list->captures[i]);
	}
	done = done && !json_dumpf(root, file, JSON_INDENT(2)) && fputc('\n', file) != EOF;
	json_decref(array);
	json_decref(root);
	return done;
}

/* ... and reading */

/* Four numbers, with a blank between two of them. */
static bool json_load_instruction(const json_t *value, struct sock_filter *insn)
{
	static const uint64_t most[] = { UINT16_MAX, UINT8_MAX, UINT8_MAX, UINT32_MAX };
	char text[JSON_INSTRUCTION_MAX], *rest = text;
	uint64_t numbers[4];

	if (!json_is_string(value) || json_string_length(value) >= sizeof(text))
		return false;
	strcpy(text, json_string_value(value));
	for (int i = 0; i < 4; i++) {
		const char *word = strsep(&rest, " ");

		if (!word || !number_parse(word, 0, most[i], &numbers[i]))
			return false;
	}
	*insn = (struct sock_filter){ numbers[0], numbers[1], numbers[2], numbers[3] };
	return !rest;
}

static bool json_load_instructions(const json_t *array, const char *place,
				   struct capture_request *request)
{
	size_t count = json_array_size(array);

	if (count < 1 || count > BPF_MAXINSNS) {
		log_error("%s: filter of %zu instructions: takes 1 to %u, or an expression; leave the key out for no filter",
			  place, count, BPF_MAXINSNS);
		return false;
	}
	request->filter = calloc(count, sizeof(*request->filter));
	if (!request->filter) {
		log_error("%s: out of memory", place);
		return false;
	}
	request->filter_length = count;
	for (size_t i = 0; i < count; i++) {
		if (json_load_instruction(json_array_get(array, i), &request->filter[i]))
			continue;
		log_error("%s: filter[%zu]: takes an instruction as 'tcpdump -ddd' prints it, such as \"40 0 0 12\"",
			  place, i);
		return false;
	}
	return true;
}

static bool json_load_filter(const json_t *value, const char *place,
			     struct capture_request *request)
{
	request->given |= CAPTURE_GIVEN(PCAPRING_A_FILTER);
	if (json_is_array(value))
		return json_load_instructions(value, place, request);
	if (!json_is_string(value) || !json_string_length(value)) {
		log_error("%s: filter: takes an expression as tcpdump does, or an array of instructions",
			  place);
		return false;
	}
	request->expression = strdup(json_string_value(value));
	if (!request->expression)
		log_error("%s: out of memory", place);
	return request->expression;
}

static bool json_load_interface(const json_t *value, const char *place,
				struct capture_request *request)
{
	if (!json_is_string(value) || !json_string_length(value) ||
	    json_string_length(value) >= sizeof(request->ifname)) {
		log_error("%s: interface: takes a name of 1 to %zu bytes, or any", place,
			  sizeof(request->ifname) - 1);
		return false;
	}
	strcpy(request->ifname, json_string_value(value));
	request->given |= CAPTURE_GIVEN(PCAPRING_A_IFNAME);
	return true;
}

/* The word for it on the command line; what is none there is wrong there, too. */
static bool json_word(const json_t *value, char *word, size_t size)
{
	char *text;

	if (json_is_string(value)) {
		capture_printable(json_string_value(value), word, size);
		return true;
	}
	if (json_is_boolean(value)) {
		capture_printable(json_is_true(value) ? "on" : "off", word, size);
		return true;
	}
	text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!text)
		return false;
	capture_printable(text, word, size);
	free(text);
	return true;
}

static bool json_load_key(const char *name, const json_t *value, const char *place,
			  struct capture_request *request)
{
	char key[JSON_WORD_MAX], word[JSON_WORD_MAX];

	if (!strcmp(name, "interface"))
		return json_load_interface(value, place, request);
	if (!strcmp(name, "filter"))
		return json_load_filter(value, place, request);
	capture_printable(name, key, sizeof(key));
	if (!json_word(value, word, sizeof(word))) {
		log_error("%s: %s: out of memory", place, key);
		return false;
	}
	return arguments_pair(request, place, key, word);
}

static bool json_load_capture(json_t *object, const char *place,
			      struct capture_request *request)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object)) {
		log_error("%s: takes an object, {\"interface\": NAME, ...}", place);
		return false;
	}
	json_object_foreach(object, name, value) {
		if (!json_load_key(name, value, place, request))
			return false;
	}
	if (request->ifname[0])
		return true;
	log_error("%s: interface is missing: takes a name, or any", place);
	return false;
}

/* The array of captures, and nothing beside it. NULL: it has been said. */
static const json_t *json_load_array(json_t *root, const char *name)
{
	const json_t *array = json_object_get(root, "captures");
	char key[JSON_WORD_MAX];
	const char *other;
	json_t *value;

	json_object_foreach(root, other, value) {
		if (value == array)
			continue;
		capture_printable(other, key, sizeof(key));
		log_error("%s: '%s' is not known here: takes \"captures\" only", name, key);
		return NULL;
	}
	if (json_is_array(array))
		return array;
	log_error("%s: holds no captures: takes {\"captures\": [...]}, as pcapring save writes it",
		  name);
	return NULL;
}

static json_t *json_load_root(FILE *file, const char *name)
{
	char text[JSON_ERROR_TEXT_LENGTH];
	json_error_t error;
	json_t *root = json_loadf(file, JSON_REJECT_DUPLICATES, &error);

	if (ferror(file)) {
		log_error("%s: %m", name);
		json_decref(root);
		return NULL;
	}
	if (root)
		return root;
	capture_printable(error.text, text, sizeof(text));
	log_error("%s: line %d, column %d: %s: mend it, or let pcapring save write it anew",
		  name, error.line, error.column, text);
	return NULL;
}

bool json_load(FILE *file, const char *name, struct capture_request_list *list)
{
	json_t *root = json_load_root(file, name);
	const json_t *array;
	bool done;

	if (!root)
		return false;
	array = json_load_array(root, name);
	done = array;
	for (size_t i = 0; done && i < json_array_size(array); i++) {
		struct capture_request *request = capture_request_list_add(list);
		char place[JSON_PLACE_MAX];

		snprintf(place, sizeof(place), "%s: captures[%zu]", name, i);
		if (!request)
			log_error("%s: out of memory", place);
		done = request && json_load_capture(json_array_get(array, i), place, request);
	}
	json_decref(root);
	return done;
}
