// SPDX-License-Identifier: MIT
#include "receiver.h"

#include <stdbool.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>

#include "pcapring/v1/records.pb-c.h"

#define RECEIVER_FILE_STEP	(1 << 20)	/* below the ring of a file */

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

/* The next message; NULL: none will come. */
static grpc_byte_buffer *receiver_next(struct receiver_call *call)
{
	grpc_byte_buffer *message = NULL;
	grpc_op op = {
		.op = GRPC_OP_RECV_MESSAGE,
		.data.recv_message.recv_message = &message,
	};

	return receiver_batch(call, &op, 1) ? message : NULL;
}

static void receiver_take(const struct receiver *receiver, struct receiver_call *call)
{
	grpc_byte_buffer *message;

	while ((message = receiver_next(call))) {
		if (receiver->message)
			receiver->message(receiver->context, message);
		grpc_byte_buffer_destroy(message);
	}
}

static void receiver_send(struct receiver_call *call,
			  const Pcapring__V1__FromCollector *answer)
{
	grpc_slice slice = grpc_slice_malloc(
		pcapring__v1__from_collector__get_packed_size(answer));
	grpc_byte_buffer *message;
	grpc_op op = { .op = GRPC_OP_SEND_MESSAGE };

	pcapring__v1__from_collector__pack(answer, GRPC_SLICE_START_PTR(slice));
	message = grpc_raw_byte_buffer_create(&slice, 1);
	op.data.send_message.send_message = message;
	receiver_batch(call, &op, 1);
	grpc_byte_buffer_destroy(message);
	grpc_slice_unref(slice);
}

static void receiver_acknowledge(struct receiver_call *call, uint64_t offset)
{
	Pcapring__V1__FromCollector answer = PCAPRING__V1__FROM_COLLECTOR__INIT;
	Pcapring__V1__Ack ack = PCAPRING__V1__ACK__INIT;

	ack.offset = offset;
	answer.message_case = PCAPRING__V1__FROM_COLLECTOR__MESSAGE_ACK;
	answer.ack = &ack;
	receiver_send(call, &answer);
}

/* Answer Hello. Returns how many bytes are acknowledged together. */
static uint64_t receiver_welcome(struct receiver_call *call, grpc_byte_buffer *hello,
				 uint64_t *tail)
{
	uint8_t id[16] = "receiver";
	Pcapring__V1__FromCollector answer = PCAPRING__V1__FROM_COLLECTOR__INIT;
	Pcapring__V1__Welcome welcome = PCAPRING__V1__WELCOME__INIT;
	Pcapring__V1__FromSensor *message;
	grpc_byte_buffer_reader reader;
	uint64_t ring_bytes;
	grpc_slice bytes;

	receiver_check(grpc_byte_buffer_reader_init(&reader, hello), "reading Hello");
	bytes = grpc_byte_buffer_reader_readall(&reader);
	grpc_byte_buffer_reader_destroy(&reader);
	message = pcapring__v1__from_sensor__unpack(NULL, GRPC_SLICE_LENGTH(bytes),
						    GRPC_SLICE_START_PTR(bytes));
	receiver_check(message && message->message_case ==
		       PCAPRING__V1__FROM_SENSOR__MESSAGE_HELLO, "unpacking Hello");
	*tail = welcome.offset = message->hello->tail;
	ring_bytes = message->hello->ring_bytes;
	pcapring__v1__from_sensor__free_unpacked(message, NULL);
	grpc_slice_unref(bytes);
	welcome.collector.data = id;
	welcome.collector.len = sizeof(id);
	welcome.new_epoch = true;
	answer.message_case = PCAPRING__V1__FROM_COLLECTOR__MESSAGE_WELCOME;
	answer.welcome = &welcome;
	receiver_send(call, &answer);
	return ring_bytes ? ring_bytes / 8 : RECEIVER_FILE_STEP;
}

static uint64_t receiver_varint(const uint8_t **p)
{
	uint64_t value = 0;

	for (int shift = 0; shift < 64; shift += 7) {
		uint8_t byte = *(*p)++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	return value;
}

/* Where the bytes of Records end; the data are not looked at. */
static uint64_t receiver_records_end(const grpc_byte_buffer *message)
{
	const grpc_slice_buffer *slices = &message->data.raw.slice_buffer;
	uint8_t head[64] = {};	/* no prefix is longer */
	const uint8_t *p = head + 1;
	uint64_t offset = 0;
	size_t length = 0;

	for (size_t i = 0; i < slices->count && length < sizeof(head); i++) {
		size_t part = GRPC_SLICE_LENGTH(slices->slices[i]);

		if (part > sizeof(head) - length)
			part = sizeof(head) - length;
		memcpy(head + length, GRPC_SLICE_START_PTR(slices->slices[i]), part);
		length += part;
	}
	receiver_check(head[0] == (2 << 3 | 2), "finding Records");
	receiver_varint(&p);
	while (p < head + length && *p != (4 << 3 | 2)) {
		bool is_offset = *p++ == 1 << 3;
		uint64_t value = receiver_varint(&p);

		if (is_offset)
			offset = value;
	}
	if (p++ < head + length)
		offset += receiver_varint(&p);
	return offset;
}

static void receiver_take_records(struct receiver_call *call)
{
	grpc_op open = { .op = GRPC_OP_SEND_INITIAL_METADATA };
	uint64_t acknowledged, end, step;
	grpc_byte_buffer *message;

	receiver_batch(call, &open, 1);
	message = receiver_next(call);
	if (!message)
		return;
	step = receiver_welcome(call, message, &acknowledged);
	end = acknowledged;
	grpc_byte_buffer_destroy(message);
	while ((message = receiver_next(call))) {
		end = receiver_records_end(message);
		grpc_byte_buffer_destroy(message);
		if (end - acknowledged >= step) {
			acknowledged = end;
			receiver_acknowledge(call, end);
		}
	}
	receiver_acknowledge(call, end);
}

static void receiver_end(struct receiver_call *call)
{
	grpc_op op = { .op = GRPC_OP_SEND_STATUS_FROM_SERVER };

	receiver_batch(call, &op, 1);
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
	if (receiver->records) {
		receiver_take_records(call);
		receiver_end(call);
	} else {
		if (!receiver->refuse)
			receiver_take(receiver, call);
		receiver_answer(call, receiver->refuse);
	}
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
