// SPDX-License-Identifier: MIT
#include "sensors.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/files/path.h"
#include "collector/files/room.h"
#include "collector/files/savefile.h"
#include "collector/sight/roster.h"
#include "common/log.h"
#include "decode.h"

/* Keys that are remembered; beyond, only those that stream. */
#define SENSORS_MAX		4096

/* Files of one key; beyond that something else is wrong. */
#define SENSORS_FILES_MAX	10000

#define SENSORS_PACKAGE	"packet_streaming"

/* A key that was here, at least once since the program started. */
struct sensor {
	struct sensor *next;
	struct stream *stream;		/* the living one, or NULL */
	struct savefile_place place;	/* where its last stream left its file */
	char name[PATH_NAME_MAX];	/* encoded */
	char interface[PATH_NAME_MAX];	/* encoded, may be empty */
	char key[2 * PATH_NAME_MAX];	/* "name/interface" */
};

struct sensors {
	struct sensors_config config;
	const char *path;		/* FILE; NULL: standard output */
	struct sensor *first;
	unsigned int count;
	struct sensor *owner;		/* of FILE; NULL: not known yet */
	struct savefile *pipe;		/* of standard output, once begun */
	struct savefile_format pipe_format;
	struct decode decode;
};

struct stream {
	struct sensors *sensors;
	struct sensor *sensor;
	struct call *call;
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
		if (!(*one)->stream && *one != sensors->owner)
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
		if (!strcmp(sensor->name, name) &&
		    !strcmp(sensor->interface, interface))
			return sensor;
	if (sensors->count >= SENSORS_MAX)
		sensors_forget(sensors);
	sensor = calloc(1, sizeof(*sensor));
	if (!sensor)
		return NULL;
	sensors->count++;
	strcpy(sensor->name, name);
	strcpy(sensor->interface, interface);
	sprintf(sensor->key, "%s/%s", name, interface);
	sensor->next = sensors->first;
	sensors->first = sensor;
	return sensor;
}

/*
 * One that says no name goes by its address. Behind one address there may be
 * many, so that a second one is another, "ADDRESS_2", not the first come back.
 */
static struct sensor *sensors_find(struct sensors *sensors,
				   const char *said, const char *device,
				   const char *peer)
{
	char interface[PATH_NAME_MAX], name[PATH_NAME_MAX];
	char numbered[METADATA_TEXT_MAX + 16];
	struct sensor *sensor;
	unsigned int n = 1;

	path_encode(device, interface);
	path_encode(*said ? said : peer, name);
	sensor = sensors_get(sensors, name, interface);
	while (!*said && sensor && sensor->stream) {
		snprintf(numbered, sizeof(numbered), "%s_%u", peer, ++n);
		path_encode(numbered, name);
		sensor = sensors_get(sensors, name, interface);
	}
	return sensor;
}

/* Files of captures are not for others, not even of the same sensor. */
static const char *sensors_whose(const struct sensors *sensors, const char *path)
{
	return sensors->config.whose(sensors->config.context, path);
}

/* Does FILE belong to @sensor, or to nobody so that it may now? */
static bool sensors_own(struct sensors *sensors, struct sensor *sensor,
			const struct savefile_format *format)
{
	const char *whose = sensors_whose(sensors, sensors->path);
	char owner[SAVEFILE_OWNER_MAX];
	struct savefile_format have;
	enum savefile_state state;

	if (whose)
		return !strcmp(whose, sensor->key);
	if (sensors->owner)
		return sensors->owner == sensor;
	state = savefile_look(sensors->path, &have, owner);
	if (state != SAVEFILE_ABSENT && state != SAVEFILE_OURS)
		return false;
	if (state == SAVEFILE_OURS && *owner) {
		if (strcmp(owner, sensor->key))
			return false;
	} else if (state == SAVEFILE_OURS && !savefile_same(&have, format)) {
		return false;
	}
	sensors->owner = sensor;
	return true;
}

/* The first of the sensor's files that fits, or a new one. */
static bool stream_open_file(struct stream *stream,
			     const struct savefile_format *format,
			     struct call_status *status)
{
	struct sensors *sensors = stream->sensors;
	struct sensor *sensor = stream->sensor;
	bool own = sensors_own(sensors, sensor, format);
	enum savefile_state state;

	for (unsigned int n = 0; n < SENSORS_FILES_MAX; n++) {
		errno = ENAMETOOLONG;
		if (!path_make(stream->path, sizeof(stream->path), sensors->path,
			       own ? NULL : sensor->name, sensor->interface, n))
			state = SAVEFILE_ERROR;
		else if (sensors_whose(sensors, stream->path))
			state = SAVEFILE_LOCKED;
		else
			stream->file = savefile_open(stream->path, format,
						     sensor->key,
						     &sensor->place, &state);
		if (stream->file)
			return true;
		if (state != SAVEFILE_ERROR)
			continue;
		call_fail(status, call_code(errno), "cannot write %s: %s", stream->path,
			  strerror(errno));
		return false;
	}
	call_fail(status, CALL_INTERNAL, "no free name up to %s",
		  stream->path);
	return false;
}

static struct sensor *sensors_living(const struct sensors *sensors)
{
	struct sensor *sensor = sensors->first;

	while (sensor && !sensor->stream)
		sensor = sensor->next;
	return sensor;
}

/* There is one header on a pipe, and one stream at a time. */
static bool stream_open_pipe(struct stream *stream,
			     const struct savefile_format *format,
			     struct call_status *status)
{
	struct sensors *sensors = stream->sensors;
	const struct savefile_format *have = &sensors->pipe_format;
	struct sensor *living = sensors_living(sensors);
	struct output *output = sensors->config.output;

	strcpy(stream->path, "standard output");
	if (living) {
		call_fail(status, CALL_RESOURCE_EXHAUSTED,
			  "the collector writes to standard output, which sensor %s uses",
			  living->key);
		return false;
	}
	if (!output_fits(output, SENSORS_PACKAGE, status))
		return false;
	if (!sensors->pipe) {
		sensors->pipe = savefile_pipe(format, output->stop_fd);
		if (!sensors->pipe) {
			call_fail(status, CALL_INTERNAL,
				  "cannot write standard output: %s",
				  strerror(errno));
			output->stop();
			return false;
		}
		sensors->pipe_format = *format;
		output->package = SENSORS_PACKAGE;
	} else if (!savefile_same(have, format)) {
		call_fail(status, CALL_FAILED_PRECONDITION,
			  "standard output has begun with link type %u, snaplen %u bytes, %sseconds: no other can follow",
			  have->linktype, have->snaplen,
			  have->nanoseconds ? "nano" : "micro");
		return false;
	}
	stream->file = sensors->pipe;
	return true;
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
	if (!stream->sensors->path)
		output_fail(stream->sensors->config.output, error, status->text);
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
	if (stream->file != stream->sensors->pipe) {
		savefile_where(stream->file, &sensor->place);
		savefile_close(stream->file);
	}
	(why == how && status->code == CALL_OK ? log_info : log_warning)
		("sensor %s: %s: %" PRIu64 " packets, %" PRIu64 " bytes written to %s",
		 sensor->key, why, stream->packets, stream->bytes, stream->path);
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

static struct stream *sensors_take(void *context, struct call *call,
				   const struct caller *caller,
				   struct call_status *status)
{
	const struct metadata *metadata = &caller->metadata;
	struct savefile_format format = {
		.linktype = metadata->linktype,
		.snaplen = metadata->snaplen,
		.nanoseconds = metadata->tsresol == 9,
	};
	struct sensors *sensors = context;
	struct admission admission;
	struct sensor *sensor;
	struct stream *stream;

	if (!sensors->config.admit(call, metadata->sensor, &admission, status))
		return NULL;
	sensor = sensors_find(sensors, admission.name, metadata->interface, caller->peer);
	stream = calloc(1, sizeof(*stream));
	call_fail(status, CALL_RESOURCE_EXHAUSTED,
		  "no memory for another sensor");
	if (!sensor || !stream) {
		log_error("%s", status->text);
		goto out_free;
	}
	if (sensors->config.room && !room_try(sensors->config.room)) {
		call_fail(status, CALL_RESOURCE_EXHAUSTED, "there is no room beside %.256s",
			  sensors->path);
		goto out_free;
	}
	if (sensor->stream) {
		call_fail(status, CALL_ABORTED,
			  "replaced by a newer stream of the same sensor and interface");
		stream_refuse(sensor->stream, status);
	}
	stream->sensors = sensors;
	stream->sensor = sensor;
	stream->call = call;
	if (!(sensors->path ? stream_open_file : stream_open_pipe)
	     (stream, &format, status)) {
		(sensors_full(sensors, status) ? log_debug : log_warning)
			("sensor %s: refused: %s", sensor->key, status->text);
		goto out_free;
	}
	sensor->stream = stream;
	stream->seat = roster_get(sensors->config.roster, sensor->name, sensor->interface);
	roster_join(stream->seat, metadata->host, "");
	log_info("sensor %s: streams to %s (link type %u, snaplen %u bytes, %sseconds)",
		 sensor->key, stream->path, format.linktype, format.snaplen,
		 format.nanoseconds ? "nano" : "micro");
	return stream;
out_free:
	free(stream);
	return NULL;
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
	}
}

static void stream_close(struct stream *stream, bool broken,
			 struct call_status *status)
{
	if (broken)
		call_fail(status, CALL_UNAVAILABLE, "connection broken");
	stream_end(stream, broken ? "connection broken" : "complete", status);
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

static uint64_t sensors_idle(void *context)
{
	struct sensors *sensors = context;
	bool due = roster_is_due(sensors->config.roster);
	struct savefile_loss lost;
	struct call_status status;

	if (due && sensors->config.room)
		room_look(sensors->config.room);
	for (struct sensor *sensor = sensors->first; sensor;
	     sensor = sensor->next) {
		struct stream *stream = sensor->stream;

		if (stream && due)
			stream_count(stream);
		if (!stream || stream_flush(stream, &lost))
			continue;
		stream_failed(stream, &lost, &status);
		stream_refuse(stream, &status);
	}
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

/* FILE may come into being, or may be appended to. */
static bool sensors_check(const char *path)
{
	char owner[SAVEFILE_OWNER_MAX];
	struct savefile_format format;
	char folder[PATH_MAX];

	switch (savefile_look(path, &format, owner)) {
	case SAVEFILE_OURS:
	case SAVEFILE_FOREIGN:
		return true;
	case SAVEFILE_ABSENT:
		if (strlen(path) >= sizeof(folder)) {
			errno = ENAMETOOLONG;
			break;
		}
		strcpy(folder, path);
		if (!access(dirname(folder), W_OK))
			return true;
		break;
	case SAVEFILE_OTHER:
		log_error("--write %s: is there and is no savefile: name another file, or - for standard output",
			  path);
		return false;
	case SAVEFILE_LOCKED:
		log_error("--write %s: another program writes it: name another file",
			  path);
		return false;
	case SAVEFILE_ERROR:
		break;
	}
	log_error("--write %s: cannot be written: %m", path);
	return false;
}

struct sensors *sensors_open(const struct sensors_config *config)
{
	bool file = strcmp(config->write, "-");
	struct sensors *sensors;

	if (file && !sensors_check(config->write))
		return NULL;
	sensors = calloc(1, sizeof(*sensors));
	if (!sensors) {
		log_error("out of memory");
		return NULL;
	}
	sensors->config = *config;
	sensors->path = file ? config->write : NULL;
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
	if (sensors->pipe)
		savefile_close(sensors->pipe);
	decode_free(&sensors->decode);
	free(sensors);
}
