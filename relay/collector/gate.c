// SPDX-License-Identifier: MIT
#include "gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "files/path.h"

#define GATE_SECOND	UINT64_C(1000000000)

/* Complaints that are remembered; and so many lines at once, then one a second. */
#define GATE_COMPLAINTS	256
#define GATE_LINES	20

/* A sensor that was silent may send so much more, in nanoseconds of its rate. */
#define GATE_CREDIT	(GATE_SECOND / 10)

struct guest {
	struct guest *next, **at;
	char name[METADATA_TEXT_MAX];	/* or its address */
	bool named;
	unsigned int streams;
	uint64_t rate;			/* of its own; 0: the gate's */
	uint64_t due;			/* when it would have sent all that, at its rate */
};

/**
 * struct gate - see above
 * @changed: @rules or @limits are others
 * @complaints: hashes of who, and of what was wrong; 0, 0: none
 * @lines, @refilled: that may be logged, as of then
 * @silenced: complaints that were not, since the last one that was
 */
struct gate {
	const struct access_rules *rules;
	const struct limits *limits;
	bool changed;
	struct guest *guests;
	unsigned int count;
	struct {
		uint64_t who;
		uint64_t why;
	} complaints[GATE_COMPLAINTS];
	unsigned int lines;
	uint64_t refilled;
	uint64_t silenced;
};

void limits_defaults(struct limits *limits)
{
	*limits = (struct limits){
		.message = 4 << 20,	/* gRPC's own */
		.memory = UINT64_C(1) << 30,
		.streams = 4096,
		.connection_streams = 128,
		.sensors = 4096,
		.patience = 20 * GATE_SECOND,
	};
}

struct gate *gate_open(const struct access_rules *rules, const struct limits *limits)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	if (!gate) {
		log_error("out of memory");
		return NULL;
	}
	gate->lines = GATE_LINES;
	gate_change(gate, rules, limits);
	return gate;
}

void gate_close(struct gate *gate)
{
	free(gate);
}

void gate_change(struct gate *gate, const struct access_rules *rules,
		 const struct limits *limits)
{
	gate->rules = rules;
	gate->limits = limits;
	gate->changed = true;
}

bool gate_has_changed(struct gate *gate)
{
	bool changed = gate->changed;

	gate->changed = false;
	return changed;
}

const struct limits *gate_limits(const struct gate *gate)
{
	return gate->limits;
}

/* FNV-1a, 64 bits; never 0. */
static uint64_t gate_hash(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash | 1;
}

/* May a line be written now? */
static bool gate_may_say(struct gate *gate)
{
	struct timespec now;
	uint64_t seconds;

	clock_gettime(CLOCK_MONOTONIC, &now);
	seconds = now.tv_sec - gate->refilled;
	gate->refilled = now.tv_sec;
	gate->lines = seconds > GATE_LINES - gate->lines ? GATE_LINES : gate->lines + seconds;
	if (!gate->lines) {
		gate->silenced++;
		return false;
	}
	gate->lines--;
	return true;
}

void gate_complain(struct gate *gate, const char *who, const char *why)
{
	uint64_t hash = gate_hash(who), reason = gate_hash(why);
	unsigned int slot = (hash >> 8) % GATE_COMPLAINTS;

	if (gate->complaints[slot].who == hash && gate->complaints[slot].why == reason)
		return;
	if (!gate_may_say(gate))
		return;
	gate->complaints[slot].who = hash;
	gate->complaints[slot].why = reason;
	if (gate->silenced)
		log_warning("%ju more refusals were not logged", (uintmax_t)gate->silenced);
	gate->silenced = 0;
	log_warning("%s is refused: %s", who, why);
}

/* "sensor NAME from ADDRESS" */
static void gate_who(char *who, size_t size, const char *name, const char *peer)
{
	char encoded[PATH_NAME_MAX], address[PATH_NAME_MAX];

	path_encode(name, encoded);
	path_encode(peer, address);
	snprintf(who, size, "%s %.160s%s%.160s", *name ? "sensor" : "a call", encoded,
		 *name ? " from " : "from ", address);
}

static void gate_settle(struct gate *gate, const char *who)
{
	uint64_t hash = gate_hash(who);
	unsigned int slot = (hash >> 8) % GATE_COMPLAINTS;

	if (gate->complaints[slot].who == hash)
		gate->complaints[slot].who = gate->complaints[slot].why = 0;
}

static struct guest *gate_find(const struct gate *gate, const char *name, bool named)
{
	struct guest *guest = gate->guests;

	while (guest && (guest->named != named || strcmp(guest->name, name)))
		guest = guest->next;
	return guest;
}

static struct guest *gate_add(struct gate *gate, const char *name, bool named,
			      struct call_status *status)
{
	struct guest *guest = NULL;

	call_fail(status, CALL_RESOURCE_EXHAUSTED,
		  "%u sensors send already, which is the collector's --max-sensors",
		  gate->count);
	if (gate->count < gate->limits->sensors)
		guest = calloc(1, sizeof(*guest));
	if (!guest)
		return NULL;
	strcpy(guest->name, name);
	guest->named = named;
	guest->next = gate->guests;
	guest->at = &gate->guests;
	if (guest->next)
		guest->next->at = &guest->next;
	gate->guests = guest;
	gate->count++;
	return guest;
}

static void gate_remove(struct gate *gate, struct guest *guest)
{
	*guest->at = guest->next;
	if (guest->next)
		guest->next->at = guest->at;
	gate->count--;
	free(guest);
}

static struct guest *gate_enter(struct gate *gate, const struct admission *admission,
				const char *peer, struct call_status *status)
{
	bool named = *admission->name;
	const char *name = named ? admission->name : peer;
	struct guest *guest = gate_find(gate, name, named);

	if (!guest)
		guest = gate_add(gate, name, named, status);
	if (!guest)
		return NULL;
	if (admission->streams && guest->streams >= admission->streams) {
		call_fail(status, CALL_RESOURCE_EXHAUSTED,
			  "the sensor has %u streams already, which is max-streams of its section in the collector's configuration",
			  guest->streams);
		return NULL;
	}
	guest->rate = admission->rate;
	guest->streams++;
	return guest;
}

struct guest *gate_admit(struct gate *gate, const struct caller *caller,
			 const char *claimed, struct admission *admission,
			 struct call_status *status)
{
	char who[2 * 160 + 32], why[CALL_TEXT_MAX];
	struct guest *guest;

	gate_who(who, sizeof(who), claimed, caller->peer);
	if (!access_admit(gate->rules, &caller->proof, claimed, admission, status, why)) {
		gate_complain(gate, who, why);
		return NULL;
	}
	guest = gate_enter(gate, admission, caller->peer, status);
	if (!guest) {
		gate_complain(gate, who, status->text);
		return NULL;
	}
	gate_settle(gate, who);
	return guest;
}

void gate_leave(struct gate *gate, struct guest *guest)
{
	if (!--guest->streams)
		gate_remove(gate, guest);
}

bool gate_review(struct gate *gate, struct guest *guest, const struct caller *caller,
		 struct call_status *status)
{
	char who[2 * 160 + 32], why[CALL_TEXT_MAX];
	const char *name = guest->named ? guest->name : "";
	struct admission admission;

	if (access_admit(gate->rules, &caller->proof, name, &admission, status, why)) {
		if (!strcmp(admission.name, name)) {
			guest->rate = admission.rate;
			guest->due = 0;
			return true;
		}
		/* what was nobody's is somebody's now */
		call_fail(status, CALL_ABORTED, "the collector knows who sends now: come again");
		snprintf(why, sizeof(why), "%s", status->text);
	}
	gate_who(who, sizeof(who), name, caller->peer);
	gate_complain(gate, who, why);
	return false;
}

static uint64_t gate_rate(const struct gate *gate, const struct guest *guest)
{
	return guest->rate ? guest->rate : gate->limits->rate;
}

bool gate_limits_rate(const struct gate *gate, const struct guest *guest)
{
	return gate_rate(gate, guest);
}

uint64_t gate_take(const struct gate *gate, struct guest *guest, size_t bytes,
		   uint64_t now)
{
	if (guest->due + GATE_CREDIT < now)
		guest->due = now - GATE_CREDIT;
	guest->due += (double)bytes * GATE_SECOND / gate_rate(gate, guest);
	return guest->due > now ? guest->due : 0;
}
