// SPDX-License-Identifier: MIT
#include "pieces.h"

#include <string.h>

size_t pieces_length(const struct pieces *pieces)
{
	size_t length = 0;

	for (size_t i = 0; i < pieces->count; i++)
		length += pieces->list[i].iov_len;
	return length;
}

size_t pieces_gather(const struct pieces *pieces, void *out, size_t size)
{
	size_t done = 0;

	for (size_t i = 0; i < pieces->count && done < size; i++) {
		size_t n = pieces->list[i].iov_len;

		if (!n)
			continue;
		if (n > size - done)
			n = size - done;
		memcpy((char *)out + done, pieces->list[i].iov_base, n);
		done += n;
	}
	return done;
}

void pieces_skip(struct pieces *pieces, size_t bytes)
{
	while (pieces->count && pieces->list->iov_len <= bytes) {
		bytes -= pieces->list->iov_len;
		pieces->list++;
		pieces->count--;
	}
	if (pieces->count) {
		pieces->list->iov_base = (char *)pieces->list->iov_base + bytes;
		pieces->list->iov_len -= bytes;
	}
}

void pieces_cut(struct pieces *pieces, size_t bytes)
{
	for (size_t i = 0; i < pieces->count; i++) {
		if (pieces->list[i].iov_len >= bytes) {
			pieces->list[i].iov_len = bytes;
			pieces->count = bytes ? i + 1 : i;
			return;
		}
		bytes -= pieces->list[i].iov_len;
	}
}

struct pieces pieces_head(struct pieces *pieces, size_t bytes, struct iovec *cut)
{
	struct pieces head = { pieces->list, 1 };
	struct iovec *last = pieces->list;

	for (; last->iov_len < bytes; last++) {
		bytes -= last->iov_len;
		head.count++;
	}
	*cut = (struct iovec){ (char *)last->iov_base + bytes, last->iov_len - bytes };
	last->iov_len = bytes;
	pieces->list = last;
	pieces->count -= head.count - 1;
	return head;
}

void pieces_tail(struct pieces *pieces, const struct iovec *cut)
{
	*pieces->list = *cut;
}
