/* SPDX-License-Identifier: MIT */
/*
 * One channel to a receiver, and the calls on it, several at a time. The only
 * file that knows gRPC; of methods and messages it knows nothing. All functions but
 * stream_wake() belong to one thread.
 */
#ifndef RELAY_STREAM_H
#define RELAY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream_end.h"

struct extent;
struct tls;
struct token;
struct stream;
struct stream_call;

/* From here on referring to a ring's bytes is cheaper than copying them. */
#define STREAM_REFER_BYTES	1024
#define STREAM_TEXTS_MAX	8

enum stream_event {
	STREAM_TIMEOUT,	/* nothing until the deadline */
	STREAM_WOKEN,	/* by stream_wake() */
	STREAM_OPENED,	/* the call is under way on a connection */
	STREAM_SENT,	/* the call's next message may be sent */
	STREAM_RECEIVED,/* a message came: stream_take() it now */
	STREAM_ENDED	/* the call is over and gone: stream_end() */
};

/* Make a channel; connects with the first call. */
struct stream *stream_new(const char *target);

/*
 * Speak TLS from now on, where nothing was called yet. Each call is made with
 * what the files of @tls hold by then. @name: whose certificate the receiver has
 * to have; NULL: the target's. @token: sent with each call; NULL: none is. All
 * outlive the stream.
 */
void stream_encrypt(struct stream *stream, struct tls *tls, const char *name,
		    struct token *token);

/*
 * Compress messages from now on, where nothing was called yet: "gzip" or "deflate".
 * @algorithm is static.
 */
void stream_compress(struct stream *stream, const char *algorithm);

/* Ends all calls, too. When it returns, all extents were let go of. */
void stream_free(struct stream *stream);

/*
 * The calls to come get a channel, and a connection, of their own. Those there
 * are keep the old ones until they end.
 */
void stream_renew(struct stream *stream);

/**
 * struct stream_text - metadata of a call
 * @name: static
 * @value: printable ASCII; copied
 */
struct stream_text {
	const char *name;
	const char *value;
};

/**
 * struct stream_opening - how a call begins
 * @method: static
 * @texts: @count of them, STREAM_TEXTS_MAX at most
 * @hears: STREAM_RECEIVED tells of each message that comes; otherwise there is an
 *	answer at most, of which nothing is of interest
 * @wait: for the receiver, however long it takes, instead of failing when it cannot
 *	be reached
 * @context: what stream_wait() names the call by
 */
struct stream_opening {
	const char *method;
	const struct stream_text *texts;
	size_t count;
	bool hears;
	bool wait;
	void *context;
};

/*
 * Start a call: STREAM_OPENED or STREAM_ENDED follows. The call is the stream's,
 * until STREAM_ENDED.
 */
struct stream_call *stream_open(struct stream *stream, const struct stream_opening *opening);

/*
 * The other end of an opened call's connection, as "ipv4:192.0.2.1:50051": at
 * most @size bytes with the NUL.
 */
void stream_peer(const struct stream_call *call, char *out, size_t size);

/*
 * Send a message; the call was opened, and none of its messages is under way. It
 * begins with @prefix, which is copied. @data, of @size bytes, ends it: it is referred
 * to until @extent is let go of, at any time; copied where @extent is NULL.
 * STREAM_SENT or STREAM_ENDED follows. Unless it is the @last of a burst, it may stay
 * in core until the next one.
 */
void stream_send(struct stream_call *call, const void *prefix, size_t length,
		 const void *data, size_t size, struct extent *extent, bool last);

/**
 * struct stream_hold - memory that several messages refer to parts of
 * @slice: core's
 */
struct stream_hold {
	uint64_t slice[4];
};

/* Until it is dropped; and once no message refers to it, @extent is let go of. */
void stream_hold(struct stream_hold *hold, const void *data, size_t size,
		 struct extent *extent);
void stream_drop(struct stream_hold *hold);

/* As stream_send(): @size bytes of @hold, from @begin on. */
void stream_send_part(struct stream_call *call, const void *prefix, size_t length,
		      const struct stream_hold *hold, size_t begin, size_t size, bool last);

/*
 * Take the message that came: at most @size bytes of it to @bytes. Returns how
 * many it has.
 */
size_t stream_take(struct stream_call *call, void *bytes, size_t size);

/* No more messages will follow. No message is under way. */
void stream_half_close(struct stream_call *call);

/* Give the call up. STREAM_ENDED follows. */
void stream_cancel(struct stream_call *call);

/*
 * Wait for an event until @deadline, CLOCK_MONOTONIC nanoseconds; -1: forever.
 * @context: of the call that it is about; NULL: of none.
 */
enum stream_event stream_wait(struct stream *stream, int64_t deadline, void **context);

/* How the call that ended last did. */
const struct stream_end *stream_end(const struct stream *stream);

/*
 * Make stream_wait() of @stream, whose type is that of callbacks, return STREAM_WOKEN,
 * once for each time. Any thread.
 */
void stream_wake(void *stream);

#endif
