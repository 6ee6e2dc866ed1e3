// SPDX-License-Identifier: MIT
#include "collector/sight/census.h"

#include <stddef.h>

#include "collector/records/epochs.h"
#include "collector/sight/roster.h"

static void census_count_ring(struct epoch *epoch, uint32_t i)
{
	const struct ledger_ring *state = &epoch->state->rings[i];
	struct epoch_ring *ring = &epoch->rings[i];
	const struct roster_account now = {
		.packets = state->packets,
		.bytes = state->bytes,
		.elsewhere = state->elsewhere,
		.duplicates = state->duplicates,
		.disorder = state->disorder,
		.dropped = state->dropped,
	};

	if (!state->known)
		return;
	roster_count(epoch->seat, i, &now, &ring->counted);
	if (ring->lag_known)
		roster_set_lag(epoch->seat, i, ring->lag);
	ring->lag_known = false;
}

static void census_count(struct roster *roster, struct epoch *epoch)
{
	const struct ledger_file *state = epoch->state;

	if (!epoch->seated) {
		epoch->seated = true;
		epoch->seat = roster_get(roster, state->sensor, state->interface);
		roster_remember(epoch->seat, state->host, state->synced > state->since ?
				state->synced : state->since);
	}
	for (uint32_t i = 0; i < state->ring_count; i++)
		census_count_ring(epoch, i);
	roster_add_delay(epoch->seat, &epoch->delay);
	epoch->delay = (struct metrics_histogram) {};
	if (state->missing > epoch->counted_missing)
		roster_add_missing(epoch->seat, state->missing - epoch->counted_missing);
	epoch->counted_missing = state->missing;
}

static void census_count_all(struct roster *roster, struct epochs *epochs)
{
	for (struct epoch *epoch = epochs_first(epochs); epoch; epoch = epoch->next)
		census_count(roster, epoch);
}

void census_begin(struct roster *roster, struct epochs *epochs)
{
	census_count_all(roster, epochs);
	roster_settle(roster);
}

void census_take(struct roster *roster, struct epochs *epochs)
{
	if (!roster_is_due(roster))
		return;
	census_count_all(roster, epochs);
	roster_answer(roster);
}
