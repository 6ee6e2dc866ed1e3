// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packet path counts down; whoever takes the last packet or byte has work
 * queued that freezes the capture. Packets that come before the work does
 * find nothing left. Time is up by the same work, delayed.
 */

#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/pcapring.h>

#include "capture.h"
#include "limit.h"

static struct pcapring_capture *pcapring_limit_capture(struct pcapring_limit *limit)
{
	return container_of(limit, struct pcapring_capture, tap.limit);
}

/* Any context. Where it is queued already, it has its reference. */
static void pcapring_limit_stop_in(struct pcapring_limit *limit, unsigned long delay)
{
	struct pcapring_capture *capture = pcapring_limit_capture(limit);

	pcapring_capture_get(capture);
	if (mod_delayed_work(pcapring_capture_wq, &limit->stop, delay))
		pcapring_capture_put(capture); /* not the last */
}

static const char *pcapring_limit_reason(const struct pcapring_limit *limit)
{
	if (limit->packets && atomic64_read(&limit->packets_left) <= 0)
		return "the limit of packets was reached";
	if (limit->bytes && atomic64_read(&limit->bytes_left) <= 0)
		return "the limit of bytes was reached";
	if (limit->seconds && time_after_eq64(get_jiffies_64(), limit->deadline))
		return "the limit of seconds was reached";
	return NULL;
}

/* Delays can be longer than what a timer takes. */
static void pcapring_limit_wait(struct pcapring_limit *limit)
{
	u64 now = get_jiffies_64();

	if (limit->seconds)
		pcapring_limit_stop_in(limit, time_after64(limit->deadline, now) ?
				       limit->deadline - now : 0);
}

/* The limits may be others by now, or have begun anew. */
static void pcapring_limit_stop(struct work_struct *work)
{
	struct pcapring_limit *limit =
		container_of(to_delayed_work(work), struct pcapring_limit, stop);
	struct pcapring_capture *capture = pcapring_limit_capture(limit);
	const char *reason;

	mutex_lock(&pcapring_captures_lock);
	if (!capture->deleted && !capture->frozen) {
		reason = pcapring_limit_reason(limit);
		if (reason) {
			pcapring_capture_set_frozen(capture, true);
			pcapring_capture_tell(capture, PCAPRING_CMD_STOPPED_NTF, reason);
		} else {
			pcapring_limit_wait(limit);
		}
	}
	mutex_unlock(&pcapring_captures_lock);
	pcapring_capture_put(capture);
}

static void pcapring_limit_ask(struct pcapring_limit *limit, const struct pcapring_config *config)
{
	limit->packets = config->limit_packets;
	limit->bytes = config->limit_bytes;
	limit->seconds = config->limit_seconds;
}

void pcapring_limit_init(struct pcapring_limit *limit, const struct pcapring_config *config)
{
	INIT_DELAYED_WORK(&limit->stop, pcapring_limit_stop);
	pcapring_limit_ask(limit, config);
}

static void pcapring_limit_fill(atomic64_t *left, u64 limit)
{
	atomic64_set(left, limit ? min_t(u64, limit, S64_MAX) : S64_MAX);
}

void pcapring_limit_begin(struct pcapring_limit *limit, const struct pcapring_config *config,
			  u64 given)
{
	lockdep_assert_held(&pcapring_captures_lock);
	pcapring_limit_ask(limit, config);
	if (given & BIT_ULL(PCAPRING_A_LIMIT_PACKETS))
		pcapring_limit_fill(&limit->packets_left, limit->packets);
	if (given & BIT_ULL(PCAPRING_A_LIMIT_BYTES))
		pcapring_limit_fill(&limit->bytes_left, limit->bytes);
	if (given & BIT_ULL(PCAPRING_A_LIMIT_SECONDS)) {
		limit->deadline = get_jiffies_64() + (u64)limit->seconds * HZ;
		pcapring_limit_wait(limit);
	}
	/* Pairs with pcapring_limit_take_one(): what is left comes first. */
	smp_wmb();
	WRITE_ONCE(limit->on, limit->packets || limit->bytes);
}

void pcapring_limit_cancel(struct pcapring_limit *limit)
{
	if (cancel_delayed_work(&limit->stop))
		pcapring_capture_put(pcapring_limit_capture(limit)); /* not the last */
}

bool pcapring_limit_is_used_up(const struct pcapring_limit *limit)
{
	return atomic64_read(&limit->packets_left) <= 0 || atomic64_read(&limit->bytes_left) <= 0;
}

bool pcapring_limit_take_one(struct pcapring_limit *limit, u32 caplen)
{
	s64 packets, bytes;

	/* Pairs with pcapring_limit_begin(). */
	smp_rmb();
	packets = atomic64_dec_return(&limit->packets_left);
	bytes = atomic64_sub_return(caplen, &limit->bytes_left);
	if (packets < 0 || bytes + caplen <= 0)
		return false;
	if (!packets || bytes <= 0)
		pcapring_limit_stop_in(limit, 0);
	return true;
}
