// SPDX-License-Identifier: MIT
#include "status.h"

#include <stddef.h>
#include <string.h>

#include "channel/peer.h"
#include "clock.h"
#include "common/live.h"
#include "common/metadata.h"
#include "source/reader.h"
#include "spool/spool.h"

#define STATUS_PATIENCE_MS	1000
#define STATUS_PREFIX		"pcapring_relay"
#define STATUS_NAME(name)	STATUS_PREFIX "_" name

uint64_t status_captured_at(const struct status *status, unsigned int number,
			    uint64_t position)
{
	const struct reader_ring *ring = &status->reader->rings[number];
	struct pcapring_record record;

	/* of a savefile, that tells nothing of today */
	if (!status->capture || position < ring->tail || position > ring->head ||
	    ring->head - position < sizeof(record))
		return 0;
	memcpy(&record, reader_at(ring, position), sizeof(record));
	return record.ts_sec * CLOCK_SECOND + record.ts_nsec;
}

void status_arrived(struct status *status, uint64_t since)
{
	if (status && since)
		metrics_observe(&status->delay,
				(double)(int64_t)(clock_read(CLOCK_REALTIME) - since) /
				CLOCK_SECOND);
}

bool status_is_asked(struct status *status)
{
	return status && __atomic_load_n(&status->ask.wanted, __ATOMIC_RELAXED);
}

static void status_read_counters(struct pcapring_counters *to,
				 const struct pcapring_counters *from)
{
	const uint64_t *source = (const uint64_t *)from;
	uint64_t *words = (uint64_t *)to;

	/* a kernel writes them meanwhile */
	for (size_t i = 0; i < sizeof(*to) / sizeof(*words); i++)
		words[i] = __atomic_load_n(&source[i], __ATOMIC_RELAXED);
}

static void status_read_ring(const struct status *status, unsigned int i,
			     const struct status_wait *wait, struct status_ring *out)
{
	const struct reader_ring *ring = &status->reader->rings[i];
	uint64_t head = __atomic_load_n(&ring->producer->head, __ATOMIC_RELAXED);

	status_read_counters(&out->count, &ring->producer->count);
	out->used = head - ring->tail;
	if (wait) {
		out->wait = *wait;
		return;
	}
	out->wait.bytes = out->used;
	out->wait.oldest = status_captured_at(status, i, ring->tail);
}

void status_answer(struct status *status, const struct peer *peer,
		   const struct status_wait *waits)
{
	struct status_view *view;

	if (!status || !ask_accept(&status->ask))
		return;
	view = &status->view;
	for (unsigned int i = 0; i < status->reader->ring_count; i++)
		status_read_ring(status, i, waits ? &waits[i] : NULL, &view->rings[i]);
	view->counts = *status->counts;
	view->delay = status->delay;
	view->connected = peer->connected && !peer->away;
	view->spooled = status->spool ? spool_bytes(status->spool) : 0;
	view->time = clock_read(CLOCK_REALTIME);
	ask_answer(&status->ask);
}

/* A number of each ring, in struct status_ring. */
struct status_ring_family {
	struct metrics_family family;
	size_t offset;
};

#define STATUS_COUNT(member)	offsetof(struct status_ring, count.member)

static const struct status_ring_family status_counters[] = {
	{ { STATUS_NAME("seen_packets_total"), "counter",
	    "Packets in the capture's direction, whatever became of them." },
	  STATUS_COUNT(seen) },
	{ { STATUS_NAME("captured_bytes_total"), "counter",
	    "Bytes of packets that were written to the ring, without record headers." },
	  STATUS_COUNT(bytes) },
	{ { STATUS_NAME("truncated_packets_total"), "counter",
	    "Captured packets that were cut, at snaplen or by a filter." },
	  STATUS_COUNT(truncated) },
};

static const struct status_ring_family status_levels[] = {
	{ { STATUS_NAME("ring_used_bytes"), "gauge", "Bytes of the ring that are not free." },
	  offsetof(struct status_ring, used) },
	{ { STATUS_NAME("unacknowledged_bytes"), "gauge",
	    "Bytes, in ring and spool, that no collector has acknowledged." },
	  offsetof(struct status_ring, wait.bytes) },
};

/* What became of each packet; all of them together are those that were seen. */
static const struct {
	const char *state;
	size_t offset;
} status_states[] = {
	{ "captured", STATUS_COUNT(captured) },
	{ "filtered", STATUS_COUNT(filtered) },
	{ "sampled_out", STATUS_COUNT(sampled) },
	{ "paused", STATUS_COUNT(paused) },
	{ "dropped", STATUS_COUNT(dropped) },
};

static const struct {
	struct metrics_family family;
	size_t offset;
} status_totals[] = {
	{ { STATUS_NAME("acknowledged_bytes_total"), "counter",
	    "Bytes of rings that a collector has, record headers included." },
	  offsetof(struct relay_counts, acknowledged) },
	{ { STATUS_NAME("retransmitted_bytes_total"), "counter",
	    "Bytes of rings that were sent once more." },
	  offsetof(struct relay_counts, again) },
	{ { STATUS_NAME("consumed_elsewhere_bytes_total"), "counter",
	    "Bytes that somebody else took out of a ring." },
	  offsetof(struct relay_counts, elsewhere) },
	{ { STATUS_NAME("possible_duplicate_bytes_total"), "counter",
	    "Bytes that two collectors may have." },
	  offsetof(struct relay_counts, twice) },
	{ { STATUS_NAME("sent_packets_total"), "counter",
	    "Packets that were sent packet by packet (packet_streaming)." },
	  offsetof(struct relay_counts, packets) },
	{ { STATUS_NAME("sent_bytes_total"), "counter", "Bytes of these packets." },
	  offsetof(struct relay_counts, bytes) },
	{ { STATUS_NAME("unconfirmed_packets_total"), "counter",
	    "Of these packets, at most so many have not arrived." },
	  offsetof(struct relay_counts, unconfirmed) },
	{ { STATUS_NAME("reconnects_total"), "counter", "Connections after the first one." },
	  offsetof(struct relay_counts, reconnects) },
};

static uint64_t status_number(const void *base, size_t offset)
{
	return *(const uint64_t *)((const char *)base + offset);
}

static void status_write_rings(const struct status *status, FILE *out,
			       const struct status_ring_family *family)
{
	metrics_family(out, &family->family);
	for (unsigned int i = 0; i < status->reader->ring_count; i++) {
		char ring[16];
		const struct metrics_label labels[] = { { "ring", ring }, {} };

		snprintf(ring, sizeof(ring), "%u", i);
		metrics_count(out, &family->family, labels,
			      status_number(&status->view.rings[i], family->offset));
	}
}

static void status_write_states(const struct status *status, FILE *out)
{
	static const struct metrics_family family = {
		STATUS_NAME("packets_total"), "counter", "What became of the packets.",
	};

	metrics_family(out, &family);
	for (unsigned int i = 0; i < status->reader->ring_count; i++)
		for (size_t n = 0; n < sizeof(status_states) / sizeof(status_states[0]); n++) {
			char ring[16];
			const struct metrics_label labels[] = {
				{ "ring", ring }, { "state", status_states[n].state }, {},
			};

			snprintf(ring, sizeof(ring), "%u", i);
			metrics_count(out, &family, labels,
				      status_number(&status->view.rings[i],
						    status_states[n].offset));
		}
}

/* How old the oldest is that waits; by now, where the loop has not answered. */
static void status_write_lag(const struct status *status, FILE *out)
{
	static const struct metrics_family family = {
		STATUS_NAME("lag_seconds"), "gauge",
		"Age of the oldest record that no receiver has acknowledged; 0: there is none.",
	};
	uint64_t now = clock_read(CLOCK_REALTIME);

	metrics_family(out, &family);
	for (unsigned int i = 0; i < status->reader->ring_count; i++) {
		const struct status_wait *wait = &status->view.rings[i].wait;
		char ring[16];
		const struct metrics_label labels[] = { { "ring", ring }, {} };
		double age = (double)(int64_t)(now - wait->oldest) / CLOCK_SECOND;

		snprintf(ring, sizeof(ring), "%u", i);
		if (wait->oldest || !wait->bytes)
			metrics_value(out, &family, labels, wait->oldest && age > 0 ? age : 0);
	}
}

static void status_write_capture(const struct status *status, FILE *out)
{
	for (size_t i = 0; i < sizeof(status_counters) / sizeof(status_counters[0]); i++)
		status_write_rings(status, out, &status_counters[i]);
	status_write_states(status, out);
	status_write_lag(status, out);
	metrics_single(out, &(struct metrics_family) { STATUS_NAME("ring_size_bytes"), "gauge",
		"Size of each ring." }, status->reader->ring_bytes);
}

static void status_write_spool(const struct status *status, FILE *out)
{
	metrics_single(out, &(struct metrics_family) { STATUS_NAME("spool_bytes"), "gauge",
		"Bytes of rings that wait in the spool." }, status->view.spooled);
	metrics_single(out, &(struct metrics_family) { STATUS_NAME("spool_size_bytes"), "gauge",
		"What the spool may take of the disk." }, status->spool_max);
	metrics_disk(out, STATUS_PREFIX, status->folder);
}

static void status_write_delay(const struct status *status, FILE *out)
{
	static const struct metrics_family family = {
		STATUS_NAME("delay_seconds"), "histogram",
		"From the capture of the oldest record that an Ack is the first to tell of to that Ack.",
	};

	metrics_family(out, &family);
	metrics_histogram(out, &family, NULL, &status->view.delay);
}

static void status_write_info(const struct status *status, FILE *out)
{
	static const struct metrics_family family = {
		STATUS_NAME("info"), "gauge", "Who sends, what, and where to; always 1.",
	};
	/* interfaces and files may have any name */
	char interface[3 * METADATA_TEXT_MAX], sensor[3 * METADATA_TEXT_MAX];
	char name[METADATA_TEXT_MAX];
	const struct metrics_label labels[] = {
		{ "sensor", sensor }, { "interface", interface },
		{ "target", status->target }, {},
	};

	if (status->capture)
		snprintf(name, sizeof(name), "%.*s", (int)sizeof(status->reader->info->ifname),
			 status->reader->info->ifname);
	else
		strcpy(name, status->metadata->interface);
	metadata_encode(name, interface, sizeof(interface));
	metadata_encode(status->metadata->sensor, sensor, sizeof(sensor));
	metrics_family(out, &family);
	metrics_count(out, &family, labels, 1);
}

static void status_write_view(const struct status *status, FILE *out)
{
	const struct status_view *view = &status->view;

	status_write_info(status, out);
	for (size_t i = 0; i < sizeof(status_levels) / sizeof(status_levels[0]); i++)
		status_write_rings(status, out, &status_levels[i]);
	for (size_t i = 0; i < sizeof(status_totals) / sizeof(status_totals[0]); i++) {
		metrics_family(out, &status_totals[i].family);
		metrics_count(out, &status_totals[i].family, NULL,
			      status_number(&view->counts, status_totals[i].offset));
	}
	metrics_single(out, &(struct metrics_family) { STATUS_NAME("connected"), "gauge",
		"1: a receiver takes the stream; 0: none does." }, view->connected);
	if (status->capture) {
		status_write_capture(status, out);
		status_write_delay(status, out);
	}
	if (status->spool)
		status_write_spool(status, out);
}

bool status_write_metrics(void *context, FILE *out)
{
	uint64_t asked = clock_read(CLOCK_REALTIME), time;
	struct status *status = context;

	ask_begin(&status->ask, STATUS_PATIENCE_MS);
	time = status->view.time;
	if (time)
		status_write_view(status, out);
	ask_end(&status->ask);
	metrics_single(out, &(struct metrics_family) { STATUS_NAME("answer_age_seconds"),
		"gauge", "How old these numbers are: 0, but where the relay hangs." },
		time < asked ? (double)(asked - time) / CLOCK_SECOND : 0);
	metrics_program(out, STATUS_PREFIX);
	return time;
}

/* In per cent, of the fullest ring. */
static unsigned int status_fill(const struct status *status)
{
	uint64_t most = 0;

	for (unsigned int i = 0; i < status->reader->ring_count; i++)
		if (status->view.rings[i].used > most)
			most = status->view.rings[i].used;
	return 100 * most / status->reader->ring_bytes;
}

bool status_look(void *context, struct live_numbers *numbers)
{
	struct status *status = context;
	const struct status_view *view = &status->view;
	bool known = ask_begin(&status->ask, STATUS_PATIENCE_MS);

	*numbers = (struct live_numbers) {};
	for (unsigned int i = 0; i < status->reader->ring_count; i++) {
		numbers->packets += view->rings[i].count.captured;
		numbers->bytes += view->rings[i].count.bytes;
		numbers->lost += view->rings[i].count.dropped;
	}
	if (!status->capture) {
		numbers->packets = view->counts.packets;
		numbers->bytes = view->counts.bytes + view->counts.acknowledged;
	}
	snprintf(numbers->note, sizeof(numbers->note), "ring %u %% full%s",
		 status_fill(status), view->connected ? "" : "; no receiver");
	ask_end(&status->ask);
	return known;
}
