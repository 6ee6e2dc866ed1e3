// SPDX-License-Identifier: MIT
#include "naive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>

#include "channel/encode.h"
#include "source/source.h"

static void naive_batch(grpc_completion_queue *queue, grpc_call *call,
			const grpc_op *ops, size_t n)
{
	grpc_event event;

	if (grpc_call_start_batch(call, ops, n, NULL, NULL) != GRPC_CALL_OK)
		abort();
	event = grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC),
					   NULL);
	if (event.type != GRPC_OP_COMPLETE || !event.success)
		abort();
}

static void naive_send(grpc_completion_queue *queue, grpc_call *call,
		       const struct packet *packet)
{
	uint8_t prefix[ENCODE_PREFIX_MAX];
	size_t length = encode_prefix(prefix, &packet->header, false);
	grpc_slice slice = grpc_slice_malloc(length + packet->header.caplen);
	grpc_op send = { .op = GRPC_OP_SEND_MESSAGE };

	memcpy(GRPC_SLICE_START_PTR(slice), prefix, length);
	memcpy(GRPC_SLICE_START_PTR(slice) + length, packet->data,
	       packet->header.caplen);
	send.data.send_message.send_message = grpc_raw_byte_buffer_create(&slice, 1);
	naive_batch(queue, call, &send, 1);
	grpc_byte_buffer_destroy(send.data.send_message.send_message);
	grpc_slice_unref(slice);
}

static void naive_finish(grpc_completion_queue *queue, grpc_call *call)
{
	grpc_metadata_array headers, trailers;
	grpc_byte_buffer *answer = NULL;
	grpc_status_code status;
	grpc_slice details;
	grpc_op ops[4] = {
		{ .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT },
		{ .op = GRPC_OP_RECV_INITIAL_METADATA },
		{ .op = GRPC_OP_RECV_MESSAGE },
		{ .op = GRPC_OP_RECV_STATUS_ON_CLIENT },
	};

	grpc_metadata_array_init(&headers);
	grpc_metadata_array_init(&trailers);
	ops[1].data.recv_initial_metadata.recv_initial_metadata = &headers;
	ops[2].data.recv_message.recv_message = &answer;
	ops[3].data.recv_status_on_client.trailing_metadata = &trailers;
	ops[3].data.recv_status_on_client.status = &status;
	ops[3].data.recv_status_on_client.status_details = &details;
	naive_batch(queue, call, ops, 4);
	if (status != GRPC_STATUS_OK)
		abort();
	grpc_byte_buffer_destroy(answer);
	grpc_slice_unref(details);
	grpc_metadata_array_destroy(&headers);
	grpc_metadata_array_destroy(&trailers);
}

void naive_run(struct source *source, const char *target)
{
	grpc_channel_credentials *insecure;
	const grpc_op open = { .op = GRPC_OP_SEND_INITIAL_METADATA };
	grpc_completion_queue *queue;
	grpc_channel *channel;
	grpc_call *call;
	struct packet packet;

	grpc_init();
	insecure = grpc_insecure_credentials_create();
	queue = grpc_completion_queue_create_for_next(NULL);
	channel = grpc_channel_create(target, insecure, NULL);
	grpc_channel_credentials_release(insecure);
	call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue,
			grpc_slice_from_static_string("/packet_streaming.PacketStreaming/Run"),
			NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	naive_batch(queue, call, &open, 1);
	while (source->next(source, &packet) == SOURCE_PACKET)
		naive_send(queue, call, &packet);
	naive_finish(queue, call);
	grpc_call_unref(call);
	grpc_channel_destroy(channel);
	grpc_completion_queue_shutdown(queue);
	grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	grpc_completion_queue_destroy(queue);
	grpc_shutdown_blocking();
}
