// SPDX-License-Identifier: MIT
#include "health.h"

#include <stdlib.h>
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"

#include "common/log.h"

#define HEALTH_REQUEST_MAX	512	/* bytes */
#define HEALTH_ANSWER_MAX	16
#define HEALTH_WATCHERS_MAX	1024	/* more are no balancers */
#define HEALTH_OF_ONE_PEER	128

#define HEALTH(name)	GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

/* A call of either method. */
struct stream {
	struct stream *next, **at;
	struct health *health;
	struct call *call;
	const struct caller *caller;
	bool watches;
	bool known;		/* the service that it asks for */
	int told;		/* what it was told last; -1: nothing yet */
};

/**
 * struct health - see above
 * @streams: that live
 * @count: of them
 * @cannot_write: set from any thread
 * @stopping: no more calls come
 * @wake, @context: NULL: nobody hears yet
 */
struct health {
	struct health_config config;
	struct stream *streams;
	unsigned int count;
	bool cannot_write;
	bool stopping;
	void (*wake)(void *context);
	void *context;
};

static int health_status(const struct health *health)
{
	return health->stopping ||
	       __atomic_load_n(&health->cannot_write, __ATOMIC_RELAXED) ?
	       HEALTH(NOT_SERVING) : HEALTH(SERVING);
}

static bool health_knows(const struct health *health, const char *service)
{
	const char *const *known = health->config.services;

	if (!*service)
		return true;
	while (*known && strcmp(*known, service))
		known++;
	return *known;
}

/* Forget the stream; not its call. */
static void stream_free(struct stream *stream)
{
	*stream->at = stream->next;
	if (stream->next)
		stream->next->at = stream->at;
	stream->health->count--;
	free(stream);
}

static void stream_end(struct stream *stream, struct call_status *status)
{
	struct health *health = stream->health;
	struct call *call = stream->call;

	stream_free(stream);
	health->config.end(call, status);
}

static void stream_fail(struct stream *stream, enum call_code code, const char *why)
{
	struct call_status status;

	call_fail(&status, code, "%s", why);
	stream_end(stream, &status);
}

/* Tell the stream how things are, unless it knows. */
static void stream_tell(struct stream *stream)
{
	Grpc__Health__V1__HealthCheckResponse response =
		GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
	unsigned char out[HEALTH_ANSWER_MAX];
	size_t size;

	response.status = stream->known ? health_status(stream->health) :
			  (int)HEALTH(SERVICE_UNKNOWN);
	if ((int)response.status == stream->told)
		return;
	stream->told = response.status;
	size = grpc__health__v1__health_check_response__pack(&response, out);
	stream->health->config.send(stream->call, out, size);
}

/* Nobody takes the room of all others. */
static bool health_has_room(const struct health *health, const struct caller *caller)
{
	unsigned int count = 0;

	for (const struct stream *stream = health->streams; stream; stream = stream->next)
		count += !strcmp(stream->caller->peer, caller->peer);
	return count < HEALTH_OF_ONE_PEER && health->count < HEALTH_WATCHERS_MAX;
}

static struct stream *health_take(struct health *health, struct call *call,
				  const struct caller *caller, bool watches,
				  struct call_status *status)
{
	struct stream *stream = NULL;

	if (health_has_room(health, caller))
		stream = calloc(1, sizeof(*stream));
	if (!stream) {
		call_fail(status, CALL_RESOURCE_EXHAUSTED, "too many health checks are under way: %d may be of one address, %d in all",
			  HEALTH_OF_ONE_PEER, HEALTH_WATCHERS_MAX);
		health->config.complain(call, status->text);
		return NULL;
	}
	stream->health = health;
	stream->call = call;
	stream->caller = caller;
	stream->watches = watches;
	stream->told = -1;
	stream->next = health->streams;
	stream->at = &health->streams;
	if (stream->next)
		stream->next->at = &stream->next;
	health->streams = stream;
	health->count++;
	return stream;
}

static struct stream *health_check(void *context, struct call *call,
				   const struct caller *caller, struct call_status *status)
{
	return health_take(context, call, caller, false, status);
}

static struct stream *health_watch(void *context, struct call *call,
				   const struct caller *caller, struct call_status *status)
{
	return health_take(context, call, caller, true, status);
}

/* False: not a request. */
static bool stream_read(struct stream *stream, struct iovec *list, size_t count)
{
	unsigned char flat[HEALTH_REQUEST_MAX];
	Grpc__Health__V1__HealthCheckRequest *request;
	size_t length = 0;

	for (size_t i = 0; i < count; i++) {
		if (list[i].iov_len > sizeof(flat) - length)
			return false;
		memcpy(flat + length, list[i].iov_base, list[i].iov_len);
		length += list[i].iov_len;
	}
	request = grpc__health__v1__health_check_request__unpack(NULL, length, flat);
	if (!request)
		return false;
	stream->known = health_knows(stream->health, request->service);
	grpc__health__v1__health_check_request__free_unpacked(request, NULL);
	return true;
}

static void stream_message(struct stream *stream, struct iovec *pieces, size_t count)
{
	struct call_status status = { .code = CALL_OK };

	if (stream->told >= 0 || !stream_read(stream, pieces, count)) {
		stream_fail(stream, CALL_INVALID_ARGUMENT, "not one HealthCheckRequest of at most 512 bytes");
	} else if (stream->watches) {
		stream_tell(stream);
	} else if (!stream->known) {
		stream_fail(stream, CALL_NOT_FOUND, "no such service is here");
	} else {
		stream_tell(stream);
		stream_end(stream, &status);
	}
}

/* Who watches has asked all that there is to ask, and listens on. */
static void stream_close(struct stream *stream, bool broken, struct call_status *status)
{
	if (stream->watches && stream->told >= 0 && !broken) {
		status->code = CALL_LATER;
		return;
	}
	call_fail(status, CALL_INVALID_ARGUMENT, "no HealthCheckRequest came");
	stream_free(stream);
}

/* The server's word: nothing came in time. */
static void stream_dismiss(struct stream *stream, struct call_status *status)
{
	stream->health->config.complain(stream->call, status->text);
	stream_end(stream, status);
}

static void stream_gone(struct stream *stream)
{
	stream_fail(stream, CALL_UNAVAILABLE, "nobody listens");
}

static uint64_t health_idle(void *context)
{
	struct health *health = context;

	for (struct stream *stream = health->streams; stream; stream = stream->next)
		if (stream->told >= 0)
			stream_tell(stream);
	return CALL_NEVER;
}

static uint64_t health_never(void *context)
{
	(void)context;
	return CALL_NEVER;
}

static void health_stop(void *context)
{
	struct health *health = context;

	health->stopping = true;
	health_idle(health);
	while (health->streams)
		stream_fail(health->streams, CALL_UNAVAILABLE, "the collector stops");
}

struct health *health_open(const struct health_config *config)
{
	struct health *health = calloc(1, sizeof(*health));

	if (!health) {
		log_error("out of memory");
		return NULL;
	}
	health->config = *config;
	return health;
}

void health_close(struct health *health)
{
	free(health);
}

void health_takers(struct health *health, struct call_taker *check,
		   struct call_taker *watch)
{
	*check = (struct call_taker){
		.context = health,
		.answers = true,
		.greets = true,
		.asks = true,
		.open = health_check,
		.message = stream_message,
		.close = stream_close,
		.gone = stream_gone,
		.end = stream_dismiss,
		.idle = health_idle,
		.stop = health_stop,
	};
	*watch = *check;
	watch->open = health_watch;
	watch->idle = health_never;
}

void health_start(struct health *health, void (*wake)(void *context), void *context)
{
	health->context = context;
	__atomic_store_n(&health->wake, wake, __ATOMIC_RELEASE);
}

void health_set(struct health *health, bool can_write)
{
	void (*wake)(void *context) = __atomic_load_n(&health->wake, __ATOMIC_ACQUIRE);

	if (__atomic_exchange_n(&health->cannot_write, !can_write, __ATOMIC_RELAXED) == !can_write)
		return;
	if (wake)
		wake(health->context);
}
