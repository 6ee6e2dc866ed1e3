// SPDX-License-Identifier: MIT
#include "collector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>

#define COLLECTOR_SECONDS	60

struct collector {
	grpc_server *server;
	grpc_completion_queue *queue;
};

static void collector_check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "collector: %s failed\n", what);
	abort();
}

/* One batch at a time on each queue. */
static bool collector_wait(grpc_completion_queue *queue, const char *what)
{
	gpr_timespec until = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
			gpr_time_from_seconds(COLLECTOR_SECONDS, GPR_TIMESPAN));
	grpc_event event = grpc_completion_queue_next(queue, until, NULL);

	collector_check(event.type == GRPC_OP_COMPLETE, what);
	return event.success;
}

static bool collector_batch(struct collector_call *call, const grpc_op *op,
			    const char *what)
{
	collector_check(grpc_call_start_batch(call->call, op, 1, NULL, NULL) ==
			GRPC_CALL_OK, what);
	return collector_wait(call->queue, what);
}

static void collector_drain(grpc_completion_queue *queue)
{
	grpc_completion_queue_shutdown(queue);
	while (grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC),
					  NULL).type != GRPC_QUEUE_SHUTDOWN)
		;
	grpc_completion_queue_destroy(queue);
}

struct collector *collector_start(int port, char *target, size_t size)
{
	struct collector *collector = calloc(1, sizeof(*collector));
	grpc_server_credentials *insecure;
	char address[32];

	collector_check(collector, "calloc");
	grpc_init();
	insecure = grpc_insecure_server_credentials_create();
	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	collector->server = grpc_server_create(NULL, NULL);
	collector->queue = grpc_completion_queue_create_for_next(NULL);
	grpc_server_register_completion_queue(collector->server, collector->queue, NULL);
	port = grpc_server_add_http2_port(collector->server, address, insecure);
	collector_check(port > 0, "listening");
	grpc_server_credentials_release(insecure);
	grpc_server_start(collector->server);
	snprintf(target, size, "127.0.0.1:%d", port);
	return collector;
}

void collector_stop(struct collector *collector)
{
	grpc_server_shutdown_and_notify(collector->server, collector->queue, NULL);
	collector_wait(collector->queue, "stopping");
	grpc_server_destroy(collector->server);
	collector_drain(collector->queue);
	free(collector);
	grpc_shutdown_blocking();
}

static Pcapring__V1__FromSensor *collector_unpack(grpc_byte_buffer *bytes)
{
	Pcapring__V1__FromSensor *message;
	grpc_byte_buffer_reader reader;
	grpc_slice slice;

	collector_check(grpc_byte_buffer_reader_init(&reader, bytes), "reading");
	slice = grpc_byte_buffer_reader_readall(&reader);
	message = pcapring__v1__from_sensor__unpack(NULL, GRPC_SLICE_LENGTH(slice),
						    GRPC_SLICE_START_PTR(slice));
	grpc_slice_unref(slice);
	grpc_byte_buffer_reader_destroy(&reader);
	return message;
}

/* NULL: none will come, or not one of ours. */
static Pcapring__V1__FromSensor *collector_receive(struct collector_call *call)
{
	Pcapring__V1__FromSensor *message;
	grpc_byte_buffer *bytes = NULL;
	grpc_op op = {
		.op = GRPC_OP_RECV_MESSAGE,
		.data.recv_message.recv_message = &bytes,
	};

	if (!collector_batch(call, &op, "receiving") || !bytes)
		return NULL;
	message = collector_unpack(bytes);
	grpc_byte_buffer_destroy(bytes);
	return message;
}

struct collector_call *collector_accept(struct collector *collector)
{
	struct collector_call *call = calloc(1, sizeof(*call));
	grpc_op open = { .op = GRPC_OP_SEND_INITIAL_METADATA };
	grpc_metadata_array metadata;
	grpc_call_details details;
	grpc_call *core;

	collector_check(call, "calloc");
	grpc_metadata_array_init(&metadata);
	grpc_call_details_init(&details);
	call->collector = collector;
	call->queue = grpc_completion_queue_create_for_next(NULL);
	collector_check(grpc_server_request_call(collector->server, &core, &details,
						 &metadata, call->queue, collector->queue,
						 NULL) == GRPC_CALL_OK, "request");
	collector_check(collector_wait(collector->queue, "accepting"), "accepting");
	call->call = core;
	snprintf(call->method, sizeof(call->method), "%.*s",
		 (int)GRPC_SLICE_LENGTH(details.method),
		 (char *)GRPC_SLICE_START_PTR(details.method));
	grpc_metadata_array_destroy(&metadata);
	grpc_call_details_destroy(&details);
	collector_batch(call, &open, "opening");
	call->messages[0] = collector_receive(call);
	if (call->messages[0] && call->messages[0]->message_case ==
	    PCAPRING__V1__FROM_SENSOR__MESSAGE_HELLO)
		call->hello = call->messages[0]->hello;
	return call;
}

bool collector_next(struct collector_call *call)
{
	if (call->messages[1])
		pcapring__v1__from_sensor__free_unpacked(call->messages[1], NULL);
	call->records = NULL;
	call->messages[1] = collector_receive(call);
	if (!call->messages[1])
		return false;
	collector_check(call->messages[1]->message_case ==
			PCAPRING__V1__FROM_SENSOR__MESSAGE_RECORDS, "Records");
	call->records = call->messages[1]->records;
	return true;
}

void collector_send(struct collector_call *call, const void *bytes, size_t length)
{
	grpc_slice slice = grpc_slice_from_copied_buffer(bytes, length);
	grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_op op = { .op = GRPC_OP_SEND_MESSAGE };

	op.data.send_message.send_message = message;
	collector_batch(call, &op, "sending");
	grpc_byte_buffer_destroy(message);
	grpc_slice_unref(slice);
}

static void collector_answer(struct collector_call *call,
			     const Pcapring__V1__FromCollector *answer)
{
	uint8_t bytes[128];

	collector_send(call, bytes, pcapring__v1__from_collector__pack(answer, bytes));
}

void collector_welcome(struct collector_call *call, char id, uint64_t offset, bool fresh)
{
	Pcapring__V1__FromCollector answer = PCAPRING__V1__FROM_COLLECTOR__INIT;
	Pcapring__V1__Welcome welcome = PCAPRING__V1__WELCOME__INIT;
	uint8_t bytes[16];

	memset(bytes, id, sizeof(bytes));
	welcome.collector.data = bytes;
	welcome.collector.len = sizeof(bytes);
	welcome.offset = offset;
	welcome.new_epoch = fresh;
	welcome.durable = true;
	answer.message_case = PCAPRING__V1__FROM_COLLECTOR__MESSAGE_WELCOME;
	answer.welcome = &welcome;
	collector_answer(call, &answer);
}

void collector_ack(struct collector_call *call, uint64_t offset)
{
	Pcapring__V1__FromCollector answer = PCAPRING__V1__FROM_COLLECTOR__INIT;
	Pcapring__V1__Ack ack = PCAPRING__V1__ACK__INIT;

	ack.offset = offset;
	answer.message_case = PCAPRING__V1__FROM_COLLECTOR__MESSAGE_ACK;
	answer.ack = &ack;
	collector_answer(call, &answer);
}

void collector_end(struct collector_call *call, int status)
{
	grpc_op op = { .op = GRPC_OP_SEND_STATUS_FROM_SERVER };

	op.data.send_status_from_server.status = status;
	collector_batch(call, &op, "ending");
	for (int i = 0; i < 2; i++)
		if (call->messages[i])
			pcapring__v1__from_sensor__free_unpacked(call->messages[i], NULL);
	grpc_call_unref(call->call);
	collector_drain(call->queue);
	free(call);
}
