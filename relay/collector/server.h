/* SPDX-License-Identifier: MIT */
/*
 * The gRPC server: the only file that knows gRPC. It has one completion queue
 * and one thread that does all the work; a second one only waits for @stop_fd.
 */
#ifndef COLLECTOR_SERVER_H
#define COLLECTOR_SERVER_H

#include "call.h"

struct server;

/*
 * Listen on @listen, ADDR:PORT. @taker outlives the server. NULL: what is
 * wrong was logged.
 */
struct server *server_open(const char *listen, const struct call_taker *taker);

/* Serve until @stop_fd is readable. False: errno says why it cannot. */
bool server_run(struct server *server, int stop_fd);

void server_close(struct server *server);

/* The taker has enough of @call: answer with @status. */
void server_end(struct call *call, const struct call_status *status);

#endif
