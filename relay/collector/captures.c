// SPDX-License-Identifier: MIT
#include "captures.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "epoch.h"
#include "savefile.h"

#define CAPTURES_SECOND	UINT64_C(1000000000)

/* An Ack without news is repeated this often. */
#define CAPTURES_HEARTBEAT	CAPTURES_SECOND

/* Epochs that are remembered, files of one sensor: more is an attack. */
#define CAPTURES_MAX		65536
#define CAPTURES_FILES_MAX	10000

#define CAPTURES_OUTPUT	"pcapring.v1"

struct captures {
	struct captures_config config;
	size_t folder;			/* characters of config.write before the name */
	struct journal *journal;	/* NULL: standard output */
	struct syncer *syncer;
	struct epoch *first;
	struct epoch *opened;
	struct stream *streams;
	struct message message;
	struct epoch *pipe;
	uint8_t id[MESSAGE_ID_BYTES];
	unsigned int number;		/* of the next epoch */
	unsigned int count;		/* of epochs */
	bool ended;			/* a stream has, since that was cleared */
	uint64_t due;			/* when idle() has something to do */
	bool woken;			/* or now; set by the syncer's thread */
	void (*wake)(void *context);
	void *wake_context;
};

enum stream_phase {
	STREAM_NEW,		/* Hello has not come yet */
	STREAM_WAITING,		/* Welcome waits until all is safe */
	STREAM_FIRST,		/* Welcome was sent, no Records came */
	STREAM_LIVE,
};

/* A call of a ring. */
struct stream {
	struct stream *next, **at;
	struct captures *captures;
	struct call *call;
	enum stream_phase phase;
	bool ending;		/* the sensor has half-closed */
	bool ragged;		/* and that within a record */
	struct epoch *epoch;
	uint32_t ring;
	struct hello hello;
	uint64_t acked;
	uint64_t beat;		/* when that was sent */
	struct ledger_ring before;	/* the account, when it began */
	char key[2 * PATH_NAME_MAX];	/* "sensor/interface"; first: its address */
};

static uint64_t captures_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * CAPTURES_SECOND + now.tv_nsec;
}

__attribute__((format(printf, 3, 4)))
static void captures_status(struct call_status *status, enum call_code code,
			    const char *format, ...)
{
	va_list args;

	status->code = code;
	va_start(args, format);
	vsnprintf(status->text, sizeof(status->text), format, args);
	va_end(args);
}

static struct ledger_ring *stream_state(const struct stream *stream)
{
	return &stream->epoch->state->rings[stream->ring];
}

static struct epoch_ring *stream_ring(const struct stream *stream)
{
	return &stream->epoch->rings[stream->ring];
}

static void captures_hurry(struct captures *captures, uint64_t due)
{
	if (due < captures->due)
		captures->due = due;
}

const char *captures_whose(const struct captures *captures, const char *path)
{
	static char key[2 * PATH_NAME_MAX];

	for (const struct epoch *epoch = captures->first; epoch;
	     epoch = epoch->next) {
		if (strcmp(epoch->path, path))
			continue;
		snprintf(key, sizeof(key), "%s/%s", epoch->state->sensor,
			 epoch->state->interface);
		return key;
	}
	return NULL;
}

/* How much, beside what was written, of what changed since @before. */
static void stream_extras(const struct stream *stream, char *out, size_t size)
{
	const struct ledger_ring *now = stream_state(stream);
	const struct ledger_ring *before = &stream->before;
	const struct {
		const char *text;
		uint64_t count;
	} extras[] = {
		{ "bytes consumed elsewhere", now->elsewhere - before->elsewhere },
		{ "bytes possibly twice", now->duplicates - before->duplicates },
		{ "records out of order", now->disorder - before->disorder },
		{ "packets dropped by the sensor", now->dropped - before->dropped },
	};
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < sizeof(extras) / sizeof(*extras); i++)
		if (extras[i].count && used < size)
			used += snprintf(out + used, size - used, "; %" PRIu64 " %s",
					 extras[i].count, extras[i].text);
}

static void stream_say_end(const struct stream *stream, const char *how, bool fine)
{
	const struct ledger_ring *now = stream_state(stream);
	char extras[256];

	stream_extras(stream, extras, sizeof(extras));
	(fine ? log_info : log_warning)
		("sensor %s ring %u: %s: %" PRIu64 " packets, %" PRIu64 " bytes written to %s, up to offset %" PRIu64 "%s",
		 stream->key, stream->ring, how,
		 now->packets - stream->before.packets,
		 now->bytes - stream->before.bytes, stream->epoch->path,
		 now->offset, extras);
}

/* The call takes nothing more: forget the stream; not its call. */
static void stream_free(struct stream *stream, const char *how, bool fine)
{
	if (stream->epoch) {
		uint64_t now = captures_now();

		epoch_detach(stream->epoch, stream->ring, stream->ending, now);
		stream_ring(stream)->stream = NULL;
		stream_say_end(stream, how, fine);
		captures_hurry(stream->captures, now);
	} else if (!fine) {
		log_warning("a call from %s has ended: %s", stream->key, how);
	}
	*stream->at = stream->next;
	if (stream->next)
		stream->next->at = stream->at;
	stream->captures->ended = true;
	free(stream);
}

static void stream_end(struct stream *stream, const struct call_status *status)
{
	struct captures *captures = stream->captures;
	struct call *call = stream->call;

	stream_free(stream, status->code == CALL_OK ? "complete" : status->text,
		    status->code == CALL_OK);
	captures->config.end(call, status);
}

/* Nothing can be written to the epoch: for none of its rings. */
static void captures_end_all(struct captures *captures, struct epoch *epoch,
			     const struct call_status *status)
{
	int error = errno;

	for (uint32_t i = 0; i < epoch->state->ring_count; i++)
		if (epoch->rings[i].stream)
			stream_end(epoch->rings[i].stream, status);
	if (epoch != captures->pipe)
		return;
	if (error == EPIPE)
		log_info("nobody reads standard output any more");
	else
		log_error("%s", status->text);
	captures->config.stop();
}

/* Syncing failed: what is not safe comes again. */
static void captures_back(struct captures *captures, struct epoch *epoch, int error)
{
	struct call_status status;

	captures_status(&status, error == ENOSPC || error == EDQUOT ?
			CALL_RESOURCE_EXHAUSTED : CALL_INTERNAL,
			"cannot sync %.256s: %s", epoch->path, strerror(error));
	captures_end_all(captures, epoch, &status);
	epoch_back(epoch);
}

static struct stream *captures_take(void *context, struct call *call,
				    const struct metadata *metadata,
				    const char *peer, struct call_status *status)
{
	struct captures *captures = context;
	struct stream *stream = calloc(1, sizeof(*stream));

	(void)metadata;
	if (!stream) {
		captures_status(status, CALL_RESOURCE_EXHAUSTED, "no memory");
		return NULL;
	}
	stream->captures = captures;
	stream->call = call;
	path_encode(peer, stream->key);
	stream->next = captures->streams;
	stream->at = &captures->streams;
	if (stream->next)
		stream->next->at = &stream->next;
	captures->streams = stream;
	return stream;
}

static bool captures_path(const struct captures *captures, char *path,
			  const char *name)
{
	return snprintf(path, PATH_MAX, "%.*s%s", (int)captures->folder,
			captures->config.write, name) < PATH_MAX;
}

/* Put an epoch on the list. NULL: no memory, or no room. */
static struct epoch *captures_add(struct captures *captures,
				  struct ledger_file *state, const char *path)
{
	struct epoch *epoch;

	if (captures->count == CAPTURES_MAX) {
		free(state);
		return NULL;
	}
	epoch = epoch_new(state, path);
	if (!epoch)
		return NULL;
	captures->count++;
	epoch->next = captures->first;
	captures->first = epoch;
	if (state->number >= captures->number)
		captures->number = state->number + 1;
	return epoch;
}

/* The epoch's file, if there is one; @split: each ring has its own. */
static struct epoch *captures_find(const struct captures *captures,
				   const struct hello *hello, bool *split)
{
	*split = captures->journal && !captures->config.hold_back &&
		 hello->ring_count > 1;
	for (struct epoch *epoch = captures->first; epoch; epoch = epoch->next) {
		const struct ledger_file *state = epoch->state;

		if (state->gone ||
		    memcmp(state->capture, hello->capture, MESSAGE_ID_BYTES) ||
		    memcmp(state->boot, hello->boot, MESSAGE_ID_BYTES))
			continue;
		if (state->ring == LEDGER_ALL || state->ring == hello->ring)
			return epoch;
		*split = true;
	}
	return NULL;
}

/* Does FILE belong to @key, or to nobody so that it may now? */
static bool captures_own(const struct captures *captures, const char *key)
{
	const char *whose = captures_whose(captures, captures->config.write);
	char owner[SAVEFILE_OWNER_MAX];
	struct savefile_format format;
	enum savefile_state state;

	if (whose)
		return !strcmp(whose, key);
	state = savefile_look(captures->config.write, &format, owner);
	return state == SAVEFILE_ABSENT ||
	       (state == SAVEFILE_OURS && !strcmp(owner, key));
}

/* Create the first file of the key that is not there yet. */
static bool captures_create(const struct captures *captures, const char *key,
			    const struct ledger_file *state,
			    struct ringfile *file, char path[PATH_MAX])
{
	bool own = captures_own(captures, key);

	for (unsigned int n = 0; n < CAPTURES_FILES_MAX; n++) {
		errno = ENAMETOOLONG;
		if (!path_make(path, PATH_MAX, captures->config.write,
			       own ? NULL : state->sensor, state->interface, n) ||
		    strlen(path + captures->folder) >= sizeof(state->name))
			return false;
		if (captures_whose(captures, path))
			continue;
		if (ringfile_create(file, path, key))
			return true;
		if (errno != EEXIST)
			return false;
	}
	return false;
}

static struct ledger_file *captures_declare(const struct captures *captures,
					     const struct stream *stream, bool split)
{
	const struct hello *hello = &stream->hello;
	struct ledger_file *state = ledger_new_file(hello->ring_count);
	const char *slash = strrchr(stream->key, '/');

	if (!state)
		return NULL;
	state->number = captures->number;
	state->ring = split ? hello->ring : LEDGER_ALL;
	state->format = hello->format;
	memcpy(state->boot, hello->boot, MESSAGE_ID_BYTES);
	memcpy(state->capture, hello->capture, MESSAGE_ID_BYTES);
	memcpy(state->sensor, stream->key, slash - stream->key);
	strcpy(state->interface, slash + 1);
	path_encode(hello->host, state->host);
	return state;
}

static struct epoch *captures_new(struct captures *captures,
				  const struct stream *stream, bool split,
				  struct call_status *status)
{
	struct ledger_file *state = captures_declare(captures, stream, split);
	struct ringfile file;
	struct epoch *epoch;
	char path[PATH_MAX];

	captures_status(status, CALL_RESOURCE_EXHAUSTED,
			"no room for another capture, %u have been here",
			captures->count);
	if (!state)
		return NULL;
	if (!captures_create(captures, stream->key, state, &file, path)) {
		captures_status(status, errno == ENOSPC || errno == EDQUOT ?
				CALL_RESOURCE_EXHAUSTED : CALL_INTERNAL,
				"cannot create %.256s: %s", path, strerror(errno));
		free(state);
		return NULL;
	}
	strcpy(state->name, path + captures->folder);
	epoch = captures_add(captures, state, path);
	if (epoch)
		epoch->file = file;
	else
		ringfile_close(&file);
	return epoch;
}

/* Let the epoch's file, which is open, be synced. */
static bool captures_use(struct captures *captures, struct epoch *epoch)
{
	if (!epoch_open(epoch, epoch == captures->pipe ? NULL : captures->syncer,
			captures->config.hold_back, captures_now()))
		return false;
	epoch->next_open = captures->opened;
	captures->opened = epoch;
	return true;
}

/* Say that the epoch's file cannot go on, and why. */
static void captures_say_gone(const struct epoch *epoch, enum ringfile_state state,
			      uint64_t end)
{
	uint64_t length = epoch->state->length;

	if (state == RINGFILE_SHORT)
		log_error("%s: has %" PRIu64 " bytes, the journal knows %" PRIu64 ": %" PRIu64 " bytes are missing; its sensor begins a new file",
			  epoch->path, end, length, epoch->state->missing);
	else
		log_error("%s: is not the file that was left there, of %" PRIu64 " bytes; its sensor begins a new file",
			  epoch->path, length);
}

static void epoch_lose(struct epoch *epoch, enum ringfile_state state, uint64_t end)
{
	epoch->state->gone = true;
	epoch->state->missing = epoch->state->length;
	if (state == RINGFILE_SHORT)
		epoch->state->missing -= end;
	captures_say_gone(epoch, state, end);
}

/*
 * Open the file of an epoch that was here before. False: it cannot be used;
 * epoch->state->gone: never again.
 */
static bool captures_reopen(struct captures *captures, struct epoch *epoch,
			    struct call_status *status)
{
	struct ledger_file *known = epoch->state;
	enum ringfile_state state = ringfile_open(&epoch->file, epoch->path,
						  &known->format, known->length);

	if (state == RINGFILE_FINE && epoch->file.end == known->length)
		return true;
	if (state == RINGFILE_LOCKED || state == RINGFILE_ERROR) {
		captures_status(status, CALL_INTERNAL, "cannot open %.256s: %s",
				epoch->path, state == RINGFILE_LOCKED ?
				"another program writes it" : strerror(errno));
		return false;
	}
	epoch_lose(epoch, state == RINGFILE_FINE ? RINGFILE_OTHER : state,
		   epoch->file.end);
	ringfile_close(&epoch->file);
	syncer_gone(captures->syncer, known->number, known->missing);
	return false;
}

/* The epoch of the stream's Hello, open. NULL: @status says why. */
static struct epoch *captures_get(struct captures *captures,
				  const struct stream *stream,
				  struct call_status *status)
{
	struct epoch *epoch;
	bool split;

	epoch = captures_find(captures, &stream->hello, &split);
	if (epoch && epoch->sync)
		return epoch;
	if (epoch && !captures_reopen(captures, epoch, status)) {
		if (!epoch->state->gone)
			return NULL;
		epoch = captures_find(captures, &stream->hello, &split);
	}
	if (!epoch)
		epoch = captures_new(captures, stream, split, status);
	if (epoch && !captures_use(captures, epoch)) {
		captures_status(status, CALL_RESOURCE_EXHAUSTED, "no memory");
		ringfile_close(&epoch->file);
		return NULL;
	}
	return epoch;
}

/* There is one header on a pipe, and one capture at a time. */
static bool captures_begin_pipe(struct captures *captures, struct epoch *epoch,
				struct call_status *status)
{
	const char **output = captures->config.output;

	if (*output && strcmp(*output, CAPTURES_OUTPUT)) {
		captures_status(status, CALL_RESOURCE_EXHAUSTED,
				"standard output has begun with packets that came by %s",
				*output);
		return false;
	}
	if (captures->pipe) {
		epoch->file = captures->pipe->file;
		epoch->header = true;
		return true;
	}
	if (!ringfile_pipe(&epoch->file, captures->config.stop_fd)) {
		captures_status(status, CALL_INTERNAL,
				"cannot write standard output: %s", strerror(errno));
		captures->config.stop();
		return false;
	}
	*output = CAPTURES_OUTPUT;
	return true;
}

static bool epoch_attached(const struct epoch *epoch)
{
	for (uint32_t i = 0; i < epoch->state->ring_count; i++)
		if (epoch->rings[i].stream)
			return true;
	return false;
}

/* The capture before has left standard output to this one. */
static bool captures_swap_pipe(struct captures *captures, struct epoch *epoch,
			       struct call_status *status)
{
	struct epoch *old = captures->pipe;

	if (old && epoch_attached(old)) {
		captures_status(status, CALL_RESOURCE_EXHAUSTED,
				"the collector writes to standard output, which sensor %.128s uses",
				old->state->sensor);
		return false;
	}
	if (old && !ringfile_same(&old->format, &epoch->format)) {
		captures_status(status, CALL_FAILED_PRECONDITION,
				"standard output has begun with link type %u, %sseconds: no other can follow",
				old->format.linktype,
				old->format.microseconds ? "micro" : "nano");
		return false;
	}
	return captures_begin_pipe(captures, epoch, status);
}

static void captures_drop_pipe(struct captures *captures)
{
	struct epoch *old = captures->pipe;

	captures->first = captures->opened = captures->pipe = NULL;
	if (!old)
		return;
	old->file.fd = -1;
	epoch_free(old);
}

static struct epoch *captures_get_pipe(struct captures *captures,
				       const struct stream *stream,
				       struct call_status *status)
{
	struct ledger_file *state;
	struct epoch *epoch;
	bool split, header;

	epoch = captures_find(captures, &stream->hello, &split);
	if (epoch)
		return epoch;
	captures_status(status, CALL_RESOURCE_EXHAUSTED, "no memory");
	state = captures_declare(captures, stream, false);
	epoch = state ? epoch_new(state, "standard output") : NULL;
	if (!epoch)
		return NULL;
	if (!captures_swap_pipe(captures, epoch, status)) {
		epoch->file.fd = -1;
		epoch_free(epoch);
		return NULL;
	}
	header = epoch->header;
	captures_drop_pipe(captures);
	captures->first = captures->pipe = epoch;
	if (!captures_use(captures, epoch))
		abort();	/* its descriptor is the only one */
	epoch->header = header;
	return epoch;
}

/* Does this Hello fit to what is there? */
static bool stream_fits(const struct stream *stream, const struct epoch *epoch,
			struct call_status *status)
{
	const struct hello *hello = &stream->hello;
	const struct stream *other = epoch->rings[hello->ring].stream;

	if (epoch->state->ring_count != hello->ring_count) {
		captures_status(status, CALL_INVALID_ARGUMENT,
				"ring_count is %u, but this capture has %u rings",
				hello->ring_count, epoch->state->ring_count);
		return false;
	}
	if (!ringfile_same(&epoch->format, &hello->format)) {
		captures_status(status, CALL_INVALID_ARGUMENT,
				"linktype, resolution or byte order differ from what this capture had");
		return false;
	}
	if (other && hello->generation <= other->hello.generation) {
		captures_status(status, CALL_ABORTED,
				"generation %" PRIu64 " is not above %" PRIu64 ", that of the call that this ring has",
				hello->generation, other->hello.generation);
		return false;
	}
	return true;
}

static void stream_say_begin(const struct stream *stream)
{
	const struct ringfile_format *format = &stream->hello.format;

	log_info("sensor %s ring %u: streams to %s from offset %" PRIu64 " (link type %u, snaplen %u bytes, %sseconds%s)",
		 stream->key, stream->ring, stream->epoch->path,
		 stream_state(stream)->offset, format->linktype, format->snaplen,
		 format->microseconds ? "micro" : "nano",
		 ringfile_swapped(format) ? ", the other byte order" : "");
	if (stream_state(stream)->offset > stream->hello.head)
		log_warning("sensor %s ring %u: its head is %" PRIu64 ", but more was here already: it cannot go on",
			    stream->key, stream->ring, stream->hello.head);
}

/* All that is there is safe: say where to go on. */
static void stream_welcome(struct stream *stream, uint64_t now)
{
	struct captures *captures = stream->captures;
	struct ledger_ring *state = stream_state(stream);
	unsigned char out[MESSAGE_OUT_MAX];
	bool new_epoch = !state->known || !captures->journal;
	struct call_status status;
	size_t size;

	if (!epoch_begin(stream->epoch, stream->ring, stream->hello.tail, &status)) {
		captures_end_all(captures, stream->epoch, &status);
		return;
	}
	stream->phase = STREAM_FIRST;
	stream->before = *state;
	stream->acked = state->offset > stream->hello.tail ? state->offset :
							      stream->hello.tail;
	stream->beat = now;
	size = message_welcome(out, captures->id, state->offset, new_epoch,
			       captures->journal);
	captures->config.send(stream->call, out, size);
	captures_hurry(captures, now + CAPTURES_HEARTBEAT);
	stream_say_begin(stream);
}

/* "ADDRESS", and a number where several live that say no more. */
static void stream_name(struct stream *stream)
{
	const struct hello *hello = &stream->hello;
	char interface[PATH_NAME_MAX], name[PATH_NAME_MAX];

	path_encode(hello->interface, interface);
	if (*hello->sensor)
		path_encode(hello->sensor, name);
	else
		snprintf(name, sizeof(name), "%.*s", (int)sizeof(name) - 1,
			 stream->key);
	snprintf(stream->key, sizeof(stream->key), "%s/%s", name, interface);
}

static void stream_hello(struct stream *stream, const struct hello *hello,
			 uint64_t now)
{
	struct captures *captures = stream->captures;
	struct call_status status;
	struct epoch *epoch;
	struct stream *other;
	int error;

	stream->hello = *hello;
	stream_name(stream);
	epoch = (captures->journal ? captures_get : captures_get_pipe)
		(captures, stream, &status);
	if (!epoch || !stream_fits(stream, epoch, &status)) {
		stream_end(stream, &status);
		return;
	}
	error = epoch_error(epoch);
	if (error)
		captures_back(captures, epoch, error);
	other = epoch->rings[hello->ring].stream;
	if (other) {
		captures_status(&status, CALL_ABORTED,
				"replaced by a newer call of the same ring");
		stream_end(other, &status);
	}
	stream->epoch = epoch;
	stream->ring = hello->ring;
	stream->before = *stream_state(stream);
	stream->phase = STREAM_WAITING;
	stream_ring(stream)->stream = stream;
	/* A pipe holds nothing: what was written and not acknowledged is known. */
	if (!captures->journal && (stream_state(stream)->offset < hello->tail ||
				   stream_state(stream)->offset > hello->head))
		stream_state(stream)->offset = hello->tail;
	epoch_snaplen(epoch, hello->format.snaplen);
	epoch_attach(epoch, hello->ring, hello->ring_bytes);
	if (epoch_settled(epoch, hello->ring))
		stream_welcome(stream, now);
}

/* What another collector may have, too: counted once the sensor goes on here. */
static void stream_count_duplicates(struct stream *stream)
{
	const struct hello *hello = &stream->hello;
	struct epoch_ring *ring = stream_ring(stream);
	uint64_t from = ring->received;

	if (hello->has_collector &&
	    !memcmp(hello->collector, stream->captures->id, MESSAGE_ID_BYTES))
		return;
	if (from < ring->duplicate)
		from = ring->duplicate;
	if (hello->sent <= from)
		return;
	ring->duplicate = hello->sent;
	stream_state(stream)->duplicates += hello->sent - from;
	epoch_note(stream->epoch);
	log_warning("sensor %s ring %u: %" PRIu64 " bytes may be at another collector, too",
		    stream->key, stream->ring, hello->sent - from);
}

/* The first Records begin where the sensor's tail was, if that is beyond. */
static void stream_first(struct stream *stream, const struct records *records)
{
	struct epoch_ring *ring = stream_ring(stream);
	uint64_t tail = stream->hello.tail;

	if (records->offset != (ring->received < tail ? tail : ring->received))
		return;
	if (ring->received < tail)
		log_warning("sensor %s ring %u: %" PRIu64 " bytes were consumed elsewhere",
			    stream->key, stream->ring,
			    epoch_jump(stream->epoch, stream->ring, tail));
	stream->phase = STREAM_LIVE;
	stream_count_duplicates(stream);
}

static void stream_records(struct stream *stream, struct records *records,
			   uint64_t now)
{
	struct captures *captures = stream->captures;
	struct epoch *epoch = stream->epoch;
	struct epoch_ring *ring = stream_ring(stream);
	enum epoch_result result;
	struct call_status status;

	if (stream->phase == STREAM_FIRST)
		stream_first(stream, records);
	if (stream->phase == STREAM_FIRST || records->offset != ring->received) {
		captures_status(&status, CALL_INVALID_ARGUMENT,
				"Records at offset %" PRIu64 ", %" PRIu64 " is the next",
				records->offset, stream->phase == STREAM_FIRST &&
				ring->received < stream->hello.tail ?
				stream->hello.tail : ring->received);
		stream_end(stream, &status);
		return;
	}
	result = epoch_receive(epoch, stream->ring, records, now, &status);
	if (result == EPOCH_INVALID)
		stream_end(stream, &status);
	else if (result == EPOCH_FAILED)
		captures_end_all(captures, epoch, &status);
	else if (epoch->merge)
		captures_hurry(captures, epoch == captures->pipe ? now :
			       merge_due(epoch->merge));
}

static void stream_message(struct stream *stream, struct iovec *pieces,
			   size_t count)
{
	struct message *message = &stream->captures->message;
	enum message_kind kind = message_decode(message, pieces, count);
	uint64_t now = captures_now();
	struct call_status status;
	const char *why = message->why;

	if (kind == MESSAGE_HELLO && stream->phase == STREAM_NEW) {
		stream_hello(stream, &message->hello, now);
		return;
	}
	if (kind == MESSAGE_RECORDS && stream->phase >= STREAM_FIRST) {
		stream_records(stream, &message->records, now);
		return;
	}
	if (kind == MESSAGE_HELLO)
		why = "a second Hello";
	else if (kind == MESSAGE_RECORDS)
		why = stream->phase == STREAM_NEW ? "Records before Hello" :
						    "Records before Welcome";
	captures_status(&status, CALL_INVALID_ARGUMENT, "%s", why);
	stream_end(stream, &status);
}

static void stream_close(struct stream *stream, bool broken,
			 struct call_status *status)
{
	const struct epoch *epoch = stream->epoch;
	uint64_t whole;

	if (broken || !epoch) {
		captures_status(status, broken ? CALL_UNAVAILABLE : CALL_INVALID_ARGUMENT,
				broken ? "connection broken" : "no Hello came");
		stream_free(stream, status->text, false);
		return;
	}
	whole = stream_state(stream)->offset;
	if (epoch->merge)
		whole += merge_held(epoch->merge, stream->ring);
	stream->ending = true;
	stream->ragged = stream_ring(stream)->received != whole;
	if (epoch->merge)
		merge_leave(epoch->merge, stream->ring, true, captures_now());
	if (epoch->sync)
		syncer_urge(epoch->syncer);
	captures_hurry(stream->captures, 0);
	status->code = CALL_LATER;
}

static void stream_ack(struct stream *stream, uint64_t offset, uint64_t now)
{
	unsigned char out[MESSAGE_OUT_MAX];
	size_t size = message_ack(out, offset);

	stream->acked = offset;
	stream->beat = now;
	stream->captures->config.send(stream->call, out, size);
}

/* Everything that came is acknowledged. */
static void stream_complete(struct stream *stream)
{
	struct call_status status = { .code = CALL_OK };

	if (stream->ragged)
		captures_status(&status, CALL_INVALID_ARGUMENT,
				"the stream ended within a record");
	stream_end(stream, &status);
}

/* Whatever can go on by now. @return when to look again. */
static uint64_t stream_progress(struct stream *stream, uint64_t now)
{
	const struct ledger_ring *state = stream_state(stream);
	struct epoch *epoch = stream->epoch;
	struct ledger_ring safe = *state;
	bool declared;

	if (stream->phase == STREAM_WAITING) {
		if (epoch_settled(epoch, stream->ring))
			stream_welcome(stream, now);
		return CALL_NEVER;
	}
	if (epoch->sync && !syncer_safe(epoch->syncer, epoch->sync, stream->ring,
					&safe, &declared))
		return CALL_NEVER;
	if (safe.offset > stream->acked || now - stream->beat >= CAPTURES_HEARTBEAT)
		stream_ack(stream, safe.offset > stream->acked ?
			   safe.offset : stream->acked, now);
	if (stream->ending && epoch_drained(epoch, stream->ring) &&
	    safe.offset == state->offset) {
		stream_complete(stream);
		return CALL_NEVER;
	}
	return stream->beat + CAPTURES_HEARTBEAT;
}

/* Release what was held back, find out what failed, close what is unused. */
static uint64_t captures_look(struct captures *captures, struct epoch *epoch,
			      uint64_t now)
{
	struct call_status status;
	int error = epoch_error(epoch);

	if (error)
		captures_back(captures, epoch, error);
	else if (epoch_release(epoch, now, false, &status) == EPOCH_FAILED)
		captures_end_all(captures, epoch, &status);
	return epoch->merge ? merge_due(epoch->merge) : CALL_NEVER;
}

/* @return when to look again. */
static uint64_t captures_progress(struct captures *captures, uint64_t now)
{
	struct stream *stream = captures->streams, *next;
	uint64_t due = CALL_NEVER, other;

	while (stream) {
		next = stream->next;
		captures->ended = false;
		other = stream->epoch ? stream_progress(stream, now) : CALL_NEVER;
		due = other < due ? other : due;
		/* it may have ended others, too: begin again */
		stream = captures->ended ? captures->streams : next;
	}
	return due;
}

static void captures_close_idle(struct captures *captures)
{
	struct epoch **at = &captures->opened;

	while (*at) {
		struct epoch *epoch = *at;

		if (epoch_close(epoch))
			*at = epoch->next_open;
		else
			at = &epoch->next_open;
	}
}

static uint64_t captures_idle(void *context)
{
	struct captures *captures = context;
	uint64_t now = captures_now(), due = CALL_NEVER;

	if (!__atomic_exchange_n(&captures->woken, false, __ATOMIC_ACQUIRE) &&
	    now < captures->due)
		return captures->due;
	captures->due = CALL_NEVER;
	for (struct epoch *epoch = captures->opened; epoch; epoch = epoch->next_open) {
		uint64_t other = captures_look(captures, epoch, now);

		due = other < due ? other : due;
	}
	captures_hurry(captures, due);
	captures_hurry(captures, captures_progress(captures, now));
	captures_close_idle(captures);
	return captures->due;
}

static void captures_stop(void *context)
{
	struct captures *captures = context;
	struct call_status status;

	for (struct epoch *epoch = captures->opened; epoch; epoch = epoch->next_open)
		epoch_release(epoch, captures_now(), true, &status);
	captures_status(&status, CALL_UNAVAILABLE, "the collector stops");
	while (captures->streams)
		stream_end(captures->streams, &status);
}

void captures_taker(struct captures *captures, struct call_taker *taker)
{
	*taker = (struct call_taker){
		.context = captures,
		.answers = true,
		.open = captures_take,
		.message = stream_message,
		.close = stream_close,
		.idle = captures_idle,
		.stop = captures_stop,
	};
}

/*
 * A file that the journal knows: cut it to what that says. False: it was
 * logged, and the program cannot begin.
 */
static bool captures_check(struct captures *captures, struct epoch *epoch)
{
	const struct ledger_file *known = epoch->state;
	enum ringfile_state state;
	struct ringfile file;
	bool done = true;

	epoch->declared = true;
	if (known->gone || (!known->length && access(epoch->path, F_OK)))
		return true;
	state = ringfile_open(&file, epoch->path, &known->format, known->length);
	if (state == RINGFILE_LOCKED || state == RINGFILE_ERROR) {
		log_error("%s: cannot be opened: %s", epoch->path,
			  state == RINGFILE_LOCKED ?
			  "another program writes it" : strerror(errno));
		return false;
	}
	if (state != RINGFILE_FINE) {
		epoch_lose(epoch, state, file.end);
		journal_gone(captures->journal, known->number, known->missing);
		return true;
	}
	if (file.end > known->length) {
		log_warning("%s: cut %" PRIu64 " bytes at offset %" PRIu64 ", which are not in the journal",
			    epoch->path, file.end - known->length, known->length);
		done = ringfile_cut(&file, known->length);
		if (!done)
			log_error("%s: cannot be cut: %m", epoch->path);
	}
	ringfile_close(&file);
	return done;
}

/* Take over what the journal knows. */
static bool captures_restore(struct captures *captures)
{
	const struct ledger_file *file = journal_files(captures->journal);
	bool any = file;

	for (; file; file = file->next) {
		struct ledger_file *state = ledger_new_file(file->ring_count);
		char path[PATH_MAX];
		struct epoch *epoch;

		if (!state || !captures_path(captures, path, file->name)) {
			log_error("out of memory");
			free(state);
			return false;
		}
		memcpy(state, file, sizeof(*file) +
		       file->ring_count * sizeof(file->rings[0]));
		state->next = NULL;
		epoch = captures_add(captures, state, path);
		if (!epoch) {
			log_error("the journal knows too many files");
			return false;
		}
		if (!captures_check(captures, epoch))
			return false;
	}
	if (!any || journal_commit(captures->journal))
		return true;
	log_error("the journal cannot be written: %m");
	return false;
}

struct captures *captures_open(const struct captures_config *config)
{
	struct captures *captures = calloc(1, sizeof(*captures));
	const char *slash;

	if (!captures) {
		log_error("out of memory");
		return NULL;
	}
	captures->config = *config;
	captures->due = CALL_NEVER;
	captures->number = 1;
	if (!strcmp(config->write, "-")) {
		if (journal_random(captures->id))
			return captures;
		free(captures);
		return NULL;
	}
	slash = strrchr(config->write, '/');
	captures->folder = slash ? slash + 1 - config->write : 0;
	captures->journal = journal_open(config->write);
	if (captures->journal && captures_restore(captures)) {
		memcpy(captures->id, journal_id(captures->journal), MESSAGE_ID_BYTES);
		return captures;
	}
	captures_close(captures);
	return NULL;
}

static void captures_wake(void *context)
{
	struct captures *captures = context;

	__atomic_store_n(&captures->woken, true, __ATOMIC_RELEASE);
	captures->wake(captures->wake_context);
}

bool captures_start(struct captures *captures, void (*wake)(void *context),
		    void *context)
{
	if (!captures->journal)
		return true;
	captures->wake = wake;
	captures->wake_context = context;
	captures->syncer = syncer_open(captures->journal, captures->config.sync,
				       captures_wake, captures);
	if (!captures->syncer)
		log_error("cannot start to sync: %m");
	return captures->syncer;
}

void captures_finish(struct captures *captures)
{
	if (captures->syncer)
		syncer_close(captures->syncer);
	captures->syncer = NULL;
}

void captures_close(struct captures *captures)
{
	struct epoch *epoch, *next;

	for (epoch = captures->first; epoch; epoch = next) {
		next = epoch->next;
		epoch_free(epoch);
	}
	if (captures->journal)
		journal_close(captures->journal);
	message_free(&captures->message);
	free(captures);
}
