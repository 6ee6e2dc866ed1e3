// SPDX-License-Identifier: MIT
/*
 * Files of captures: what is accepted keeps the bounds of add, and captures that
 * were made of it, saved and read again, are wanted as they are. What is not is
 * refused with a line that a terminal can show.
 */
#include "control/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static void check(const struct capture_request *request)
{
	FUZZ_TRUE(request->given & CAPTURE_GIVEN(PCAPRING_A_IFNAME));
	FUZZ_TRUE(request->ifname[0] && memchr(request->ifname, 0, sizeof(request->ifname)));
	FUZZ_TRUE(request->snaplen <= PCAPRING_SNAPLEN_MAX);
	FUZZ_TRUE(request->ring_bytes <= PCAPRING_RING_BYTES_MAX);
	FUZZ_TRUE(!(request->ring_bytes & (request->ring_bytes - 1)));
	FUZZ_TRUE(request->rings <= PCAPRING_RINGS_MAX);
	FUZZ_TRUE(request->steer <= PCAPRING_STEER_FLOW);
	FUZZ_TRUE(request->mode <= PCAPRING_MODE_OVERWRITE);
	FUZZ_TRUE(request->direction <= PCAPRING_DIRECTION_OUT);
	FUZZ_TRUE(request->tstamp <= PCAPRING_TSTAMP_HARDWARE);
	FUZZ_TRUE(request->filter_length <= BPF_MAXINSNS);
	FUZZ_TRUE(!request->filter != !request->expression ||
		  !(request->given & CAPTURE_GIVEN(PCAPRING_A_FILTER)));
	FUZZ_TRUE(!request->program);
}

static bool given(const struct capture_request *request, enum pcapring_attribute attribute)
{
	return request->given & CAPTURE_GIVEN(attribute);
}

/* As the kernel would make it, but for expressions: nobody compiles them here. */
static void make(struct capture_list *list, const struct capture_request *request)
{
	struct capture *capture = capture_list_add(list);

	FUZZ_TRUE(capture);
	strcpy(capture->ifname, request->ifname);
	capture->snaplen = given(request, PCAPRING_A_SNAPLEN) ? request->snaplen :
			   PCAPRING_SNAPLEN_MAX;
	capture->ring_bytes = given(request, PCAPRING_A_RING_BYTES) ? request->ring_bytes :
			      PCAPRING_RING_BYTES_DEFAULT;
	capture->ring_count = request->rings ? request->rings : 5;
	capture->steer = request->steer;
	capture->mode = request->mode;
	capture->direction = request->direction;
	capture->promisc = request->promisc;
	capture->allmulti = request->allmulti;
	capture->tstamp = request->tstamp;
	capture->sample = given(request, PCAPRING_A_SAMPLE) ? request->sample : 1;
	capture->limit_packets = request->limit_packets;
	capture->limit_bytes = request->limit_bytes;
	capture->limit_seconds = request->limit_seconds;
	if (!request->filter_length)
		return;
	capture->filter = calloc(request->filter_length, sizeof(*capture->filter));
	FUZZ_TRUE(capture->filter);
	capture->filter_length = request->filter_length;
	memcpy(capture->filter, request->filter,
	       request->filter_length * sizeof(*capture->filter));
}

static bool load(const void *bytes, size_t size, struct capture_request_list *list)
{
	/* of no bytes there is no such file */
	FILE *file = size ? fmemopen((void *)bytes, size, "r") : fopen("/dev/null", "r");
	bool done;

	FUZZ_TRUE(file);
	done = json_load(file, "file", list);
	fclose(file);
	return done;
}

static void save(const struct capture_list *list, char **text, size_t *size)
{
	FILE *file = open_memstream(text, size);

	FUZZ_TRUE(file && json_save(list, file));
	FUZZ_TRUE(!fclose(file));
}

static void save_and_load(const struct capture_request_list *wanted)
{
	struct capture_request_list again = { 0 };
	struct capture_list list = { 0 };
	char *text = NULL;
	size_t size = 0;

	for (size_t i = 0; i < wanted->count; i++) {
		check(&wanted->requests[i]);
		make(&list, &wanted->requests[i]);
		FUZZ_TRUE(!json_save_hint(&list.captures[i]));
	}
	save(&list, &text, &size);
	FUZZ_TRUE(load(text, size, &again));
	FUZZ_TRUE(again.count == wanted->count);
	for (size_t i = 0; i < again.count; i++) {
		FUZZ_TRUE(capture_is_like(&list.captures[i], &again.requests[i]));
		FUZZ_TRUE(wanted->requests[i].expression ||
			  capture_is_like(&list.captures[i], &wanted->requests[i]));
	}
	free(text);
	capture_list_free(&list);
	capture_request_list_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct capture_request_list list = { 0 };

	if (load(bytes, size, &list))
		save_and_load(&list);
	capture_request_list_free(&list);
	return 0;
}
