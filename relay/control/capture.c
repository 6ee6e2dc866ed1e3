// SPDX-License-Identifier: MIT
#include "control/capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct capture_stat_name capture_stat_names[] = {
	{ PCAPRING_STAT_SEEN, "seen", "packets" },
	{ PCAPRING_STAT_CAPTURED, "captured", "packets" },
	{ PCAPRING_STAT_FILTERED, "filtered", "packets" },
	{ PCAPRING_STAT_DROPPED, "dropped", "packets" },
	{ PCAPRING_STAT_SAMPLED, "sampled", "packets" },
	{ PCAPRING_STAT_PAUSED, "paused", "packets" },
	{ PCAPRING_STAT_TRUNCATED, "truncated", "packets" },
	{ PCAPRING_STAT_BYTES, "bytes", "bytes" },
	{ PCAPRING_STAT_OVERWRITTEN, "overwritten", "packets" },
	{ PCAPRING_STAT_UNSTAMPED, "unstamped", "packets" },
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
	if (request->given & CAPTURE_GIVEN(PCAPRING_A_FILTER_FD))
		close(request->filter_fd);
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

static const char *capture_name(const char *const *names, size_t count, uint32_t value)
{
	return value < count ? names[value] : "unknown";
}

#define CAPTURE_NAME(names, value) \
	capture_name(names, sizeof(names) / sizeof(*(names)), value)

const char *capture_steer_name(uint32_t steer)
{
	static const char *const names[] = {
		[PCAPRING_STEER_CPU] = "cpu",
		[PCAPRING_STEER_FLOW] = "flow",
	};

	return CAPTURE_NAME(names, steer);
}

const char *capture_direction_name(uint32_t direction)
{
	static const char *const names[] = {
		[PCAPRING_DIRECTION_BOTH] = "both",
		[PCAPRING_DIRECTION_IN] = "in",
		[PCAPRING_DIRECTION_OUT] = "out",
	};

	return CAPTURE_NAME(names, direction);
}

const char *capture_mode_name(uint32_t mode)
{
	static const char *const names[] = {
		[PCAPRING_MODE_NORMAL] = "normal",
		[PCAPRING_MODE_OVERWRITE] = "overwrite",
	};

	return CAPTURE_NAME(names, mode);
}

const char *capture_tstamp_name(uint32_t tstamp)
{
	static const char *const names[] = {
		[PCAPRING_TSTAMP_SOFTWARE] = "software",
		[PCAPRING_TSTAMP_HARDWARE] = "hardware",
	};

	return CAPTURE_NAME(names, tstamp);
}

bool capture_is_any(const struct capture *capture)
{
	return !strcmp(capture->ifname, "any");
}

bool capture_is_attached(const struct capture *capture)
{
	return capture->ifindex || capture_is_any(capture);
}

bool capture_ring_fill(const struct capture *capture,
		       const struct capture_ring *ring, uint64_t *bytes)
{
	*bytes = ring->head - (capture->mode == PCAPRING_MODE_OVERWRITE ?
			       ring->oldest : ring->tail);
	return *bytes <= capture->ring_bytes;
}
