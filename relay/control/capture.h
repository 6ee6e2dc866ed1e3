/* SPDX-License-Identifier: MIT */
/*
 * Captures as the control program sees them: what the kernel answers, and what
 * it is asked for. Attributes have the units and meanings of linux/pcapring.h.
 */
#ifndef CONTROL_CAPTURE_H
#define CONTROL_CAPTURE_H

#include <linux/filter.h>
#include <linux/pcapring.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPTURE_UUID_BYTES	16
#define CAPTURE_UUID_TEXT	37	/* with dashes and NUL */
#define CAPTURE_REASON_MAX	128

/* Indexed by enum pcapring_stat. */
typedef uint64_t capture_stats[PCAPRING_STAT_MAX + 1];

struct capture_ring {
	uint32_t index;
	uint64_t head;
	uint64_t seen;
	uint64_t tail;
	uint64_t oldest;
	capture_stats stats;
};

/*
 * @ifindex: 0 while it waits for its interface, and of "any"
 * @linktype: PCAPRING_LINKTYPE_NONE until it is known
 * @sample: one packet in so many
 * @filter: @filter_length instructions of the classic filter, if there is one;
 *	owned
 * @filter_id: number of the eBPF program; 0: none
 * @limit_packets: as the other limits, 0: none
 * @rings: as many as @ring_count says
 * @reason: of an event, or ""
 */
struct capture {
	uint32_t id;
	uint8_t uuid[CAPTURE_UUID_BYTES];
	char ifname[IF_NAMESIZE];
	uint32_t ifindex;
	uint32_t linktype;
	uint32_t snaplen;
	uint64_t ring_bytes;
	uint32_t steer;
	uint32_t mode;
	uint32_t direction;
	bool promisc;
	bool allmulti;
	uint32_t tstamp;
	uint32_t sample;
	bool frozen;
	struct sock_filter *filter;
	size_t filter_length;
	uint32_t filter_id;
	uint64_t limit_packets;
	uint64_t limit_bytes;
	uint32_t limit_seconds;
	bool reader;
	capture_stats stats;
	uint32_t ring_count;
	struct capture_ring rings[PCAPRING_RINGS_MAX];
	char reason[CAPTURE_REASON_MAX];
};

/* A list that owns its captures. */
struct capture_list {
	struct capture *captures;
	size_t count;
};

/* What it owns. */
void capture_free(struct capture *capture);

/* A new last element, or NULL: no memory. Pointers to others become invalid. */
struct capture *capture_list_add(struct capture_list *list);
void capture_list_free(struct capture_list *list);

/* The capture with @uuid, or NULL. */
const struct capture *capture_list_find(const struct capture_list *list,
					const uint8_t *uuid);

#define CAPTURE_GIVEN(attribute)	(1ULL << (attribute))

/*
 * What to create or to change.
 * @given: CAPTURE_GIVEN() of each attribute that is to be sent
 * @expression: filter as the user wrote it, "" for none; owned
 * @filter: what it was compiled to; owned
 * @program: file in which an eBPF filter is pinned
 * @filter_fd: what that is opened as, if FILTER_FD is given; owned
 */
struct capture_request {
	uint64_t given;
	uint32_t id;
	char ifname[IF_NAMESIZE];
	uint32_t snaplen;
	uint64_t ring_bytes;
	uint32_t rings;
	uint32_t steer;
	uint32_t mode;
	uint32_t direction;
	bool promisc;
	bool allmulti;
	uint32_t tstamp;
	uint32_t sample;
	bool frozen;
	uint64_t limit_packets;
	uint64_t limit_bytes;
	uint32_t limit_seconds;
	char *expression;
	struct sock_filter *filter;
	size_t filter_length;
	const char *program;
	uint32_t filter_fd;
};

void capture_request_free(struct capture_request *request);

/* A list that owns its requests. */
struct capture_request_list {
	struct capture_request *requests;
	size_t count;
};

/* As for captures. */
struct capture_request *capture_request_list_add(struct capture_request_list *list);
void capture_request_list_free(struct capture_request_list *list);

/*
 * Is @capture what the kernel would make of @request, but for what happened to
 * it since? A number of rings that is left to the kernel can be any.
 */
bool capture_is_like(const struct capture *capture, const struct capture_request *request);

/* Counters in the order in which they are shown, the last one all zeros. */
struct capture_stat_name {
	enum pcapring_stat stat;
	const char *name;
	const char *unit;
};

extern const struct capture_stat_name capture_stat_names[];

/* ASCII of @text, "?" for all else: names can be any bytes. */
void capture_printable(const char *text, char *printable, size_t size);

void capture_uuid_text(const uint8_t *uuid, char text[CAPTURE_UUID_TEXT]);
const char *capture_steer_name(uint32_t steer);
const char *capture_direction_name(uint32_t direction);
const char *capture_mode_name(uint32_t mode);
const char *capture_tstamp_name(uint32_t tstamp);

/* Of all interfaces of its network namespace, it waits for none. */
bool capture_is_any(const struct capture *capture);
bool capture_is_attached(const struct capture *capture);

/* Bytes in use; false: the tail that the reader wrote is out of range. */
bool capture_ring_fill(const struct capture *capture,
		       const struct capture_ring *ring, uint64_t *bytes);

#endif
