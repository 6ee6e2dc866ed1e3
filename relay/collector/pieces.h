/* SPDX-License-Identifier: MIT */
/* Bytes that lie in several pieces, as gRPC hands messages over. */
#ifndef COLLECTOR_PIECES_H
#define COLLECTOR_PIECES_H

#include <stddef.h>
#include <sys/uio.h>

/* A view of @count pieces. */
struct pieces {
	struct iovec *list;
	size_t count;
};

size_t pieces_length(const struct pieces *pieces);

/* Copy up to @size bytes to @out; @return how many there are. */
size_t pieces_gather(const struct pieces *pieces, void *out, size_t size);

/* Let the view begin @bytes later: the list changes. */
void pieces_skip(struct pieces *pieces, size_t bytes);

/*
 * A view of the first @bytes, of at least one more. The other one begins behind
 * them once pieces_tail() got what is in *@cut.
 */
struct pieces pieces_head(struct pieces *pieces, size_t bytes, struct iovec *cut);
void pieces_tail(struct pieces *pieces, const struct iovec *cut);

/* Let the view end after @bytes: the list changes. */
void pieces_cut(struct pieces *pieces, size_t bytes);

#endif
