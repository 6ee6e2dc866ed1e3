/* SPDX-License-Identifier: MIT */
/* What sends: the relay's two engines on rings in memory; a bare connection. */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include <stdint.h>

struct reader;

/* "gzip" or "deflate", before anything is sent; NULL, as it begins: none. */
extern const char *engine_compression;

/* Bytes that connections of either took; of compressed messages fewer. */
extern uint64_t engine_wire_bytes;

/* Both send what the rings hold, and exit the program on failure. */
void engine_packets(struct reader *reader, const char *target);

/*
 * @source: readable when there is more, and hung up when nothing more will come.
 * An eventfd, which never hangs up, is @resets, too; otherwise that is 0.
 */
void engine_records(struct reader *reader, const char *target, int source, int resets);

/* A TCP connection to HOST:PORT, without delay; exits the program on failure. */
int engine_connect(const char *target);

#endif
