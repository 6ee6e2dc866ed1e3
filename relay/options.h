/* SPDX-License-Identifier: MIT */
#ifndef RELAY_OPTIONS_H
#define RELAY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/http.h"

#define OPTIONS_SPOOL_MAX_DEFAULT	(1ULL << 30)

enum options_protocol {
	OPTIONS_AUTO,
	OPTIONS_PACKET,
	OPTIONS_RECORDS
};

/**
 * struct options - the command line
 * @device: path of a capture device; NULL: @read
 * @read: path of a savefile, "-" for standard input; NULL: @device
 * @target: where to stream to, as gRPC names it
 * @sensor: this sensor's identity; NULL: the machine's
 * @protocol: what to speak
 * @metrics: where they are served; @metrics.listen NULL: nowhere
 * @quiet: no live line on a terminal
 * @exclude: an expression of what is not to be streamed; NULL: none
 * @exclude_list: path of a list of the same; NULL: none
 * @include_own: the connection to @target, too, is streamed
 * @spool: folder for what rings cannot hold; NULL: none
 * @spool_max: bytes of it
 * @tls_ca, @tls_certificate, @tls_key: paths; all NULL: no TLS
 * @tls_name: whose certificate the receiver has to have; NULL: the target's
 * @token_file: path of what proves who the sensor is, with TLS; NULL: nothing
 * @count, @bytes: stop after so many packets, bytes of packets; 0: never
 * @duration: stop after so many seconds; 0: never
 * @compression: of messages, as gRPC names it; NULL: none
 * @copy: path of a savefile for what is streamed, too; "-": standard output;
 *	NULL: none
 * @rate: most bytes a second; 0: no limit
 * @drain: end when all that is there has arrived
 * @nanoseconds: send ts_nsec
 * @verbose: say more
 */
struct options {
	const char *device;
	const char *read;
	const char *target;
	const char *sensor;
	enum options_protocol protocol;
	struct http_config metrics;
	bool quiet;
	const char *exclude;
	const char *exclude_list;
	bool include_own;
	const char *spool;
	uint64_t spool_max;
	const char *tls_ca;
	const char *tls_certificate;
	const char *tls_key;
	const char *tls_name;
	const char *token_file;
	uint64_t count;
	uint64_t bytes;
	uint64_t duration;
	const char *compression;
	const char *copy;
	uint64_t rate;
	bool drain;
	bool nanoseconds;
	bool verbose;
};

struct config;

/*
 * Fill in @options, whose texts live as long as the config (common/config.h).
 * Exits with status 0 after --help, 2 when something is wrong.
 */
struct config *options_open(struct options *options, int argc, char **argv);

/* The same again, from the same files. NULL: it was logged what is wrong. */
struct config *options_again(struct options *options, const struct config *config);

#endif
