// SPDX-License-Identifier: MIT
#include "control/arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/size.h"

#define ARGUMENTS_INTERVAL_MAX	86400	/* seconds */
#define ARGUMENTS_NAME_MAX	32
#define ARGUMENTS_SECOND	1000000000ULL	/* nanoseconds */
#define ARGUMENTS_TENTH		(ARGUMENTS_SECOND / 10)

struct arguments_choice {
	const char *name;
	uint32_t value;
};

static const struct arguments_choice arguments_steers[] = {
	{ "cpu", PCAPRING_STEER_CPU },
	{ "flow", PCAPRING_STEER_FLOW },
	{ NULL, 0 }
};

static const struct arguments_choice arguments_directions[] = {
	{ "in", PCAPRING_DIRECTION_IN },
	{ "out", PCAPRING_DIRECTION_OUT },
	{ "both", PCAPRING_DIRECTION_BOTH },
	{ NULL, 0 }
};

static const struct arguments_choice arguments_modes[] = {
	{ "normal", PCAPRING_MODE_NORMAL },
	{ "overwrite", PCAPRING_MODE_OVERWRITE },
	{ NULL, 0 }
};

static const struct arguments_choice arguments_tstamps[] = {
	{ "software", PCAPRING_TSTAMP_SOFTWARE },
	{ "hardware", PCAPRING_TSTAMP_HARDWARE },
	{ "sw", PCAPRING_TSTAMP_SOFTWARE },
	{ "hw", PCAPRING_TSTAMP_HARDWARE },
	{ NULL, 0 }
};

static const struct arguments_choice arguments_switches[] = {
	{ "on", 1 },
	{ "off", 0 },
	{ NULL, 0 }
};

static bool arguments_choose(const struct arguments_choice *choices,
			     const char *text, uint32_t *value)
{
	for (; choices->name; choices++) {
		if (!strcmp(choices->name, text)) {
			*value = choices->value;
			return true;
		}
	}
	return false;
}

static bool arguments_number(const char *text, uint32_t low, uint32_t high,
			     uint32_t *value)
{
	uint64_t number;

	if (!number_parse(text, low, high, &number))
		return false;
	*value = number;
	return true;
}

static bool arguments_snaplen(struct capture_request *request, const char *text)
{
	return arguments_number(text, 1, PCAPRING_SNAPLEN_MAX, &request->snaplen);
}

static bool arguments_ring_bytes(struct capture_request *request, const char *text)
{
	return size_parse(text, &request->ring_bytes) && request->ring_bytes &&
	       !(request->ring_bytes & (request->ring_bytes - 1)) &&
	       request->ring_bytes <= PCAPRING_RING_BYTES_MAX;
}

static bool arguments_rings(struct capture_request *request, const char *text)
{
	return arguments_number(text, 0, PCAPRING_RINGS_MAX, &request->rings);
}

static bool arguments_steer(struct capture_request *request, const char *text)
{
	return arguments_choose(arguments_steers, text, &request->steer);
}

static bool arguments_direction(struct capture_request *request, const char *text)
{
	return arguments_choose(arguments_directions, text, &request->direction);
}

static bool arguments_mode(struct capture_request *request, const char *text)
{
	return arguments_choose(arguments_modes, text, &request->mode);
}

static bool arguments_tstamp(struct capture_request *request, const char *text)
{
	return arguments_choose(arguments_tstamps, text, &request->tstamp);
}

static bool arguments_switch(const char *text, bool *on)
{
	uint32_t value;

	if (!arguments_choose(arguments_switches, text, &value))
		return false;
	*on = value;
	return true;
}

static bool arguments_promisc(struct capture_request *request, const char *text)
{
	return arguments_switch(text, &request->promisc);
}

static bool arguments_allmulti(struct capture_request *request, const char *text)
{
	return arguments_switch(text, &request->allmulti);
}

static bool arguments_sample(struct capture_request *request, const char *text)
{
	return arguments_number(text, 1, UINT32_MAX, &request->sample);
}

static bool arguments_limit_packets(struct capture_request *request, const char *text)
{
	return number_parse(text, 0, UINT64_MAX, &request->limit_packets);
}

static bool arguments_limit_bytes(struct capture_request *request, const char *text)
{
	return size_parse(text, &request->limit_bytes);
}

static bool arguments_limit_seconds(struct capture_request *request, const char *text)
{
	return arguments_number(text, 0, UINT32_MAX, &request->limit_seconds);
}

/* @fixed: given at creation, never changed */
static const struct arguments_key {
	const char *name;
	enum pcapring_attribute attribute;
	bool fixed;
	bool (*parse)(struct capture_request *request, const char *text);
	const char *takes;
} arguments_keys[] = {
	{ "snaplen", PCAPRING_A_SNAPLEN, false, arguments_snaplen,
	  "a number of bytes from 1 to 262144" },
	{ "ring-bytes", PCAPRING_A_RING_BYTES, true, arguments_ring_bytes,
	  "a power of two up to 1G, as 65536, 64k, 32M" },
	{ "rings", PCAPRING_A_RINGS, true, arguments_rings,
	  "a number of rings from 0 to 64 (0: one for each receive queue)" },
	{ "steer", PCAPRING_A_STEER, true, arguments_steer, "cpu or flow" },
	{ "mode", PCAPRING_A_MODE, true, arguments_mode, "normal or overwrite" },
	{ "direction", PCAPRING_A_DIRECTION, false, arguments_direction,
	  "in, out or both" },
	{ "promisc", PCAPRING_A_PROMISC, false, arguments_promisc, "on or off" },
	{ "allmulti", PCAPRING_A_ALLMULTI, false, arguments_allmulti, "on or off" },
	{ "tstamp", PCAPRING_A_TSTAMP, false, arguments_tstamp,
	  "software (sw) or hardware (hw)" },
	{ "sample", PCAPRING_A_SAMPLE, false, arguments_sample,
	  "a number N from 1 to 4294967295: one packet in N is captured" },
	{ "limit packets", PCAPRING_A_LIMIT_PACKETS, false, arguments_limit_packets,
	  "a number of packets (0: no limit)" },
	{ "limit bytes", PCAPRING_A_LIMIT_BYTES, false, arguments_limit_bytes,
	  "a number of bytes, as 65536, 64k, 32M (0: no limit)" },
	{ "limit seconds", PCAPRING_A_LIMIT_SECONDS, false, arguments_limit_seconds,
	  "a number of seconds up to 4294967295 (0: no limit)" },
	{ NULL, 0, false, NULL, NULL }
};

static char *arguments_join(char **words)
{
	size_t length = 1;
	char *text, *p;

	for (char **w = words; *w; w++)
		length += strlen(*w) + 1;
	text = malloc(length);
	if (!text)
		return NULL;
	p = text;
	for (char **w = words; *w; w++) {
		if (w != words)
			*p++ = ' ';
		p = stpcpy(p, *w);
	}
	*p = '\0';
	return text;
}

static bool arguments_program(struct capture_request *request, char **words)
{
	if (!words[0] || words[1]) {
		log_error("filter bpf '%s': takes one file, in which an eBPF program is pinned, as /sys/fs/bpf/NAME",
			  words[0] ? words[1] : "");
		return false;
	}
	request->program = words[0];
	return true;
}

/* All words that are left; "none" takes the filter away. */
static bool arguments_filter(struct capture_request *request, char **words)
{
	if (!words[0]) {
		log_error("filter: takes an expression as tcpdump does, bpf PATH, or none");
		return false;
	}
	if (!strcmp(words[0], "bpf"))
		return arguments_program(request, words + 1);
	if (!strcmp(words[0], "none") && !words[1])
		request->expression = strdup("");
	else
		request->expression = arguments_join(words);
	if (!request->expression) {
		log_error("filter: out of memory");
		return false;
	}
	request->given |= CAPTURE_GIVEN(PCAPRING_A_FILTER);
	return true;
}

bool arguments_pair(struct capture_request *request, const char *command,
		    const char *name, const char *value)
{
	const struct arguments_key *key = arguments_keys;

	while (key->name && strcmp(key->name, name))
		key++;
	if (!key->name) {
		log_error("%s: '%s' is not known here: see pcapring --help",
			  command, name);
		return false;
	}
	if (key->fixed && !strcmp(command, "set")) {
		log_error("%s: %s is fixed when a capture is made: del it and add it anew",
			  command, name);
		return false;
	}
	if (request->given & CAPTURE_GIVEN(key->attribute)) {
		log_error("%s: %s is given twice", command, name);
		return false;
	}
	if (!value || !key->parse(request, value)) {
		log_error("%s: %s '%s': takes %s", command, name,
			  value ? value : "", key->takes);
		return false;
	}
	request->given |= CAPTURE_GIVEN(key->attribute);
	return true;
}

static bool arguments_limit(struct capture_request *request, const char *command,
			    char **words)
{
	char name[ARGUMENTS_NAME_MAX];

	if (!words[1] || (strcmp(words[1], "packets") && strcmp(words[1], "bytes") &&
			  strcmp(words[1], "seconds"))) {
		log_error("%s: limit '%s': takes packets N, bytes SIZE or seconds N",
			  command, words[1] ? words[1] : "");
		return false;
	}
	snprintf(name, sizeof(name), "limit %s", words[1]);
	return arguments_pair(request, command, name, words[2]);
}

static bool arguments_pairs(struct capture_request *request, const char *command,
			    char **words)
{
	while (*words) {
		if (!strcmp(*words, "filter"))
			return arguments_filter(request, words + 1);
		if (!strcmp(*words, "limit")) {
			if (!arguments_limit(request, command, words))
				return false;
			words += 3;
		} else {
			if (!arguments_pair(request, command, words[0], words[1]))
				return false;
			words += 2;
		}
	}
	return true;
}

static bool arguments_id(const char *command, const char *word, uint32_t *id)
{
	if (word && arguments_number(word, 0, ARGUMENTS_ALL - 1, id))
		return true;
	log_error("%s '%s': takes the number N of /dev/pcapringN: see pcapring show",
		  command, word ? word : "");
	return false;
}

bool arguments_add(struct capture_request *request, char **words)
{
	if (!words[0] || !words[0][0] || strlen(words[0]) >= IF_NAMESIZE) {
		log_error("add '%s': takes the name of an interface, 1 to 15 characters, or any",
			  words[0] ? words[0] : "");
		return false;
	}
	strcpy(request->ifname, words[0]);
	request->given |= CAPTURE_GIVEN(PCAPRING_A_IFNAME);
	return arguments_pairs(request, "add", words + 1);
}

bool arguments_set(struct capture_request *request, char **words)
{
	if (!arguments_id("set", words[0], &request->id))
		return false;
	request->given |= CAPTURE_GIVEN(PCAPRING_A_ID);
	if (!words[1]) {
		log_error("set %u: takes what to change: see pcapring --help",
			  request->id);
		return false;
	}
	return arguments_pairs(request, "set", words + 1);
}

bool arguments_one(uint32_t *id, const char *command, char **words)
{
	if (!arguments_id(command, words[0], id))
		return false;
	if (words[1]) {
		log_error("%s %u: '%s' is not known here: takes one number",
			  command, *id, words[1]);
		return false;
	}
	return true;
}

bool arguments_snapshot(uint32_t *id, const char **path, char **words)
{
	if (!arguments_id("snapshot", words[0], id))
		return false;
	*path = words[1];
	if (*path && **path && !words[2])
		return true;
	log_error("snapshot %u '%s': takes one FILE, or - for standard output", *id,
		  words[1] && words[2] ? words[2] : "");
	return false;
}

bool arguments_file(const char **path, const char *command, char **words)
{
	if (words[0] && words[0][0] && words[1]) {
		log_error("%s %s: '%s' is not known here: takes one FILE, or -", command,
			  words[0], words[1]);
		return false;
	}
	if (words[0] && !words[0][0]) {
		log_error("%s '': takes the name of a FILE, or -", command);
		return false;
	}
	if (words[0])
		*path = words[0];
	return true;
}

static bool arguments_interval(struct arguments_view *view, const char *text)
{
	if (text && arguments_number(text, 1, ARGUMENTS_INTERVAL_MAX, &view->interval))
		return true;
	log_error("stats: --interval '%s': takes a number of seconds from 1 to %u",
		  text ? text : "", ARGUMENTS_INTERVAL_MAX);
	return false;
}

static bool arguments_is_interval(const char *command, const char *word)
{
	return !strcmp(command, "stats") && !strcmp(word, "--interval");
}

bool arguments_view(struct arguments_view *view, const char *command, char **words)
{
	bool takes_id = strcmp(command, "monitor");

	view->id = ARGUMENTS_ALL;
	for (; *words; words++) {
		if (!strcmp(*words, "--json")) {
			view->json = true;
		} else if (arguments_is_interval(command, *words)) {
			if (!arguments_interval(view, *++words))
				return false;
		} else if (takes_id && **words != '-') {
			takes_id = false;
			if (!arguments_id(command, *words, &view->id))
				return false;
		} else {
			log_error("%s: '%s' is not known here: see pcapring --help",
				  command, *words);
			return false;
		}
	}
	return true;
}

/* Seconds with digits behind a point, of which nine count. */
static bool arguments_nanoseconds(const char *text, uint64_t *nanoseconds)
{
	size_t whole = strcspn(text, "."), digits;
	uint64_t seconds, part = 0;
	char front[16];

	if (whole >= sizeof(front))
		return false;
	memcpy(front, text, whole);
	front[whole] = '\0';
	if (!number_parse(front, 0, ARGUMENTS_INTERVAL_MAX, &seconds))
		return false;
	if (text[whole]) {
		digits = strlen(text + whole + 1);
		if (digits > 9 || !number_parse(text + whole + 1, 0, ARGUMENTS_SECOND, &part))
			return false;
		while (digits++ < 9)
			part *= 10;
	}
	*nanoseconds = seconds * ARGUMENTS_SECOND + part;
	return *nanoseconds >= ARGUMENTS_TENTH &&
	       *nanoseconds <= ARGUMENTS_INTERVAL_MAX * ARGUMENTS_SECOND;
}

static bool arguments_top_pair(struct arguments_top *top, const char *name,
			       const char *value)
{
	if (!strcmp(name, "-d") || !strcmp(name, "--interval")) {
		if (value && arguments_nanoseconds(value, &top->interval))
			return true;
		log_error("top: %s '%s': takes seconds from 0.1 to %u", name,
			  value ? value : "", ARGUMENTS_INTERVAL_MAX);
	} else if (!strcmp(name, "-n") || !strcmp(name, "--count")) {
		if (value && arguments_number(value, 1, UINT32_MAX, &top->count))
			return true;
		log_error("top: %s '%s': takes a number from 1 to %u", name,
			  value ? value : "", UINT32_MAX);
	} else {
		log_error("top: '%s' is not known here: see pcapring --help", name);
	}
	return false;
}

bool arguments_top(struct arguments_top *top, char **words)
{
	*top = (struct arguments_top){ .interval = ARGUMENTS_SECOND };
	for (; words[0]; words += 2) {
		if (!arguments_top_pair(top, words[0], words[1]))
			return false;
	}
	return true;
}
