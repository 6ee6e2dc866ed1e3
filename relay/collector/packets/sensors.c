// SPDX-License-Identifier: MIT
#include "sensors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/files/draft.h"
#include "collector/files/room.h"
#include "collector/sight/roster.h"
#include "common/log.h"
#include "decode.h"
#include "number.h"
#include "outlet.h"

/* Keys that are remembered; beyond, only those that stream. */
#define SENSORS_MAX	4096

/* A key that was here, at least once since the program started. */
struct sensor {
	struct sensor *next;
	struct stream *stream;		/* the living one, or NULL */
	struct outlet_key key;
};

struct sensors {
	struct sensors_config config;
	struct outlet outlet;
	struct sensor *first;
	unsigned int count;
	struct decode decode;
};

struct stream {
	struct sensors *sensors;
	struct sensor *sensor;
	struct call *call;
	const struct caller *caller;
	unsigned int number;		/* at its address; 0: it has a name */
	struct savefile *file;
	uint64_t packets;
	uint64_t bytes;
	struct roster_entry *seat;	/* the sensor's, or NULL */
	struct roster_account counted;	/* what the roster knows */
	char path[PATH_MAX];		/* for people */
};

/*
 * Of those that are gone, the one that came first makes room. What is forgotten is only where
 * it left its file: it is found again by its name.
 */
static void sensors_forget(struct sensors *sensors)
{
	struct sensor **at = NULL, *gone;

	for (struct sensor **one = &sensors->first; *one; one = &(*one)->next)
		if (!(*one)->stream)
			at = one;
	if (!at)
		return;
	gone = *at;
	*at = gone->next;
	free(gone);
	sensors->count--;
}

/* The sensor of these encoded names, new if it has not been here. NULL: no memory. */
static struct sensor *sensors_get(struct sensors *sensors, const char *name,
				  const char *interface)
{
	struct sensor *sensor;

	for (sensor = sensors->first; sensor; sensor = sensor->next)
		if (!strcmp(sensor->key.name, name) &&
		    !strcmp(sensor->key.interface, interface))
			return sensor;
	if (sensors->count >= SENSORS_MAX)
		sensors_forget(sensors);
	sensor = calloc(1, sizeof(*sensor));
	if (!sensor)
		return NULL;
	sensors->count++;
	strcpy(sensor->key.name, name);
	strcpy(sensor->key.interface, interface);
	sprintf(sensor->key.text, "%s/%s", name, interface);
	sensor->next = sensors->first;
	sensors->first = sensor;
	return sensor;
}

/* The numbers of those that live at this address, with this interface. */
static void sensors_number(const struct sensors *sensors, const char *peer,
			   const char *interface, struct numbers *numbers)
{
	for (const struct sensor *sensor = sensors->first; sensor; sensor = sensor->next)
		if (sensor->stream && !strcmp(sensor->stream->caller->peer, peer) &&
		    !strcmp(sensor->key.interface, interface))
			numbers_take(numbers, sensor->stream->number);
}

/* One that says no name goes by its address and a number. NULL: @status. */
static struct sensor *sensors_find_nameless(struct sensors *sensors, const char *interface,
					    struct stream *stream, struct call_status *status)
{
	const char *peer = stream->caller->peer;
	struct numbers numbers = {};
	char name[PATH_NAME_MAX];
	struct sensor *sensor;

	sensors_number(sensors, peer, interface, &numbers);
	do {
		stream->number = numbers_get(&numbers, status);
		if (!stream->number)
			return NULL;
		/* somebody may call itself like that */
		numbers_take(&numbers, stream->number);
		number_name(peer, stream->number, name);
		sensor = sensors_get(sensors, name, interface);
	} while (sensor && sensor->stream);
	return sensor;
}

/* @said: its name, or "". NULL: @status says why. */
static struct sensor *sensors_find(struct sensors *sensors, const char *said,
				   struct stream *stream, struct call_status *status)
{
	char interface[PATH_NAME_MAX], name[PATH_NAME_MAX];

	call_fail(status, CALL_RESOURCE_EXHAUSTED, "no memory for another sensor");
	path_encode(stream->caller->metadata.interface, interface);
	if (!*said)
		return sensors_find_nameless(sensors, interface, stream, status);
	path_encode(said, name);
	return sensors_get(sensors, name, interface);
}

/* There is one stream at a time on a pipe. */
static bool sensors_may_pipe(const struct sensors *sensors, struct call_status *status)
{
	const struct sensor *sensor = sensors->first;

	while (sensor && !sensor->stream)
		sensor = sensor->next;
	if (!sensor)
		return true;
	call_fail(status, CALL_RESOURCE_EXHAUSTED,
		  "the collector writes to standard output, which sensor %s uses",
		  sensor->key.text);
	return false;
}

/* There are no rings: all of it is the first one's. */
static void stream_count(struct stream *stream)
{
	const struct roster_account now = {
		.packets = stream->packets,
		.bytes = stream->bytes,
	};

	if (now.packets > stream->counted.packets)
		roster_received(stream->seat, 0);
	roster_count(stream->seat, 0, &now, &stream->counted);
}

/* What could not be written does not count; what to tell the sensor. */
static void stream_failed(struct stream *stream,
			  const struct savefile_loss *lost,
			  struct call_status *status)
{
	int error = errno;

	if (stream->sensors->config.room)
		room_failed(stream->sensors->config.room, error);
	stream->packets -= lost->packets;
	stream->bytes -= lost->bytes;
	call_fail(status, call_code(error),
		  "cannot write %s: %s; %" PRIu64 " packets are lost",
		  stream->path, strerror(error), lost->packets);
	if (!stream->sensors->outlet.path)
		output_fail(stream->sensors->outlet.output, error, status->text);
}

/* Write the rest, say how it ended, and forget the stream; not its call. */
static void stream_end(struct stream *stream, const char *how,
		       struct call_status *status)
{
	struct sensor *sensor = stream->sensor;
	struct savefile_loss lost;
	const char *why = how;

	if (!savefile_flush(stream->file, &lost)) {
		stream_failed(stream, &lost, status);
		why = status->text;
	}
	outlet_put(&stream->sensors->outlet, stream->file, &sensor->key);
	(why == how && status->code == CALL_OK ? log_info : log_warning)
		("sensor %s: %s: %" PRIu64 " packets, %" PRIu64 " bytes written to %s",
		 sensor->key.text, why, stream->packets, stream->bytes, stream->path);
	sensor->stream = NULL;
	stream_count(stream);
	roster_leave(stream->seat);
	free(stream);
}

/* End a stream from our side. */
static void stream_refuse(struct stream *stream, struct call_status *status)
{
	struct sensors *sensors = stream->sensors;
	struct call *call = stream->call;
	char how[sizeof(status->text)];

	strcpy(how, status->text);
	stream_end(stream, how, status);
	sensors->config.end(call, status);
}

/* The disk is full, which was said once for all. */
static bool sensors_full(const struct sensors *sensors, const struct call_status *status)
{
	return sensors->config.room && room_full(sensors->config.room) &&
	       status->code == CALL_RESOURCE_EXHAUSTED;
}

/* Whose stream it is, and where it goes. False: @status says why. */
static bool stream_place(struct stream *stream, const char *said,
			 const struct savefile_format *format, struct call_status *status)
{
	struct sensors *sensors = stream->sensors;
	struct sensor *sensor = sensors_find(sensors, said, stream, status);

	if (!sensor)
		return false;
	stream->sensor = sensor;
	if (sensors->config.room && !room_try(sensors->config.room)) {
		call_fail(status, CALL_RESOURCE_EXHAUSTED, "there is no room beside %.256s",
			  sensors->outlet.path);
		return false;
	}
	if (sensor->stream) {
		call_fail(status, CALL_ABORTED,
			  "replaced by a newer stream of the same sensor and interface");
		stream_refuse(sensor->stream, status);
	}
	if (!sensors->outlet.path && !sensors_may_pipe(sensors, status))
		return false;
	stream->file = outlet_get(&sensors->outlet, &sensor->key, format, stream->path, status);
	return stream->file;
}

/* It begins: who is who, and what it looks like. */
static void stream_begin(struct stream *stream, const struct savefile_format *format)
{
	struct sensor *sensor = stream->sensor;

	sensor->stream = stream;
	stream->seat = roster_get(stream->sensors->config.roster, sensor->key.name,
				  sensor->key.interface);
	roster_join(stream->seat, stream->caller->metadata.host, "");
	log_info("sensor %s: streams to %s (link type %u, snaplen %u bytes, %sseconds)",
		 sensor->key.text, stream->path, format->linktype, format->snaplen,
		 format->nanoseconds ? "nano" : "micro");
}

static struct stream *sensors_take(void *context, struct call *call,
				   const struct caller *caller,
				   struct call_status *status)
{
	const struct metadata *metadata = &caller->metadata;
	const struct savefile_format format = {
		.linktype = metadata->linktype,
		.snaplen = metadata->snaplen,
		.nanoseconds = metadata->tsresol == 9,
	};
	struct sensors *sensors = context;
	struct admission admission;
	struct stream *stream;

	if (!sensors->config.admit(call, metadata->sensor, &admission, status))
		return NULL;
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		abort();
	stream->sensors = sensors;
	stream->call = call;
	stream->caller = caller;
	if (stream_place(stream, admission.name, &format, status)) {
		stream_begin(stream, &format);
		return stream;
	}
	if (!stream->sensor)
		sensors->config.complain(call, status->text);
	else
		(sensors_full(sensors, status) ? log_debug : log_warning)
			("sensor %s: refused: %s", stream->sensor->key.text, status->text);
	free(stream);
	return NULL;
}

static bool stream_flush(struct stream *stream, struct savefile_loss *lost)
{
	struct room *room = stream->sensors->config.room;

	if (!savefile_flush(stream->file, lost))
		return false;
	if (room && room_full(room))
		room_wrote(room);
	return true;
}

static void sensors_flush(struct sensors *sensors)
{
	struct savefile_loss lost;
	struct call_status status;

	for (struct sensor *sensor = sensors->first; sensor; sensor = sensor->next) {
		struct stream *stream = sensor->stream;

		if (!stream || stream_flush(stream, &lost))
			continue;
		stream_failed(stream, &lost, &status);
		stream_refuse(stream, &status);
	}
}

static void stream_message(struct stream *stream, struct iovec *pieces,
			   size_t count)
{
	struct decode *decode = &stream->sensors->decode;
	struct savefile_loss lost;
	struct call_status status;
	struct packet packet;

	if (!decode_packet(decode, pieces, count, &packet)) {
		call_fail(&status, CALL_INVALID_ARGUMENT,
			  "message %" PRIu64 " is not valid: %s",
			  stream->packets + 1, decode->why);
		stream_refuse(stream, &status);
		return;
	}
	if (stream->sensors->config.room && room_low(stream->sensors->config.room)) {
		call_fail(&status, CALL_RESOURCE_EXHAUSTED, "there is no room beside %.256s",
			  stream->path);
		stream_refuse(stream, &status);
		return;
	}
	stream->packets++;
	stream->bytes += packet.caplen;
	if (!savefile_append(stream->file, &packet, &lost)) {
		stream_failed(stream, &lost, &status);
		stream_refuse(stream, &status);
	} else if (drafts_are_many()) {
		sensors_flush(stream->sensors);
	}
}

static void stream_close(struct stream *stream, bool broken,
			 struct call_status *status)
{
	if (broken)
		call_fail(status, CALL_UNAVAILABLE, "connection broken");
	stream_end(stream, broken ? "connection broken" : "complete", status);
}

static uint64_t sensors_idle(void *context)
{
	struct sensors *sensors = context;
	bool due = roster_is_due(sensors->config.roster);

	if (due && sensors->config.room)
		room_look(sensors->config.room);
	for (struct sensor *sensor = sensors->first; due && sensor; sensor = sensor->next)
		if (sensor->stream)
			stream_count(sensor->stream);
	sensors_flush(sensors);
	return sensors->config.room ? room_settle(sensors->config.room) : CALL_NEVER;
}

static void sensors_stop(void *context)
{
	struct sensors *sensors = context;
	struct call_status status;

	for (struct sensor *sensor = sensors->first; sensor;
	     sensor = sensor->next) {
		if (!sensor->stream)
			continue;
		call_fail(&status, CALL_UNAVAILABLE, "the collector stops");
		stream_refuse(sensor->stream, &status);
	}
}

struct sensors *sensors_open(const struct sensors_config *config)
{
	bool file = strcmp(config->write, "-");
	struct sensors *sensors;

	if (file && !outlet_check(config->write))
		return NULL;
	sensors = calloc(1, sizeof(*sensors));
	if (!sensors) {
		log_error("out of memory");
		return NULL;
	}
	sensors->config = *config;
	sensors->outlet = (struct outlet){
		.path = file ? config->write : NULL,
		.output = config->output,
		.whose = config->whose,
		.context = config->context,
	};
	return sensors;
}

void sensors_taker(struct sensors *sensors, struct call_taker *taker)
{
	*taker = (struct call_taker){
		.context = sensors,
		.open = sensors_take,
		.message = stream_message,
		.close = stream_close,
		.idle = sensors_idle,
		.end = stream_refuse,
		.stop = sensors_stop,
	};
}

void sensors_close(struct sensors *sensors)
{
	struct sensor *sensor, *next;

	for (sensor = sensors->first; sensor; sensor = next) {
		next = sensor->next;
		free(sensor);
	}
	outlet_close(&sensors->outlet);
	decode_free(&sensors->decode);
	free(sensors);
}
