/* SPDX-License-Identifier: MIT */
/*
 * One channel to a receiver, and the calls on it, several at a time. The only
 * file that knows gRPC. All functions but stream_wake() belong to one thread.
 */
#ifndef RELAY_STREAM_H
#define RELAY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/metadata.h"
#include "stream_end.h"

struct extent;
struct extents;
struct tls;
struct token;
struct packet;
struct stream;
struct stream_call;

/* From here on referring to a ring's bytes is cheaper than copying them. */
#define STREAM_REFER_BYTES	1024

enum stream_event {
	STREAM_TIMEOUT,	/* nothing until the deadline */
	STREAM_WOKEN,	/* by stream_wake() */
	STREAM_OPENED,	/* the call is under way on a connection */
	STREAM_SENT,	/* the call's next message may be sent */
	STREAM_RECEIVED,/* a message came: stream_take() it now */
	STREAM_ENDED	/* the call is over and gone: stream_end() */
};

/*
 * Make a channel; connects with the first call. Rings that packets of
 * stream_run() are sent from have their @extents, by number, which outlive the
 * stream. @nanoseconds: those messages carry ts_nsec.
 */
struct stream *stream_new(const char *target, bool nanoseconds,
			  struct extents *extents, unsigned int rings);

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

/*
 * Start a Run call; there is none. STREAM_OPENED or STREAM_ENDED follows.
 * @wait: wait for the receiver, however long it takes, instead of failing when
 * it cannot be reached. @context is what stream_wait() names the call by. The
 * call is the stream's, until STREAM_ENDED.
 */
struct stream_call *stream_run(struct stream *stream, const struct metadata *metadata,
			       bool wait, void *context);

/*
 * The same with a @method of messages in both directions, without metadata:
 * STREAM_RECEIVED tells of each that comes. @method is static.
 */
struct stream_call *stream_open(struct stream *stream, const char *method, bool wait,
				void *context);

/*
 * The other end of an opened call's connection, as "ipv4:192.0.2.1:50051": at
 * most @size bytes with the NUL.
 */
void stream_peer(const struct stream_call *call, char *out, size_t size);

/*
 * Send a packet on a Run call; it was opened, and none of its messages is under
 * way. Returns the message's size in bytes. STREAM_SENT or STREAM_ENDED
 * follows. Unless it is the @last of a burst, it may stay in core until the
 * next one.
 */
uint32_t stream_send(struct stream_call *call, const struct packet *packet, bool last);

/*
 * The same of a message that begins with @prefix, which is copied. @data, of
 * @size bytes, ends it: it is referred to until @extent is let go of, at any
 * time; copied where @extent is NULL.
 */
void stream_send_bytes(struct stream_call *call, const void *prefix, size_t length,
		       const void *data, size_t size, struct extent *extent, bool last);

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
