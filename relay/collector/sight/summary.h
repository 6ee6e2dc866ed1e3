/* SPDX-License-Identifier: MIT */
/* A sensor in a line: what all its rings come to. */
#ifndef SIGHT_SUMMARY_H
#define SIGHT_SUMMARY_H

#include "collector/sight/roster.h"

/**
 * struct summary - of a sensor
 * @account: of all rings
 * @lag: of the ring that lags most, seconds; below 0: nobody knows
 * @loss: per cent of the packets that were dropped
 */
struct summary {
	struct roster_account account;
	double lag;
	double loss;
};

static inline struct summary summary_of(const struct roster_sensor *sensor)
{
	struct summary summary = { .lag = -1 };
	uint64_t all;

	for (uint32_t i = 0; i < sensor->ring_count; i++) {
		const struct roster_account *account = &sensor->rings[i].account;

		summary.account.packets += account->packets;
		summary.account.bytes += account->bytes;
		summary.account.elsewhere += account->elsewhere;
		summary.account.duplicates += account->duplicates;
		summary.account.disorder += account->disorder;
		summary.account.dropped += account->dropped;
		if (sensor->rings[i].lag > summary.lag)
			summary.lag = sensor->rings[i].lag;
	}
	all = summary.account.packets + summary.account.dropped;
	summary.loss = all ? 100.0 * summary.account.dropped / all : 0;
	return summary;
}

#endif
