// SPDX-License-Identifier: MIT
#include "control/capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct capture_stat_name capture_stat_names[] = {
	{ PCAPRING_STAT_SEEN, "seen", "packets" },
	{ PCAPRING_STAT_CAPTURED, "captured", "packets" },
	{ PCAPRING_STAT_FILTERED, "filtered", "packets" },
	{ PCAPRING_STAT_DROPPED, "dropped", "packets" },
	{ PCAPRING_STAT_TRUNCATED, "truncated", "packets" },
	{ PCAPRING_STAT_BYTES, "bytes", "bytes" },
	{ PCAPRING_STAT_WAKEUPS, "wakeups", "times" },
	{ PCAPRING_STAT_BAD_TAILS, "bad_tails", "packets" },
	{ PCAPRING_STAT_SKIPS, "skips", "times" },
	{ 0, NULL, NULL }
};

struct capture *capture_list_add(struct capture_list *list)
{
	struct capture *captures = reallocarray(list->captures, list->count + 1,
						sizeof(*captures));

	if (!captures)
		return NULL;
	list->captures = captures;
	captures += list->count++;
	memset(captures, 0, sizeof(*captures));
	captures->linktype = PCAPRING_LINKTYPE_NONE;
	return captures;
}

void capture_list_free(struct capture_list *list)
{
	free(list->captures);
	list->captures = NULL;
	list->count = 0;
}

const struct capture *capture_list_find(const struct capture_list *list,
					const uint8_t *uuid)
{
	for (size_t i = 0; i < list->count; i++) {
		if (!memcmp(list->captures[i].uuid, uuid, CAPTURE_UUID_BYTES))
			return &list->captures[i];
	}
	return NULL;
}

void capture_request_free(struct capture_request *request)
{
	free(request->expression);
	free(request->filter);
}

void capture_uuid_text(const uint8_t *uuid, char text[CAPTURE_UUID_TEXT])
{
	char *p = text;

	for (int i = 0; i < CAPTURE_UUID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		p += sprintf(p, "%02x", uuid[i]);
	}
}

const char *capture_steer_name(uint32_t steer)
{
	switch (steer) {
	case PCAPRING_STEER_CPU:
		return "cpu";
	case PCAPRING_STEER_FLOW:
		return "flow";
	}
	return "unknown";
}

const char *capture_direction_name(uint32_t direction)
{
	switch (direction) {
	case PCAPRING_DIRECTION_BOTH:
		return "both";
	case PCAPRING_DIRECTION_IN:
		return "in";
	case PCAPRING_DIRECTION_OUT:
		return "out";
	}
	return "unknown";
}

bool capture_ring_fill(const struct capture *capture,
		       const struct capture_ring *ring, uint64_t *bytes)
{
	*bytes = ring->head - ring->tail;
	return *bytes <= capture->ring_bytes;
}
