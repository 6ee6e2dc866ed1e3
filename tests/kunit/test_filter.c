// SPDX-License-Identifier: GPL-2.0-only
/* Filters: what they see, what they say, what they leave behind. */

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include "filter.h"
#include "fixture.h"

static void filter_set(struct kunit *test, struct pcapring_filter_slot *slot,
		       const struct sock_filter *instructions, u32 length)
{
	struct pcapring_filter_new filter;

	KUNIT_ASSERT_EQ(test, pcapring_filter_prepare(&filter, instructions, length), 0);
	mutex_lock(&pcapring_captures_lock);
	pcapring_filter_swap(slot, &filter);
	mutex_unlock(&pcapring_captures_lock);
	pcapring_filter_discard(&filter);
}

static void filter_set_verdict(struct kunit *test, struct pcapring_filter_slot *slot, u32 verdict)
{
	struct sock_filter keep[] = { BPF_STMT(BPF_RET | BPF_K, verdict) };

	filter_set(test, slot, keep, ARRAY_SIZE(keep));
}

static struct pcapring_tap *filter_tap(struct kunit *test)
{
	struct fixture *fixture = test->priv;

	return &fixture->capture->tap;
}

static void filter_exit(struct kunit *test)
{
	if (test->priv) {
		filter_set(test, &filter_tap(test)->reader_filter, NULL, 0);
		fixture_close(test);
	}
}

/* @caplen 0: it must be refused. */
static void filter_check(struct kunit *test, const struct packet *packet, u32 caplen)
{
	struct fixture *fixture = test->priv;
	struct pcapring_counters before = fixture_ring(fixture)->producer->count;
	struct pcapring_counters *after = &fixture_ring(fixture)->producer->count;

	fixture_start_at(fixture, 0);
	fixture_feed(test, packet);
	KUNIT_EXPECT_EQ(test, after->seen, before.seen + 1);
	KUNIT_EXPECT_EQ(test, after->filtered, before.filtered + !caplen);
	KUNIT_EXPECT_EQ(test, after->captured, before.captured + !!caplen);
	KUNIT_EXPECT_EQ(test, after->truncated - before.truncated,
			(u64)(caplen && caplen < packet_length(packet)));
	if (caplen)
		fixture_expect(test, 0, packet, caplen);
}

static void filter_verdicts_are_lengths(struct kunit *test)
{
	static const u32 verdicts[] = {
		0, 1, 13, 14, 15, 16, 59, 60, 61, PCAPRING_SNAPLEN_MAX, 1u << 31, U32_MAX,
	};
	struct packet packet = { .bytes = 60 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verdicts); i++) {
		filter_set_verdict(test, &filter_tap(test)->filter, verdicts[i]);
		for (packet.shape = 0; packet.shape < PACKET_SHAPES; packet.shape++) {
			packet.out = packet.shape == PACKET_ALL_PAGED;
			filter_check(test, &packet, min(verdicts[i], packet.bytes));
		}
	}
}

/* libpcap's programs do not count the tag that the core took out. */
static void filter_verdicts_leave_out_the_tag(struct kunit *test)
{
	struct packet packet = { .bytes = 60, .outer_tag = ETH_P_8021Q };

	filter_set_verdict(test, &filter_tap(test)->filter, 40);
	filter_check(test, &packet, 44);
	filter_tap(test)->snaplen = 42;
	filter_check(test, &packet, 42);
}

static void filter_both_must_pass(struct kunit *test)
{
	static const u32 verdicts[] = { 0, 20, 40, U32_MAX };
	struct packet packet = { .bytes = 60 };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(verdicts); i++)
		for (j = 0; j < ARRAY_SIZE(verdicts); j++) {
			filter_set_verdict(test, &filter_tap(test)->filter, verdicts[i]);
			filter_set_verdict(test, &filter_tap(test)->reader_filter, verdicts[j]);
			filter_check(test, &packet, min3(verdicts[i], verdicts[j], packet.bytes));
		}
}

/* In whatever direction, and from whatever memory, it counts from the link header. */
static void filter_sees_the_frame(struct kunit *test)
{
	struct sock_filter ethertype[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 2 * ETH_ALEN),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 5),
		/* the last two bytes, counted from the length */
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 200, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 198),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (u8)(198 * 7) << 8 | (u8)(199 * 7), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, U32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct packet packet = { .bytes = 200 };

	filter_set(test, &filter_tap(test)->filter, ethertype, ARRAY_SIZE(ethertype));
	for (packet.shape = 0; packet.shape < PACKET_SHAPES; packet.shape++) {
		packet.out = true;
		filter_check(test, &packet, 200);
		packet.out = false;
		if (packet.shape != PACKET_ALL_PAGED)
			filter_check(test, &packet, 200);
	}
	packet.shape = PACKET_LINEAR;
	packet.bytes = 201;
	filter_check(test, &packet, 0);
}

/* As libpcap compiles "vlan" for a live handle. */
static void filter_sees_the_tag(struct kunit *test)
{
	struct sock_filter tagged[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTER_TCI, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, U32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct packet packet = { .bytes = 60, .outer_tag = ETH_P_8021AD };

	filter_set(test, &filter_tap(test)->filter, tagged, ARRAY_SIZE(tagged));
	filter_check(test, &packet, 64);
	packet.outer_tag = 0;
	filter_check(test, &packet, 0);
}

static void filter_reads_past_the_end_refuse(struct kunit *test)
{
	struct sock_filter beyond[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 100),
		BPF_STMT(BPF_RET | BPF_K, U32_MAX),
	};
	struct packet packet = {};

	filter_set(test, &filter_tap(test)->filter, beyond, ARRAY_SIZE(beyond));
	for (packet.shape = 0; packet.shape < PACKET_SHAPES; packet.shape++) {
		packet.out = true;
		packet.bytes = 100;
		filter_check(test, &packet, 0);
		packet.bytes = 101;
		filter_check(test, &packet, 101);
	}
}

static void filter_taken_away(struct kunit *test)
{
	struct packet packet = { .bytes = 60 };

	filter_set_verdict(test, &filter_tap(test)->filter, 0);
	filter_check(test, &packet, 0);
	filter_set(test, &filter_tap(test)->filter, NULL, 0);
	filter_check(test, &packet, 60);
}

/* It may refuse what a full ring would drop, or cut it so that it fits. */
static void filter_of_a_full_ring(struct kunit *test)
{
	const struct packet large = { .bytes = PAGE_SIZE - 100 }, next = { .bytes = 500 };
	struct pcapring_ring *ring = fixture_ring(test->priv);
	struct pcapring_counters *count = &ring->producer->count;
	u64 end;

	fixture_feed(test, &large);
	end = ring->head;
	fixture_feed(test, &next);
	KUNIT_EXPECT_EQ(test, count->dropped, 1ull);
	filter_set_verdict(test, &filter_tap(test)->filter, 0);
	fixture_feed(test, &next);
	KUNIT_EXPECT_EQ(test, count->filtered, 1ull);
	filter_set(test, &filter_tap(test)->filter, NULL, 0);
	fixture_feed(test, &next);
	KUNIT_EXPECT_EQ(test, count->dropped, 2ull);
	filter_set_verdict(test, &filter_tap(test)->reader_filter, 10);
	fixture_feed(test, &next);
	fixture_expect(test, end, &next, 10);
}

static void filter_programs_that_are_none(struct kunit *test)
{
	static const struct sock_filter faults[][2] = {
		/* no end */
		{ BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_LD | BPF_IMM, 1) },
		/* a jump out of it */
		{ BPF_JUMP(BPF_JMP | BPF_JA, 5, 0, 0), BPF_STMT(BPF_RET | BPF_K, 1) },
		/* no such instruction */
		{ BPF_STMT(0xffff, 0), BPF_STMT(BPF_RET | BPF_K, 1) },
		/* division by a constant zero */
		{ BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 1) },
	};
	struct pcapring_filter_new filter;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(faults); i++)
		KUNIT_EXPECT_EQ(test, pcapring_filter_prepare(&filter, faults[i], 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, pcapring_filter_prepare(&filter, faults[0], BPF_MAXINSNS + 1),
			-EINVAL);
}

/* return skb->len - 30: from the link header on, whatever the direction */
static struct bpf_prog *filter_extended(struct kunit *test)
{
	static const struct bpf_insn instructions[] = {
		BPF_LDX_MEM(BPF_W, BPF_REG_0, BPF_REG_1, offsetof(struct sk_buff, len)),
		BPF_ALU64_IMM(BPF_SUB, BPF_REG_0, 30),
		BPF_EXIT_INSN(),
	};
	struct bpf_prog *program = bpf_prog_alloc(bpf_prog_size(ARRAY_SIZE(instructions)), 0);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, program);
	program->len = ARRAY_SIZE(instructions);
	program->type = BPF_PROG_TYPE_SOCKET_FILTER;
	memcpy(program->insnsi, instructions, sizeof(instructions));
	program = bpf_prog_select_runtime(program, &err);
	KUNIT_ASSERT_EQ(test, err, 0);
	return program;
}

/* As one that came by its descriptor, of which only the number is told. */
static void filter_extended_programs_run(struct kunit *test)
{
	struct pcapring_filter_slot *slot = &filter_tap(test)->filter;
	struct pcapring_filter_new filter = { .program = filter_extended(test), .id = 1 };
	struct packet packet = { .bytes = 100 };

	mutex_lock(&pcapring_captures_lock);
	pcapring_filter_swap(slot, &filter);
	mutex_unlock(&pcapring_captures_lock);
	for (packet.shape = 0; packet.shape < PACKET_SHAPES; packet.shape++) {
		packet.out = true;
		filter_check(test, &packet, 70);
		packet.out = packet.shape == PACKET_ALL_PAGED;
		filter_check(test, &packet, 70);
	}

	mutex_lock(&pcapring_captures_lock);
	pcapring_filter_swap(slot, &filter);
	mutex_unlock(&pcapring_captures_lock);
	/* it has no number that the system knows: ours to free */
	synchronize_net();
	bpf_prog_free(filter.program);
}

static struct kunit_case filter_cases[] = {
	KUNIT_CASE(filter_verdicts_are_lengths),
	KUNIT_CASE(filter_verdicts_leave_out_the_tag),
	KUNIT_CASE(filter_both_must_pass),
	KUNIT_CASE(filter_sees_the_frame),
	KUNIT_CASE(filter_sees_the_tag),
	KUNIT_CASE(filter_reads_past_the_end_refuse),
	KUNIT_CASE(filter_taken_away),
	KUNIT_CASE(filter_of_a_full_ring),
	KUNIT_CASE(filter_programs_that_are_none),
	KUNIT_CASE(filter_extended_programs_run),
	{}
};

static struct kunit_suite filter_suite = {
	.name = "filter",
	.init = fixture_init,
	.exit = filter_exit,
	.test_cases = filter_cases,
};

kunit_test_suites(&filter_suite);
