/* SPDX-License-Identifier: MIT */
/*
 * The gRPC server: the only file that knows gRPC. It has one completion queue
 * and one thread that does all the work; a second one only waits for @stop_fd,
 * others may wake it.
 */
#ifndef COLLECTOR_SERVER_H
#define COLLECTOR_SERVER_H

#include "call.h"

struct server;
struct tls;

/* Who takes the calls of a method, "/package.Service/Method". */
struct server_method {
	const char *path;
	const struct call_taker *taker;
};

/*
 * Listen on @listen, ADDR:PORT. @tls: NULL: in the clear. @methods end with one
 * of no path; they, their takers and @tls outlive the server. NULL: what is wrong
 * was logged.
 */
struct server *server_open(const char *listen, struct tls *tls,
			   const struct server_method *methods);

/* Serve until @stop_fd is readable. False: errno says why it cannot. */
bool server_run(struct server *server, int stop_fd);

void server_close(struct server *server);

/* The taker has enough of @call: answer with @status, after what was sent. */
void server_end(struct call *call, const struct call_status *status);

/*
 * Send a message of at most 128 bytes. While one is on its way the next waits;
 * a newer one takes its place.
 */
void server_send(struct call *call, const void *bytes, size_t size);

/* Let the takers' idle() be called. From any thread, until server_close(). */
void server_wake(void *server);

#endif
