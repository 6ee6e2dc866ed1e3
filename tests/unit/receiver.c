// SPDX-License-Identifier: MIT
#include "receiver.h"

#include <stdbool.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>

struct receiver_call {
	grpc_server *server;
	grpc_completion_queue *queue;
	grpc_call *call;
};

static void receiver_check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "receiver: %s failed\n", what);
	abort();
}

/* One batch at a time: what completes next is what was started last. */
static bool receiver_wait(struct receiver_call *call)
{
	grpc_event event = grpc_completion_queue_next(call->queue,
			gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);

	receiver_check(event.type == GRPC_OP_COMPLETE, "waiting");
	return event.success;
}

static bool receiver_batch(struct receiver_call *call, const grpc_op *ops, size_t n)
{
	receiver_check(grpc_call_start_batch(call->call, ops, n, NULL, NULL) ==
		       GRPC_CALL_OK, "batch");
	return receiver_wait(call);
}

static void receiver_answer(struct receiver_call *call, int status)
{
	grpc_byte_buffer *empty = grpc_raw_byte_buffer_create(NULL, 0);
	grpc_op ops[3] = {
		{ .op = GRPC_OP_SEND_INITIAL_METADATA },
		{ .op = GRPC_OP_SEND_STATUS_FROM_SERVER },
		{ .op = GRPC_OP_SEND_MESSAGE },
	};

	ops[1].data.send_status_from_server.status = status;
	ops[2].data.send_message.send_message = empty;
	receiver_batch(call, ops, status ? 2 : 3);
	grpc_byte_buffer_destroy(empty);
}

static void receiver_take(const struct receiver *receiver, struct receiver_call *call)
{
	grpc_byte_buffer *message;
	grpc_op op = {
		.op = GRPC_OP_RECV_MESSAGE,
		.data.recv_message.recv_message = &message,
	};

	for (;;) {
		message = NULL;
		if (!receiver_batch(call, &op, 1) || !message)
			return;
		if (receiver->message)
			receiver->message(receiver->context, message);
		grpc_byte_buffer_destroy(message);
	}
}

static void receiver_serve(const struct receiver *receiver, struct receiver_call *call)
{
	struct timespec pause = { receiver->pause / 1000,
				  receiver->pause % 1000 * 1000000 };
	grpc_metadata_array metadata;
	grpc_call_details details;

	grpc_metadata_array_init(&metadata);
	grpc_call_details_init(&details);
	receiver_check(grpc_server_request_call(call->server, &call->call, &details,
						&metadata, call->queue, call->queue,
						NULL) == GRPC_CALL_OK, "request");
	receiver_check(receiver_wait(call), "accepting a call");
	nanosleep(&pause, NULL);
	if (!receiver->refuse)
		receiver_take(receiver, call);
	receiver_answer(call, receiver->refuse);
	grpc_call_unref(call->call);
	grpc_metadata_array_destroy(&metadata);
	grpc_call_details_destroy(&details);
}

static int receiver_listen(struct receiver_call *call, int port)
{
	grpc_server_credentials *insecure = grpc_insecure_server_credentials_create();
	char address[32];

	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	call->server = grpc_server_create(NULL, NULL);
	call->queue = grpc_completion_queue_create_for_next(NULL);
	grpc_server_register_completion_queue(call->server, call->queue, NULL);
	port = grpc_server_add_http2_port(call->server, address, insecure);
	receiver_check(port > 0, "listening");
	grpc_server_credentials_release(insecure);
	grpc_server_start(call->server);
	return port;
}

void receiver_run(const struct receiver *receiver, int port, int ready, int calls)
{
	struct receiver_call call;

	grpc_init();
	port = receiver_listen(&call, port);
	receiver_check(write(ready, &port, sizeof(port)) == sizeof(port), "write");
	while (calls < 0 || calls--)
		receiver_serve(receiver, &call);
	grpc_server_shutdown_and_notify(call.server, call.queue, NULL);
	receiver_wait(&call);
	grpc_server_destroy(call.server);
	grpc_completion_queue_shutdown(call.queue);
	while (grpc_completion_queue_next(call.queue,
					  gpr_inf_future(GPR_CLOCK_MONOTONIC),
					  NULL).type != GRPC_QUEUE_SHUTDOWN)
		;
	grpc_completion_queue_destroy(call.queue);
	grpc_shutdown_blocking();
}

pid_t receiver_start(char *target, size_t size)
{
	const struct receiver discard = {};
	int ready[2], port;
	pid_t pid;

	if (pipe(ready))
		abort();
	pid = fork();
	if (!pid) {
		/* a test that fails does not clean up */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		receiver_run(&discard, 0, ready[1], -1);
		_exit(0);
	}
	if (pid < 0 || read(ready[0], &port, sizeof(port)) != sizeof(port))
		abort();
	close(ready[0]);
	close(ready[1]);
	snprintf(target, size, "127.0.0.1:%d", port);
	return pid;
}
