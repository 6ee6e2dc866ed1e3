// SPDX-License-Identifier: MIT
/*
 * bench-spool FOLDER STRETCHES: writes stretches of half a default ring to the
 * spool, one after the other, as a relay does whose collector is away, and reads
 * them back, as one does whose collector is there again. Prints a line of JSON
 * with bytes a second of both. FOLDER is empty, and removed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/pcapring.h>

#include "clock.h"
#include "common/log.h"
#include "spool/spool.h"

#define SPOOL_STRETCH	(PCAPRING_RING_BYTES_DEFAULT / 2)

static double spool_seconds(int64_t since)
{
	return (double)(clock_now() - since) / CLOCK_SECOND;
}

static void spool_fill(struct spool *spool, struct spool_ring *ring, const uint8_t *data,
		       unsigned int stretches)
{
	struct extents extents;

	extents_init(&extents, PCAPRING_RING_BYTES_DEFAULT);
	for (unsigned int i = 0; i < stretches; i++) {
		const struct spoolfile_stretch stretch = {
			.offset = i * SPOOL_STRETCH,
			.length = SPOOL_STRETCH,
		};
		struct extent *extent = extents_hold(&extents, stretch.offset,
						     stretch.offset + SPOOL_STRETCH);

		if (!spool_write(ring, &stretch, data, extent))
			abort();
		spool_settle(spool);
	}
	if (spool_empty(ring) || spool_end(ring) != stretches * SPOOL_STRETCH)
		exit(EXIT_FAILURE);	/* it was said why */
}

static void spool_empty_it(struct spool *spool, struct spool_ring *ring)
{
	struct spool_piece piece;
	uint64_t at = 0;

	while (!spool_empty(ring)) {
		if (spool_piece(ring, at, &piece) != SPOOL_PIECE) {
			spool_settle(spool);
			continue;
		}
		at += piece.size;
		spool_acknowledge(ring, at);
		spool_collect(spool);
	}
	spool_settle(spool);
}

int main(int argc, char **argv)
{
	const struct spoolfile_header header = {
		.ring_count = 1,
		.ring_bytes = PCAPRING_RING_BYTES_DEFAULT,
		.metadata = { .snaplen = PCAPRING_SNAPLEN_MAX },
	};
	uint8_t *data = malloc(SPOOL_STRETCH);
	unsigned int stretches;
	double written, taken;
	struct spool_ring *ring;
	struct spool *spool;
	int64_t begin;

	log_open("bench-spool", 0);
	if (argc != 3 || !data)
		return EXIT_FAILURE;
	stretches = atoi(argv[2]);
	for (unsigned int i = 0; i < SPOOL_STRETCH; i++)
		data[i] = i * 2654435761u >> 24;
	spool = spool_open(argv[1], UINT64_MAX);
	if (!spool)
		return EXIT_FAILURE;
	ring = &spool_live(spool, &header)->rings[0];
	begin = clock_now();
	spool_fill(spool, ring, data, stretches);
	written = spool_seconds(begin);
	begin = clock_now();
	spool_empty_it(spool, ring);
	taken = spool_seconds(begin);
	spool_close(spool);
	rmdir(argv[1]);
	free(data);
	printf("{\"write\": %.0f, \"read\": %.0f}\n", stretches * SPOOL_STRETCH / written,
	       stretches * SPOOL_STRETCH / taken);
	return EXIT_SUCCESS;
}
