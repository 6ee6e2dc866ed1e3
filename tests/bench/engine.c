// SPDX-License-Identifier: MIT
#include "engine.h"

#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel/extent.h"
#include "channel/stream.h"
#include "common/service.h"
#include "records/records.h"
#include "relay.h"
#include "source/merge.h"
#include "source/reader.h"
#include "watch.h"

#define ENGINE_FILES	256

const char *engine_compression;
uint64_t engine_wire_bytes;

/**
 * struct engine - what both need
 * @extents: one for each ring
 */
struct engine {
	struct extents *extents;
	struct stream *stream;
	struct watch watch;
};

static void engine_start(struct engine *engine, const struct reader *reader,
			 const char *target, int source)
{
	engine->extents = calloc(reader->ring_count, sizeof(*engine->extents));
	if (!engine->extents)
		abort();
	for (unsigned int i = 0; i < reader->ring_count; i++)
		extents_init(&engine->extents[i], reader->ring_bytes);
	engine->stream = stream_new(target);
	if (engine_compression)
		stream_compress(engine->stream, engine_compression);
	if (!watch_start(&engine->watch, service_signals(), source, stream_wake,
			 engine->stream))
		exit(EXIT_FAILURE);
}

/* gRPC does not show its sockets. */
static void engine_count(void)
{
	for (int fd = 0; fd < ENGINE_FILES; fd++) {
		struct tcp_info info = {};
		socklen_t size = sizeof(info);

		if (!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size))
			engine_wire_bytes += info.tcpi_bytes_acked;
	}
}

static void engine_stop(struct engine *engine)
{
	watch_stop(&engine->watch);
	engine_count();
	stream_free(engine->stream);
	free(engine->extents);
}

void engine_packets(struct reader *reader, const char *target)
{
	struct relay_counts counts = {};
	struct relay_config config = { .target = target };
	struct engine engine;
	struct merge merge;

	merge_open(&merge, reader);
	merge.source.stop(&merge.source);
	engine_start(&engine, reader, target, -1);
	metadata_defaults(&config.metadata);
	config.source = &merge.source;
	config.watch = &engine.watch;
	config.extents = engine.extents;
	config.stream = engine.stream;
	if (!relay_run(&config, &counts))
		exit(EXIT_FAILURE);
	engine_stop(&engine);
}

void engine_records(struct reader *reader, const char *target, int source, int resets)
{
	struct relay_counts counts = {};
	struct records_config config = {
		.reader = reader,
		.target = target,
		.eventfd = resets,
	};
	struct engine engine;

	engine_start(&engine, reader, target, source);
	metadata_defaults(&config.metadata);
	snprintf(config.metadata.sensor, sizeof(config.metadata.sensor), "bench");
	config.watch = &engine.watch;
	config.extents = engine.extents;
	config.stream = engine.stream;
	if (records_run(&config, &counts) != RECORDS_OK)
		exit(EXIT_FAILURE);
	engine_stop(&engine);
}

int engine_connect(const char *target)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char *host = strdup(target), *port = host ? strrchr(host, ':') : NULL;
	struct addrinfo *address;
	int fd, one = 1;

	if (!port)
		abort();
	*port++ = '\0';
	if (getaddrinfo(host, port, &hints, &address))
		abort();
	fd = socket(address->ai_family, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, address->ai_addr, address->ai_addrlen))
		abort();
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	freeaddrinfo(address);
	free(host);
	return fd;
}
