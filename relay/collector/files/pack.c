// SPDX-License-Identifier: MIT
#include "pack.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <zstd.h>

#define PACK_LEVEL	3
#define PACK_PIECE	(1 << 20)	/* bytes at a time */

struct pack {
	ZSTD_CCtx *zstd;
	unsigned char *in, *out;
	uint64_t size;
};

static bool pack_write(int fd, const unsigned char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			bytes += n;
			size -= n;
		}
	}
	return true;
}

/* @end: there is no more. */
static bool pack_piece(struct pack *pack, size_t length, bool end, int fd)
{
	ZSTD_inBuffer in = { pack->in, length, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { pack->out, PACK_PIECE, 0 };

		left = ZSTD_compressStream2(pack->zstd, &out, &in,
					    end ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left)) {
			errno = ENOMEM;
			return false;
		}
		if (!pack_write(fd, pack->out, out.pos))
			return false;
		pack->size += out.pos;
	} while (end ? left : in.pos < in.size);
	return true;
}

static bool pack_all(struct pack *pack, int from, int to, bool (*stop)(void *context),
		     void *context)
{
	ssize_t n;

	do {
		if (stop(context)) {
			errno = ECANCELED;
			return false;
		}
		n = read(from, pack->in, PACK_PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || !pack_piece(pack, n, !n, to))
			return false;
	} while (n);
	return true;
}

bool pack_file(int in, int out, uint64_t *size, bool (*stop)(void *context), void *context)
{
	struct pack pack = {
		.zstd = ZSTD_createCCtx(),
		.in = malloc(PACK_PIECE),
		.out = malloc(PACK_PIECE),
	};
	bool done = false;
	int error;

	errno = ENOMEM;
	if (pack.zstd && pack.in && pack.out) {
		ZSTD_CCtx_setParameter(pack.zstd, ZSTD_c_compressionLevel, PACK_LEVEL);
		ZSTD_CCtx_setParameter(pack.zstd, ZSTD_c_checksumFlag, 1);
		done = pack_all(&pack, in, out, stop, context);
	}
	error = errno;
	ZSTD_freeCCtx(pack.zstd);
	free(pack.in);
	free(pack.out);
	*size = pack.size;
	errno = error;
	return done;
}
