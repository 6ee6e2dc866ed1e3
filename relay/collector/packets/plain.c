// SPDX-License-Identifier: MIT
#include "plain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/pcapring.h>

#include "collector/files/draft.h"
#include "collector/files/path.h"
#include "collector/sight/roster.h"
#include "common/log.h"
#include "decode.h"
#include "number.h"

struct plain {
	struct plain_config config;
	struct stream *first;
	struct decode decode;
};

/* A stream, which is ring 0 of its epoch. */
struct stream {
	struct stream *next;
	struct plain *plain;
	struct call *call;
	const struct caller *caller;
	unsigned int number;		/* at its address; 0: it has a name */
	struct epoch *epoch;
	struct roster_entry *seat;	/* its sensor's, or NULL */
	bool nanoseconds;
	bool ending;			/* the last message came */
	uint64_t packets;		/* that came */
	uint64_t had;			/* what the epoch had before */
	char key[2 * PATH_NAME_MAX];	/* "sensor/interface" */
	struct draft draft;
};

static uint64_t plain_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

/* The call takes nothing more: forget the stream; not its call. */
static void stream_free(struct stream *stream, const char *how, const struct call_status *status)
{
	const struct room *room = epochs_room(stream->plain->config.epochs);
	struct stream **at = &stream->plain->first;
	uint64_t written = stream->epoch->state->rings[0].packets - stream->had;
	bool full = status->code == CALL_RESOURCE_EXHAUSTED && room_full(room) &&
		    stream->packets == written;
	char lost[64] = "";

	if (stream->packets > written)
		snprintf(lost, sizeof(lost), "; %" PRIu64 " are lost", stream->packets - written);
	roster_leave(stream->seat);
	epoch_detach(stream->epoch, 0, stream->ending, plain_now());
	stream->epoch->rings[0].stream = NULL;
	(full ? log_debug : status->code == CALL_OK ? log_info : log_warning)
		("sensor %s: %s: %" PRIu64 " packets written to %s%s", stream->key, how,
		 written, stream->epoch->path, lost);
	stream->plain->config.wake(stream->plain->config.context);
	while (*at != stream)
		at = &(*at)->next;
	*at = stream->next;
	draft_empty(&stream->draft);
	free(stream);
}

static void stream_end(struct stream *stream, const struct call_status *status)
{
	struct plain *plain = stream->plain;
	struct call *call = stream->call;

	stream_free(stream, status->code == CALL_OK ? "complete" : status->text, status);
	plain->config.end(call, status);
}

/* Hand on what has gathered. False: @status. */
static bool stream_hand_on(struct stream *stream, struct call_status *status)
{
	struct iovec whole = { draft_bytes(&stream->draft), stream->draft.used };
	struct records records = {
		.offset = stream->epoch->rings[0].received,
		.data = { &whole, 1 },
		.length = whole.iov_len,
	};
	bool fine;

	if (!records.length)
		return true;
	fine = epoch_receive(stream->epoch, 0, &records, plain_now(), status) == EPOCH_FINE;
	draft_empty(&stream->draft);
	return fine;
}

/* The same. False: the stream has ended, too. */
static bool stream_flush(struct stream *stream, struct call_status *status)
{
	if (stream->draft.used)
		roster_received(stream->seat, 0);
	if (stream_hand_on(stream, status))
		return true;
	stream_end(stream, status);
	return false;
}

/* As a ring that has no end, and no other id than what is known of it. */
static void plain_hello(struct hello *hello, const struct metadata *metadata, const char *key)
{
	uint64_t hash[2] = { PATH_HASH };

	*hello = (struct hello){
		.ring_count = 1,
		.format = {
			.linktype = metadata->linktype,
			.snaplen = metadata->snaplen,
			.microseconds = metadata->tsresol != 9,
			.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
		},
	};
	memcpy(hello->boot, EPOCH_PLAIN, MESSAGE_ID_BYTES);
	hash[0] = path_hash(hash[0], (const char *)&hello->format.linktype,
			    sizeof(hello->format.linktype));
	hash[0] = path_hash(hash[0], hello->format.microseconds ? "u" : "n", 1);
	hash[0] = path_hash(hash[0], key, strlen(key));
	hash[1] = path_hash(hash[0], key, strlen(key));
	memcpy(hello->capture, hash, MESSAGE_ID_BYTES);
	strcpy(hello->host, metadata->host);
}

/* Of encoded names, which are its key. */
static struct epoch *plain_get(struct plain *plain, const struct metadata *metadata,
			       const char *name, char *key, struct call_status *status)
{
	char interface[PATH_NAME_MAX];
	struct hello hello;

	path_encode(metadata->interface, interface);
	sprintf(key, "%.*s/%s", PATH_NAME_MAX - 1, name, interface);
	plain_hello(&hello, metadata, key);
	return epochs_get(plain->config.epochs, &hello, key, plain_now(), status);
}

/* One that says no name goes by its address and a number. NULL: @status. */
static struct epoch *plain_find_nameless(struct plain *plain, struct stream *stream,
					 struct call_status *status)
{
	const struct caller *caller = stream->caller;
	struct numbers numbers = {};
	char name[PATH_NAME_MAX];
	struct epoch *epoch;

	for (const struct stream *other = plain->first; other; other = other->next)
		if (!strcmp(other->caller->peer, caller->peer) &&
		    !strcmp(other->caller->metadata.interface, caller->metadata.interface))
			numbers_take(&numbers, other->number);
	do {
		stream->number = numbers_get(&numbers, status);
		if (!stream->number)
			return NULL;
		/* somebody may call itself like that */
		numbers_take(&numbers, stream->number);
		number_name(caller->peer, stream->number, name);
		epoch = plain_get(plain, &caller->metadata, name, stream->key, status);
	} while (epoch && epoch->rings[0].stream);
	return epoch;
}

/* @said: its name, or "". */
static struct epoch *plain_find(struct plain *plain, const char *said, struct stream *stream,
				struct call_status *status)
{
	char name[PATH_NAME_MAX];

	if (!*said)
		return plain_find_nameless(plain, stream, status);
	path_encode(said, name);
	return plain_get(plain, &stream->caller->metadata, name, stream->key, status);
}

static void stream_begin(struct stream *stream, struct epoch *epoch,
			 const struct metadata *metadata, struct call_status *status)
{
	struct stream *other = epoch->rings[0].stream;

	if (other) {
		call_fail(status, CALL_ABORTED,
			  "replaced by a newer stream of the same sensor and interface");
		if (stream_flush(other, status))
			stream_end(other, status);
	}
	stream->epoch = epoch;
	stream->had = epoch->state->rings[0].packets;
	stream->nanoseconds = metadata->tsresol == 9;
	stream->seat = roster_get(stream->plain->config.roster, epoch->state->sensor,
				  epoch->state->interface);
	roster_join(stream->seat, metadata->host, "");
	epoch->rings[0].stream = stream;
	epoch->rings[0].end = stream_end;
	epoch_snaplen(epoch, metadata->snaplen);
	epoch_attach(epoch, 0, 0);
	epoch_begin(epoch, 0, 0, status);
	log_info("sensor %s: streams to %s (link type %u, snaplen %u bytes, %sseconds)",
		 stream->key, epoch->path, metadata->linktype, metadata->snaplen,
		 stream->nanoseconds ? "nano" : "micro");
}

/* It does not come to be. */
static void plain_refuse(struct stream *stream, const struct call_status *status)
{
	struct plain *plain = stream->plain;

	if (!*stream->key)
		plain->config.complain(stream->call, status->text);
	else
		(room_full(epochs_room(plain->config.epochs)) ? log_debug : log_warning)
			("sensor %s: refused: %s", stream->key, status->text);
	free(stream);
}

static struct stream *plain_take(void *context, struct call *call,
				 const struct caller *caller, struct call_status *status)
{
	struct plain *plain = context;
	struct admission admission;
	struct stream *stream;
	struct epoch *epoch;

	if (!plain->config.admit(call, caller->metadata.sensor, &admission, status))
		return NULL;
	call_fail(status, CALL_RESOURCE_EXHAUSTED, "no memory");
	stream = malloc(sizeof(*stream));
	if (!stream)
		return NULL;
	memset(stream, 0, offsetof(struct stream, draft));
	draft_init(&stream->draft);
	stream->plain = plain;
	stream->call = call;
	stream->caller = caller;
	epoch = plain_find(plain, admission.name, stream, status);
	if (!epoch) {
		plain_refuse(stream, status);
		return NULL;
	}
	stream->next = plain->first;
	plain->first = stream;
	stream_begin(stream, epoch, &caller->metadata, status);
	return stream;
}

/* All that has gathered is handed on; what is safe is told at the end. */
static uint64_t plain_idle(void *context)
{
	const struct call_status fine = { .code = CALL_OK };
	struct plain *plain = context;
	struct call_status status;

	for (struct stream *stream = plain->first, *next; stream; stream = next) {
		next = stream->next;
		if (stream_flush(stream, &status) && stream->ending &&
		    epoch_settled(stream->epoch, 0))
			stream_end(stream, &fine);
	}
	return CALL_NEVER;
}

static void stream_message(struct stream *stream, struct iovec *pieces, size_t count)
{
	struct decode *decode = &stream->plain->decode;
	struct call_status status, failed;
	struct packet packet;

	if (!decode_packet(decode, pieces, count, &packet)) {
		call_fail(&status, CALL_INVALID_ARGUMENT, "message %" PRIu64 " is not valid: %s",
			  stream->packets + 1, decode->why);
		if (stream_flush(stream, &failed))
			stream_end(stream, &status);
		return;
	}
	stream->packets++;
	if (!draft_add(&stream->draft, &packet, stream->nanoseconds)) {
		call_fail(&status, CALL_RESOURCE_EXHAUSTED, "no memory");
		if (stream_flush(stream, &failed))
			stream_end(stream, &status);
	} else if (stream->draft.used >= DRAFT_FULL) {
		stream_flush(stream, &status);
	} else if (drafts_are_many()) {
		plain_idle(stream->plain);
	}
}

static void stream_close(struct stream *stream, bool broken, struct call_status *status)
{
	if (!stream_hand_on(stream, status)) {
		stream_free(stream, status->text, status);
		return;
	}
	if (broken) {
		call_fail(status, CALL_UNAVAILABLE, "connection broken");
		stream_free(stream, status->text, status);
		return;
	}
	stream->ending = true;
	syncer_urge(stream->epoch->syncer);
	status->code = CALL_LATER;
}

static void stream_refuse(struct stream *stream, struct call_status *status)
{
	struct call_status failed;

	if (stream_flush(stream, &failed))
		stream_end(stream, status);
}

static void plain_stop(void *context)
{
	struct plain *plain = context;
	struct call_status status;

	while (plain->first) {
		call_fail(&status, CALL_UNAVAILABLE, "the collector stops");
		stream_refuse(plain->first, &status);
	}
}

struct plain *plain_open(const struct plain_config *config)
{
	struct plain *plain = calloc(1, sizeof(*plain));

	if (plain)
		plain->config = *config;
	else
		log_error("out of memory");
	return plain;
}

void plain_taker(struct plain *plain, struct call_taker *taker)
{
	*taker = (struct call_taker){
		.context = plain,
		.open = plain_take,
		.message = stream_message,
		.close = stream_close,
		.idle = plain_idle,
		.end = stream_refuse,
		.stop = plain_stop,
	};
}

void plain_close(struct plain *plain)
{
	decode_free(&plain->decode);
	free(plain);
}
