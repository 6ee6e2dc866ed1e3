/* SPDX-License-Identifier: MIT */
/*
 * The gRPC server: the room that knows gRPC. It has one completion queue and one
 * thread that does all the work; a second one only waits for @stop_fd, others
 * may wake it.
 */
#ifndef COLLECTOR_SERVER_H
#define COLLECTOR_SERVER_H

#include "rpc.h"

struct server;
struct tls;

/**
 * struct server_config - what it serves, and to whom; all outlives the server
 * @listen: ADDR:PORT
 * @tls: NULL: in the clear
 * @tokens: a sensor may have a token instead of a certificate
 * @gate: decides who gets in; its limits hold
 * @methods: end with one of no path
 * @turn: called in the server's thread whenever it has nothing else to do, and by
 *	server_wake(); @context: its
 */
struct server_config {
	const char *listen;
	struct tls *tls;
	bool tokens;
	struct gate *gate;
	const struct rpc_method *methods;
	void (*turn)(void *context);
	void *context;
};

/* Listen. NULL: what is wrong was logged. */
struct server *server_open(const struct server_config *config);

/* Serve until @stop_fd is readable. False: errno says why it cannot. */
bool server_run(struct server *server, int stop_fd);

void server_close(struct server *server);

/* Let turn() and the takers' idle() be called. From any thread, until server_close(). */
void server_wake(void *server);

#endif
