/* SPDX-License-Identifier: MIT */
/* Where sensors connect: the address, and who we are there. */
#ifndef COLLECTOR_SERVER_LISTENER_H
#define COLLECTOR_SERVER_LISTENER_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdbool.h>

struct tls;

/**
 * struct listener - a port of core's
 * @tls: NULL: in the clear
 * @tokens: who has no certificate may have a token
 * @lock: of @tls and @fetched, for core has more threads
 * @fetched: core has had the certificate
 */
struct listener {
	struct tls *tls;
	bool tokens;
	pthread_mutex_t lock;
	bool fetched;
};

/* @tls: NULL: in the clear; both outlive the listener, which stays where it is. */
void listener_open(struct listener *listener, struct tls *tls, bool tokens);
void listener_close(struct listener *listener);

/*
 * Let @core listen on @address, which is ADDR:PORT, and start it. False: what is wrong
 * was logged.
 */
bool listener_start(struct listener *listener, grpc_server *core, const char *address);

/* Was SIGTERM sent because no more connections could be accepted? */
bool listener_is_deaf(void);

#endif
