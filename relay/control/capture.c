// SPDX-License-Identifier: MIT
#include "control/capture.h"

#include <ctype.h>
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

void capture_free(struct capture *capture)
{
	free(capture->filter);
}

void capture_list_free(struct capture_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		capture_free(&list->captures[i]);
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

struct capture_request *capture_request_list_add(struct capture_request_list *list)
{
	struct capture_request *requests = reallocarray(list->requests, list->count + 1,
							sizeof(*requests));

	if (!requests)
		return NULL;
	list->requests = requests;
	requests += list->count++;
	memset(requests, 0, sizeof(*requests));
	return requests;
}

void capture_request_list_free(struct capture_request_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		capture_request_free(&list->requests[i]);
	free(list->requests);
	list->requests = NULL;
	list->count = 0;
}

/* What a request without the key comes to. */
static void capture_request_complete(struct capture_request *request)
{
	if (!(request->given & CAPTURE_GIVEN(PCAPRING_A_SNAPLEN)))
		request->snaplen = PCAPRING_SNAPLEN_MAX;
	if (!(request->given & CAPTURE_GIVEN(PCAPRING_A_RING_BYTES)))
		request->ring_bytes = PCAPRING_RING_BYTES_DEFAULT;
	if (!(request->given & CAPTURE_GIVEN(PCAPRING_A_SAMPLE)))
		request->sample = 1;
}

/* An interface can have more names than the one that a capture shows. */
static bool capture_is_of(const struct capture *capture, const char *ifname)
{
	return !strcmp(capture->ifname, ifname) ||
	       (capture->ifindex && capture->ifindex == if_nametoindex(ifname));
}

static bool capture_filters_like(const struct capture *capture,
				 const struct capture_request *request)
{
	return !capture->filter_id && capture->filter_length == request->filter_length &&
	       (!request->filter_length ||
		!memcmp(capture->filter, request->filter,
			request->filter_length * sizeof(*request->filter)));
}

static bool capture_stops_like(const struct capture *capture,
			       const struct capture_request *request)
{
	return capture->limit_packets == request->limit_packets &&
	       capture->limit_bytes == request->limit_bytes &&
	       capture->limit_seconds == request->limit_seconds;
}

bool capture_is_like(const struct capture *capture, const struct capture_request *request)
{
	struct capture_request whole = *request;

	capture_request_complete(&whole);
	return capture_is_of(capture, whole.ifname) &&
	       capture->snaplen == whole.snaplen &&
	       capture->ring_bytes == whole.ring_bytes &&
	       (!whole.rings || capture->ring_count == whole.rings) &&
	       capture->steer == whole.steer && capture->mode == whole.mode &&
	       capture->direction == whole.direction &&
	       capture->promisc == whole.promisc && capture->allmulti == whole.allmulti &&
	       capture->tstamp == whole.tstamp && capture->sample == whole.sample &&
	       capture_stops_like(capture, &whole) && capture_filters_like(capture, &whole);
}

void capture_printable(const char *text, char *printable, size_t size)
{
	snprintf(printable, size, "%s", text);
	for (; *printable; printable++)
		if (!isprint((unsigned char)*printable))
			*printable = '?';
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
