// SPDX-License-Identifier: MIT
#include "control/show.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/filter.h"

#define SHOW_LABEL_WIDTH	25	/* "pcapring0", longest name of an interface */
#define SHOW_NUMBER_WIDTH	11	/* "overwritten" */

/* An interface can have any name; control characters go to no terminal. */
struct show_name {
	char text[IF_NAMESIZE];
};

static struct show_name show_name(const struct capture *capture)
{
	struct show_name name;

	capture_printable(capture->ifname, name.text, sizeof(name.text));
	return name;
}

static void show_linktype(uint32_t linktype)
{
	if (linktype == PCAPRING_LINKTYPE_NONE)
		printf("not known before the first attachment");
	else
		printf("%s (%u)", filter_linktype_name(linktype), linktype);
}

static void show_counters(const char *indent, const uint64_t *stats)
{
	printf("%s%" PRIu64 " packets seen = %" PRIu64 " captured + %" PRIu64
	       " filtered + %" PRIu64 " sampled out + %" PRIu64 " paused + %" PRIu64
	       " dropped\n", indent, stats[PCAPRING_STAT_SEEN],
	       stats[PCAPRING_STAT_CAPTURED], stats[PCAPRING_STAT_FILTERED],
	       stats[PCAPRING_STAT_SAMPLED], stats[PCAPRING_STAT_PAUSED],
	       stats[PCAPRING_STAT_DROPPED]);
	printf("%s%" PRIu64 " bytes captured, %" PRIu64 " packets truncated, %"
	       PRIu64 " wakeups\n", indent, stats[PCAPRING_STAT_BYTES],
	       stats[PCAPRING_STAT_TRUNCATED], stats[PCAPRING_STAT_WAKEUPS]);
	if (stats[PCAPRING_STAT_OVERWRITTEN])
		printf("%s%" PRIu64 " captured packets overwritten by newer ones\n",
		       indent, stats[PCAPRING_STAT_OVERWRITTEN]);
	if (stats[PCAPRING_STAT_UNSTAMPED])
		printf("%s%" PRIu64 " packets captured without a hardware stamp\n",
		       indent, stats[PCAPRING_STAT_UNSTAMPED]);
	if (stats[PCAPRING_STAT_BAD_TAILS] || stats[PCAPRING_STAT_SKIPS])
		printf("%sreader's faults: %" PRIu64 " packets dropped for a tail out of range, %"
		       PRIu64 " skips to head at open\n", indent,
		       stats[PCAPRING_STAT_BAD_TAILS], stats[PCAPRING_STAT_SKIPS]);
}

static void show_ring(const struct capture *capture, const struct capture_ring *ring)
{
	uint64_t fill;

	printf("  ring %u: ", ring->index);
	if (capture_ring_fill(capture, ring, &fill))
		printf("%" PRIu64 " of %" PRIu64 " bytes in use (%.1f %%), ", fill,
		       capture->ring_bytes, 100.0 * fill / capture->ring_bytes);
	else
		printf("tail out of range, ");
	printf("head at byte %" PRIu64 ", ", ring->head);
	if (capture->mode == PCAPRING_MODE_OVERWRITE)
		printf("oldest record %" PRIu64 "\n", ring->oldest);
	else
		printf("seen %" PRIu64 ", tail %" PRIu64 "\n", ring->seen, ring->tail);
	show_counters("    ", ring->stats);
}

static void show_interface(const struct capture *capture)
{
	printf("pcapring%u: %s, ", capture->id, show_name(capture).text);
	if (capture_is_any(capture))
		printf("all interfaces of the network namespace");
	else if (capture->ifindex)
		printf("attached (ifindex %u)", capture->ifindex);
	else
		printf("waiting for the interface");
	printf("%s\n", capture->frozen ? ", frozen" : "");
}

static const char *show_switch(bool on)
{
	return on ? "on" : "off";
}

static void show_filter(const struct capture *capture)
{
	if (capture->filter_id)
		printf("  filter eBPF program %u\n", capture->filter_id);
	else if (capture->filter_length)
		printf("  filter of %zu instructions\n", capture->filter_length);
	else
		printf("  filter none\n");
}

static void show_limit(uint64_t limit, const char *unit)
{
	if (limit)
		printf("  stops after %" PRIu64 " %s\n", limit, unit);
}

static void show_settings(const struct capture *capture)
{
	printf("  snaplen %u bytes, direction %s, promisc %s, allmulti %s, reader %s\n",
	       capture->snaplen, capture_direction_name(capture->direction),
	       show_switch(capture->promisc), show_switch(capture->allmulti),
	       capture->reader ? "yes" : "no");
	printf("  tstamp %s, ", capture_tstamp_name(capture->tstamp));
	if (capture->sample > 1)
		printf("one packet in %u\n", capture->sample);
	else
		printf("every packet\n");
}

static void show_capture(const struct capture *capture)
{
	char uuid[CAPTURE_UUID_TEXT];

	capture_uuid_text(capture->uuid, uuid);
	show_interface(capture);
	printf("  uuid %s\n  link type ", uuid);
	show_linktype(capture->linktype);
	printf("\n");
	show_settings(capture);
	show_filter(capture);
	show_limit(capture->limit_packets, "packets");
	show_limit(capture->limit_bytes, "bytes");
	show_limit(capture->limit_seconds, "seconds");
	printf("  %u ring%s of %" PRIu64 " bytes, mode %s, steer %s\n", capture->ring_count,
	       capture->ring_count == 1 ? "" : "s", capture->ring_bytes,
	       capture_mode_name(capture->mode), capture_steer_name(capture->steer));
	show_counters("  ", capture->stats);
	for (uint32_t i = 0; i < capture->ring_count; i++)
		show_ring(capture, &capture->rings[i]);
}

void show_captures(const struct capture_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		show_capture(&list->captures[i]);
}

/* Of the numbers in the table; a capture's are the sums of its rings'. */
static int show_width(const struct capture_list *list)
{
	uint64_t most = 0;
	int width;

	for (size_t i = 0; i < list->count; i++) {
		for (int stat = 0; stat <= PCAPRING_STAT_MAX; stat++) {
			if (list->captures[i].stats[stat] > most)
				most = list->captures[i].stats[stat];
		}
	}
	width = snprintf(NULL, 0, "%" PRIu64, most);
	return width > SHOW_NUMBER_WIDTH ? width : SHOW_NUMBER_WIDTH;
}

/* Two lines: counters, and their units. */
static void show_stats_header(int width)
{
	const struct capture_stat_name *name;

	printf("%-*s", SHOW_LABEL_WIDTH, "");
	for (name = capture_stat_names; name->name; name++)
		printf(" %*s", width, name->name);
	printf("\n%-*s", SHOW_LABEL_WIDTH, "");
	for (name = capture_stat_names; name->name; name++)
		printf(" %*s", width, name->unit);
	printf("\n");
}

static void show_stats_line(const char *label, const uint64_t *stats, int width)
{
	const struct capture_stat_name *name;

	printf("%-*s", SHOW_LABEL_WIDTH, label);
	for (name = capture_stat_names; name->name; name++)
		printf(" %*" PRIu64, width, stats[name->stat]);
	printf("\n");
}

void show_stats(const struct capture_list *list)
{
	int width = show_width(list);
	char label[64];

	if (list->count)
		show_stats_header(width);
	for (size_t i = 0; i < list->count; i++) {
		const struct capture *capture = &list->captures[i];

		snprintf(label, sizeof(label), "pcapring%u %s", capture->id,
			 show_name(capture).text);
		show_stats_line(label, capture->stats, width);
		for (uint32_t r = 0; r < capture->ring_count; r++) {
			snprintf(label, sizeof(label), "  ring %u",
				 capture->rings[r].index);
			show_stats_line(label, capture->rings[r].stats, width);
		}
	}
}

void show_rates(const struct capture *capture, const struct capture *before,
		double seconds)
{
	const struct capture_stat_name *name;
	const char *separator = "";

	printf("pcapring%u %s: ", capture->id, show_name(capture).text);
	for (name = capture_stat_names; name->stat != PCAPRING_STAT_WAKEUPS; name++) {
		uint64_t delta = capture->stats[name->stat] - before->stats[name->stat];

		printf("%s%s %.0f %s/s", separator, name->name, delta / seconds,
		       name->unit);
		separator = ", ";
	}
	printf("\n");
}

void show_event(const char *name, const struct capture *capture)
{
	printf("%s pcapring%u %s", name, capture->id, show_name(capture).text);
	if (capture->ifindex)
		printf(" ifindex %u", capture->ifindex);
	if (capture_is_attached(capture)) {
		printf(" link type ");
		show_linktype(capture->linktype);
	}
	if (capture->reason[0])
		printf(": %s", capture->reason);
	printf("\n");
}
