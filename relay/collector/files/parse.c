// SPDX-License-Identifier: MIT
#include "parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"

/* Numbers of a word: of a ring's in "sync", of an interval's in "was". */
#define PARSE_RING	11
#define PARSE_INTERVAL	7

/* The next word of a line, or NULL. */
static char *parse_word(char **line)
{
	char *word = *line;
	size_t length = strcspn(word, " ");

	if (!length)
		return NULL;
	*line = word + length;
	if (**line)
		*(*line)++ = '\0';
	return word;
}

static bool parse_number(const char *text, uint64_t most, uint64_t *number)
{
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return !errno && !*end && *number <= most;
}

static bool parse_u32(char **line, uint64_t most, uint32_t *out)
{
	uint64_t number;

	if (!parse_number(parse_word(line), most, &number))
		return false;
	*out = number;
	return true;
}

static bool parse_hex(const char *text, uint8_t *id)
{
	unsigned int byte;

	if (!text || strlen(text) != 2 * MESSAGE_ID_BYTES ||
	    strspn(text, "0123456789abcdef") != 2 * MESSAGE_ID_BYTES)
		return false;
	for (int i = 0; i < MESSAGE_ID_BYTES; i++) {
		sscanf(text + 2 * i, "%2x", &byte);
		id[i] = byte;
	}
	return true;
}

static bool parse_text(char **line, char *out, size_t size)
{
	const char *word = parse_word(line);

	if (!word || *word != '=' || strlen(word + 1) >= size)
		return false;
	strcpy(out, word + 1);
	return true;
}

static bool parse_either(char **line, const char *no, const char *yes, bool *out)
{
	const char *word = parse_word(line);

	*out = word && !strcmp(word, yes);
	return word && (*out || !strcmp(word, no));
}

/* The file of a line's next word, which may change. */
static struct ledger_file *parse_find(struct ledger *ledger, char **line)
{
	struct ledger_file *file;
	uint32_t number;

	if (!parse_u32(line, UINT32_MAX, &number))
		return NULL;
	file = ledger_among(ledger->first, number);
	if (file || !ledger->base)
		return file;
	file = ledger_among(ledger->base->first, number);
	if (!file)
		return NULL;
	file = ledger_copy_file(file);
	if (!file)
		abort();	/* rather than take it for an error of the line */
	ledger_add(ledger, file);
	return file;
}

static bool parse_has(const struct ledger *ledger, uint32_t number)
{
	return ledger_among(ledger->first, number) ||
	       (ledger->base && ledger_among(ledger->base->first, number));
}

static bool parse_names(struct ledger_file *file, char *line)
{
	return parse_u32(&line, 0xffff, &file->format.linktype) &&
	       parse_u32(&line, UINT32_MAX, &file->format.snaplen) &&
	       parse_either(&line, "ns", "us", &file->format.microseconds) &&
	       parse_either(&line, "le", "be", &file->format.big_endian) &&
	       parse_text(&line, file->sensor, sizeof(file->sensor)) &&
	       parse_text(&line, file->interface, sizeof(file->interface)) &&
	       parse_text(&line, file->host, sizeof(file->host)) &&
	       /* the rest of the line: blanks may be in it */
	       *line == '=' && strlen(line + 1) < sizeof(file->name) &&
	       strcpy(file->name, line + 1) &&
	       (!*file->name || ledger_name_fine(file->name));
}

static bool parse_file(struct ledger *ledger, char *line)
{
	uint32_t number, rings, ring = LEDGER_ALL;
	uint64_t since;
	uint8_t boot[MESSAGE_ID_BYTES], capture[MESSAGE_ID_BYTES];
	struct ledger_file *file;
	const char *word;
	uint64_t n;

	if (!parse_u32(&line, UINT32_MAX, &number) || parse_has(ledger, number) ||
	    !parse_number(parse_word(&line), UINT64_MAX, &since) ||
	    !parse_hex(parse_word(&line), boot) ||
	    !parse_hex(parse_word(&line), capture) ||
	    !parse_u32(&line, MESSAGE_RINGS_MAX, &rings) || !rings)
		return false;
	word = parse_word(&line);
	if (word && strcmp(word, "*")) {
		if (!parse_number(word, rings - 1, &n))
			return false;
		ring = n;
	}
	file = ledger_new_file(rings);
	if (!file)
		abort();	/* rather than cut the journal as if it were damaged */
	file->number = number;
	file->ring = ring;
	file->since = since;
	memcpy(file->boot, boot, sizeof(boot));
	memcpy(file->capture, capture, sizeof(capture));
	if (!parse_names(file, line)) {
		ledger_free_file(file);
		return false;
	}
	ledger_add(ledger, file);
	return true;
}

/* The numbers of "1:2:3". */
static bool parse_numbers(char *word, uint64_t *numbers, size_t count)
{
	while (count--) {
		char *colon = strchr(word, ':');

		if (!colon != !count)
			return false;
		if (colon)
			*colon = '\0';
		if (!parse_number(word, UINT64_MAX, numbers++))
			return false;
		word = colon ? colon + 1 : NULL;
	}
	return true;
}

/* A word up to its first colon; *@rest is what follows. */
static bool parse_split(char *word, char **rest)
{
	*rest = strchr(word, ':');
	if (!*rest)
		return false;
	*(*rest)++ = '\0';
	return true;
}

static bool parse_ring(char *word, uint32_t ring_count,
			      struct ledger_ring *rings)
{
	uint64_t ring, offset = 0, n[PARSE_RING - 2];
	char *at, *account;
	bool known;

	if (!parse_split(word, &at) || !parse_number(word, ring_count - 1, &ring) ||
	    !parse_split(at, &account))
		return false;
	known = strcmp(at, "-");
	if ((known && !parse_number(at, UINT64_MAX, &offset)) ||
	    !parse_numbers(account, n, PARSE_RING - 2))
		return false;
	rings[ring] = (struct ledger_ring){ .twice = n[6] };
	if (known)
		rings[ring] = (struct ledger_ring){
			.known = true,
			.offset = offset,
			.packets = n[0],
			.bytes = n[1],
			.elsewhere = n[2],
			.duplicates = n[3],
			.disorder = n[4],
			.dropped = n[5],
			.twice = n[6],
			.first = n[7],
			.last = n[8],
		};
	return true;
}

/* What the ring's account has more now. */
static void parse_note(struct ledger_file *file, uint32_t i,
			const struct ledger_ring *now)
{
	const struct ledger_ring *before = &file->rings[i];
	const uint64_t counts[INTERVAL_KINDS][2] = {
		[INTERVAL_ELSEWHERE] = { before->elsewhere, now->elsewhere },
		[INTERVAL_DUPLICATES] = { before->duplicates, now->duplicates },
		[INTERVAL_DISORDER] = { before->disorder, now->disorder },
		[INTERVAL_DROPPED] = { before->dropped, now->dropped },
	};
	bool newer = now->last > before->last;

	if (newer)
		intervals_end(&file->intervals, i, now->last);
	for (int kind = 0; kind < INTERVAL_KINDS; kind++)
		if (counts[kind][1] > counts[kind][0])
			intervals_note(&file->intervals, &(struct interval){
				.ring = i,
				.kind = kind,
				.from = before->last,
				.to = newer ? now->last : 0,
				.noticed = file->synced,
				.amount = counts[kind][1] - counts[kind][0],
				.times = 1,
			});
}

/* All of the line, or nothing. */
static bool parse_sync(struct ledger *ledger, char *line)
{
	struct ledger_file *file = parse_find(ledger, &line);
	struct ledger_ring rings[MESSAGE_RINGS_MAX];
	uint64_t time, length;
	char *word;

	if (!file || !parse_number(parse_word(&line), UINT64_MAX, &time) ||
	    !parse_number(parse_word(&line), INT64_MAX, &length))
		return false;
	memcpy(rings, file->rings, file->ring_count * sizeof(*rings));
	while ((word = parse_word(&line)))
		if (!parse_ring(word, file->ring_count, rings))
			return false;
	file->synced = time;
	for (uint32_t i = 0; i < file->ring_count; i++)
		parse_note(file, i, &rings[i]);
	memcpy(file->rings, rings, file->ring_count * sizeof(*rings));
	file->length = length;
	return true;
}

static bool parse_interval(char *word, uint32_t ring_count,
				  struct intervals *intervals)
{
	uint64_t ring, n[PARSE_INTERVAL - 2];
	char *kind, *rest;
	int i = 0;

	if (!parse_split(word, &kind) || !parse_split(kind, &rest) ||
	    !parse_number(word, ring_count - 1, &ring) ||
	    !parse_numbers(rest, n, PARSE_INTERVAL - 2))
		return false;
	while (i < INTERVAL_KINDS && strcmp(kind, lines_kinds[i]))
		i++;
	if (i == INTERVAL_KINDS)
		return false;
	intervals_add(intervals, &(struct interval){
		.ring = ring,
		.kind = i,
		.from = n[0],
		.to = n[1],
		.noticed = n[2],
		.amount = n[3],
		.times = n[4],
	});
	return true;
}

static bool parse_was(struct ledger *ledger, char *line)
{
	struct ledger_file *file = parse_find(ledger, &line);
	struct intervals intervals = { 0 };
	char *word;

	if (!file)
		return false;
	while ((word = parse_word(&line)))
		if (!parse_interval(word, file->ring_count, &intervals)) {
			intervals_free(&intervals);
			return false;
		}
	intervals_free(&file->intervals);
	file->intervals = intervals;
	return true;
}

static bool parse_gone(struct ledger *ledger, char *line)
{
	struct ledger_file *file = parse_find(ledger, &line);
	uint64_t time, missing;

	if (!file || !parse_number(parse_word(&line), UINT64_MAX, &time) ||
	    !parse_number(parse_word(&line), UINT64_MAX, &missing))
		return false;
	file->gone = true;
	file->lost = time;
	file->missing = missing;
	return true;
}

static bool parse_next(struct ledger *ledger, char *line)
{
	struct ledger_file *file = parse_find(ledger, &line);
	uint64_t time;

	if (!file || !parse_number(parse_word(&line), UINT64_MAX, &time) ||
	    *line != '=' || strlen(line + 1) >= sizeof(file->name) ||
	    (line[1] && !ledger_name_fine(line + 1)))
		return false;
	if (file->length > RINGFILE_HEADER && *file->name)
		ledger_close(ledger, file->name, file->length);
	strcpy(file->name, line + 1);
	file->length = 0;
	return true;
}

static bool parse_closed(struct ledger *ledger, char *line)
{
	uint64_t length;

	if (!parse_number(parse_word(&line), INT64_MAX, &length) || !length ||
	    *line != '=' || !ledger_name_fine(line + 1) ||
	    strlen(line + 1) >= LEDGER_NAME_MAX)
		return false;
	ledger_close(ledger, line + 1, length);
	return true;
}

static bool parse_done(struct ledger *ledger, const char *line)
{
	return *line == '=' && ledger_done(ledger, line + 1);
}

/* A line's text, which changes. */
static bool parse_line(struct ledger *ledger, char *line)
{
	const char *verb;

	if (!ledger->titled) {
		if (strncmp(line, LINES_TITLE, strlen(LINES_TITLE)))
			return false;
		ledger->titled = parse_hex(line + strlen(LINES_TITLE),
					      ledger->id);
		return ledger->titled;
	}
	verb = parse_word(&line);
	if (verb && !strcmp(verb, "file"))
		return parse_file(ledger, line);
	if (verb && !strcmp(verb, "sync"))
		return parse_sync(ledger, line);
	if (verb && !strcmp(verb, "was"))
		return parse_was(ledger, line);
	if (verb && !strcmp(verb, "gone"))
		return parse_gone(ledger, line);
	if (verb && !strcmp(verb, "next"))
		return parse_next(ledger, line);
	if (verb && !strcmp(verb, "closed"))
		return parse_closed(ledger, line);
	if (verb && !strcmp(verb, "done"))
		return parse_done(ledger, line);
	return false;
}

size_t parse_lines(struct ledger *ledger, char *text, size_t size)
{
	char *p = text, *end = text + size, sum[LINES_CRC + 1];

	while (p < end) {
		char *newline = memchr(p, '\n', end - p);

		if (!newline || newline - p < LINES_CRC ||
		    memchr(p, '\0', newline - p))
			break;
		*newline = '\0';
		snprintf(sum, sizeof(sum), "%08" PRIx32 " ",
			 lines_crc(p + LINES_CRC, newline - p - LINES_CRC));
		if (memcmp(p, sum, LINES_CRC) ||
		    !parse_line(ledger, p + LINES_CRC))
			break;
		p = newline + 1;
	}
	return p - text;
}
