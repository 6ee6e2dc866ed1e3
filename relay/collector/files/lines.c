// SPDX-License-Identifier: MIT
#include "lines.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *const lines_kinds[INTERVAL_KINDS] = {
	[INTERVAL_ELSEWHERE] = "elsewhere",
	[INTERVAL_DUPLICATES] = "duplicates",
	[INTERVAL_DISORDER] = "disorder",
	[INTERVAL_DROPPED] = "dropped",
};

uint32_t lines_crc(const char *text, size_t length)
{
	uint32_t crc = ~0u;

	while (length--) {
		crc ^= (unsigned char)*text++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

bool lines_open(struct lines *lines)
{
	*lines = (struct lines){ 0 };
	lines->stream = open_memstream(&lines->bytes, &lines->size);
	return lines->stream;
}

bool lines_close(struct lines *lines)
{
	if (fclose(lines->stream))
		lines->failed = true;
	lines->stream = NULL;
	return !lines->failed;
}

static bool lines_begin(struct lines *lines, struct lines *line)
{
	lines->failed |= !lines_open(line);
	return line->stream;
}

/* The line that gathered in @line goes to @lines, behind its sum. */
static void lines_add(struct lines *lines, struct lines *line)
{
	lines->failed |= !lines_close(line);
	if (line->bytes)
		fprintf(lines->stream, "%08" PRIx32 " %s\n",
			lines_crc(line->bytes, line->size), line->bytes);
	free(line->bytes);
}

static void lines_hex(FILE *out, const uint8_t *id)
{
	for (int i = 0; i < MESSAGE_ID_BYTES; i++)
		fprintf(out, "%02x", id[i]);
}

void lines_title(struct lines *lines, const uint8_t id[MESSAGE_ID_BYTES])
{
	struct lines line;

	if (!lines_begin(lines, &line))
		return;
	fputs(LINES_TITLE, line.stream);
	lines_hex(line.stream, id);
	lines_add(lines, &line);
}

void lines_file(struct lines *lines, const struct ledger_file *file, uint64_t time)
{
	struct lines line;

	if (!lines_begin(lines, &line))
		return;
	fprintf(line.stream, "file %u %" PRIu64 " ", file->number, time);
	lines_hex(line.stream, file->boot);
	fputc(' ', line.stream);
	lines_hex(line.stream, file->capture);
	fprintf(line.stream, " %u ", file->ring_count);
	if (file->ring == LEDGER_ALL)
		fputc('*', line.stream);
	else
		fprintf(line.stream, "%u", file->ring);
	fprintf(line.stream, " %u %u %s %s =%s =%s =%s =%s",
		file->format.linktype, file->format.snaplen,
		file->format.microseconds ? "us" : "ns",
		file->format.big_endian ? "be" : "le", file->sensor,
		file->interface, file->host, file->name);
	lines_add(lines, &line);
}

static void lines_numbers(FILE *out, const uint64_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(out, ":%" PRIu64, numbers[i]);
}

static void lines_ring(FILE *out, uint32_t i, const struct ledger_ring *ring)
{
	const uint64_t numbers[] = {
		ring->packets, ring->bytes, ring->elsewhere, ring->duplicates,
		ring->disorder, ring->dropped, ring->twice, ring->first, ring->last,
	};

	fprintf(out, " %u:", i);
	if (ring->known)
		fprintf(out, "%" PRIu64, ring->offset);
	else
		fputc('-', out);
	lines_numbers(out, numbers, sizeof(numbers) / sizeof(*numbers));
}

void lines_sync(struct lines *lines, unsigned int number, uint64_t time,
		uint64_t length, const struct ledger_ring *now,
		const struct ledger_ring *before, uint32_t ring_count)
{
	struct lines line;

	if (!lines_begin(lines, &line))
		return;
	fprintf(line.stream, "sync %u %" PRIu64 " %" PRIu64, number, time, length);
	for (uint32_t i = 0; i < ring_count; i++)
		if (before ? memcmp(&now[i], &before[i], sizeof(*now)) :
			     ledger_told(&now[i], 1))
			lines_ring(line.stream, i, &now[i]);
	lines_add(lines, &line);
}

static void lines_was(struct lines *lines, const struct ledger_file *file)
{
	struct lines line;

	if (!lines_begin(lines, &line))
		return;
	fprintf(line.stream, "was %u", file->number);
	for (size_t i = 0; i < file->intervals.count; i++) {
		const struct interval *one = &file->intervals.list[i];
		const uint64_t numbers[] = {
			one->from, one->to, one->noticed, one->amount, one->times,
		};

		fprintf(line.stream, " %u:%s", one->ring, lines_kinds[one->kind]);
		lines_numbers(line.stream, numbers, sizeof(numbers) / sizeof(*numbers));
	}
	lines_add(lines, &line);
}

void lines_gone(struct lines *lines, unsigned int number, uint64_t time,
		uint64_t missing)
{
	struct lines line;

	if (!lines_begin(lines, &line))
		return;
	fprintf(line.stream, "gone %u %" PRIu64 " %" PRIu64, number, time, missing);
	lines_add(lines, &line);
}

void lines_next(struct lines *lines, unsigned int number, uint64_t time,
		const char *name)
{
	struct lines line;

	if (!lines_begin(lines, &line))
		return;
	fprintf(line.stream, "next %u %" PRIu64 " =%s", number, time, name);
	lines_add(lines, &line);
}

static void lines_closed(struct lines *lines, const struct ledger_closed *closed)
{
	struct lines line;

	if (!lines_begin(lines, &line))
		return;
	fprintf(line.stream, "closed %" PRIu64 " =%s", closed->length, closed->name);
	lines_add(lines, &line);
}

void lines_done(struct lines *lines, const char *name)
{
	struct lines line;

	if (!lines_begin(lines, &line))
		return;
	fprintf(line.stream, "done =%s", name);
	lines_add(lines, &line);
}

void lines_ledger(struct lines *lines, const struct ledger *ledger)
{
	lines_title(lines, ledger->id);
	for (const struct ledger_file *file = ledger->first; file;
	     file = file->next) {
		lines_file(lines, file, file->since);
		if (file->length || ledger_told(file->rings, file->ring_count))
			lines_sync(lines, file->number, file->synced, file->length,
				   file->rings, NULL, file->ring_count);
		if (file->intervals.count)
			lines_was(lines, file);
		if (file->gone)
			lines_gone(lines, file->number, file->lost, file->missing);
	}
	for (const struct ledger_closed *closed = ledger->closed; closed;
	     closed = closed->next)
		lines_closed(lines, closed);
}
