// SPDX-License-Identifier: MIT
/*
 * storm [-t SECONDS] [-s SEED] [-r FILE] IFNAME...
 *
 * Senders on every CPU, clients of the netlink family and readers of the
 * devices, all at once, on captures of IFNAME... and any, while others take
 * interfaces and the module away and bring them back: whatever is missing is
 * tried again. While FILE is there, no device is opened. Each does what its own
 * random numbers say, which begin at SEED. Ends with status 1 where a packet is
 * not accounted for, a record is not whole, or the kernel does not answer;
 * otherwise prints what was done:
 *
 *	WHAT TRIED DONE
 */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "account.h"
#include "family.h"
#include "reader.h"
#include "sender.h"

#define CAPTURES_MAX	10

struct actor {
	pthread_t thread;
	struct act *act;
	uint32_t random;
	struct family *family;
	int socket;
	unsigned int cpu;
};

/* What is done over and over; 1: it was done, 0: there was nothing to do. */
struct act {
	const char *name;
	unsigned int (*once)(struct actor *actor);
	atomic_uint tried, done;
};

static char **ifnames;
static unsigned int ifname_count;
static const char *rest_file;
static atomic_bool stopped;

/* xorshift, Marsaglia 2003: repeatable, and each thread has its own */
static uint32_t actor_random(struct actor *actor)
{
	actor->random ^= actor->random << 13;
	actor->random ^= actor->random >> 17;
	actor->random ^= actor->random << 5;
	return actor->random;
}

static uint32_t actor_below(struct actor *actor, uint32_t limit)
{
	return actor_random(actor) % limit;
}

static const char *actor_ifname(struct actor *actor)
{
	uint32_t which = actor_below(actor, ifname_count + 1);

	return which < ifname_count ? ifnames[which] : "any";
}

static uint32_t actor_id(struct actor *actor)
{
	return actor_below(actor, CAPTURES_MAX + 2);
}

static void put_filter(struct actor *actor, struct nlmsghdr *message)
{
	struct sock_filter instruction[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, actor_below(actor, 1500),
			 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, PCAPRING_SNAPLEN_MAX),
	};

	mnl_attr_put(message, PCAPRING_A_FILTER,
		     actor_below(actor, 3) ? sizeof(instruction) : 0,
		     instruction);
}

/* What both NEW and SET take; that some of it is refused is part of it. */
static void put_settings(struct actor *actor, struct nlmsghdr *message)
{
	if (!actor_below(actor, 3))
		put_filter(actor, message);
	if (!actor_below(actor, 4))
		mnl_attr_put_u32(message, PCAPRING_A_DIRECTION,
				 actor_below(actor, 3));
	if (!actor_below(actor, 6))
		mnl_attr_put_u8(message, PCAPRING_A_PROMISC,
				actor_below(actor, 2));
	if (!actor_below(actor, 6))
		mnl_attr_put_u8(message, PCAPRING_A_ALLMULTI,
				actor_below(actor, 2));
	if (!actor_below(actor, 6))
		mnl_attr_put_u32(message, PCAPRING_A_SAMPLE,
				 1 + actor_below(actor, 3));
	if (!actor_below(actor, 8))
		mnl_attr_put_u64(message, PCAPRING_A_LIMIT_PACKETS,
				 actor_below(actor, 5000));
	if (!actor_below(actor, 8))
		mnl_attr_put_u64(message, PCAPRING_A_LIMIT_BYTES,
				 actor_below(actor, 1 << 22));
	if (!actor_below(actor, 8))
		mnl_attr_put_u32(message, PCAPRING_A_LIMIT_SECONDS,
				 actor_below(actor, 3));
	mnl_attr_put_u32(message, PCAPRING_A_SNAPLEN,
			 1 + actor_below(actor, 2000));
}

static unsigned int act_new(struct actor *actor)
{
	struct nlmsghdr *message;
	struct account account;

	family_find(actor->family);
	if (!actor->family->id ||
	    account_audit(actor->family, &account) ||
	    account.count >= CAPTURES_MAX)
		return 0;
	message = family_begin(actor->family, PCAPRING_CMD_NEW, 0);
	mnl_attr_put_strz(message, PCAPRING_A_IFNAME, actor_ifname(actor));
	mnl_attr_put_u64(message, PCAPRING_A_RING_BYTES,
			 4096ull << actor_below(actor, 7));
	mnl_attr_put_u32(message, PCAPRING_A_RINGS, actor_below(actor, 4));
	mnl_attr_put_u32(message, PCAPRING_A_STEER, actor_below(actor, 2));
	mnl_attr_put_u32(message, PCAPRING_A_MODE, actor_below(actor, 2));
	put_settings(actor, message);
	return !family_exchange(actor->family, message, NULL, NULL);
}

static unsigned int act_set(struct actor *actor)
{
	struct nlmsghdr *message = family_begin(actor->family,
						PCAPRING_CMD_SET, 0);

	mnl_attr_put_u32(message, PCAPRING_A_ID, actor_id(actor));
	put_settings(actor, message);
	if (!actor_below(actor, 4))
		mnl_attr_put_u8(message, PCAPRING_A_FROZEN,
				actor_below(actor, 2));
	return !family_exchange(actor->family, message, NULL, NULL);
}

static unsigned int act_delete(struct actor *actor)
{
	struct nlmsghdr *message = family_begin(actor->family,
						PCAPRING_CMD_DEL, 0);

	mnl_attr_put_u32(message, PCAPRING_A_ID, actor_id(actor));
	usleep(actor_below(actor, 100000));
	return !family_exchange(actor->family, message, NULL, NULL);
}

static unsigned int act_audit(struct actor *actor)
{
	struct account account;

	family_find(actor->family);
	return actor->family->id &&
	       !account_audit(actor->family, &account) && account.count;
}

static unsigned int act_send(struct actor *actor)
{
	const char *ifname = ifnames[actor_below(actor, ifname_count)];
	unsigned int sent;

	sent = sender_burst(actor->socket, ifname, actor_random(actor),
			    1 + actor_below(actor, 64));
	if (!sent)
		usleep(1000);
	return !!sent;
}

/* The module cannot go while a device is open. */
static bool readers_rest(void)
{
	return rest_file && !access(rest_file, F_OK);
}

static unsigned int act_read(struct actor *actor)
{
	return !readers_rest() &&
	       reader_read(actor_id(actor), actor_random(actor));
}

static unsigned int act_map(struct actor *actor)
{
	return !readers_rest() &&
	       reader_map(actor_id(actor), actor_random(actor));
}

static unsigned int act_lie(struct actor *actor)
{
	return !readers_rest() &&
	       reader_lie(actor_id(actor), actor_random(actor));
}

static unsigned int act_filter(struct actor *actor)
{
	return !readers_rest() &&
	       reader_filter(actor_id(actor), actor_random(actor));
}

static struct act acts[] = {
	{ .name = "send", .once = act_send },
	{ .name = "send-too", .once = act_send },
	{ .name = "new", .once = act_new },
	{ .name = "set", .once = act_set },
	{ .name = "delete", .once = act_delete },
	{ .name = "audit", .once = act_audit },
	{ .name = "read", .once = act_read },
	{ .name = "map", .once = act_map },
	{ .name = "lie", .once = act_lie },
	{ .name = "filter", .once = act_filter },
};

#define ACTS	(sizeof(acts) / sizeof(acts[0]))

static void actor_pin(const struct actor *actor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(actor->cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *actor_run(void *argument)
{
	struct actor *actor = argument;

	if (actor->act->once == act_send)
		actor_pin(actor);
	while (!stopped) {
		actor->act->tried++;
		if (actor->act->once(actor))
			actor->act->done++;
		else
			usleep(1000);
	}
	return NULL;
}

static void actor_start(struct actor *actor, unsigned int index, uint32_t seed)
{
	*actor = (struct actor){ .act = &acts[index],
				 .random = (seed + 1) * (2 * index + 1) };
	actor->cpu = index % sysconf(_SC_NPROCESSORS_ONLN);
	actor->family = malloc(sizeof(*actor->family));
	actor->socket = socket(AF_PACKET, SOCK_RAW, 0);
	if (!actor->family || actor->socket < 0)
		err(1, "socket");
	family_open(actor->family);
	errno = pthread_create(&actor->thread, NULL, actor_run, actor);
	if (errno)
		err(1, "thread");
}

static void actor_end(struct actor *actor)
{
	pthread_join(actor->thread, NULL);
	family_close(actor->family);
	free(actor->family);
	close(actor->socket);
	printf("%s %u %u\n", actor->act->name, actor->act->tried,
	       actor->act->done);
}

int main(int argc, char **argv)
{
	unsigned int seconds = 10, seed = 1, i;
	struct actor actor[ACTS];
	int option;

	while ((option = getopt(argc, argv, "t:s:r:")) != -1)
		switch (option) {
		case 't': seconds = strtoul(optarg, NULL, 10); break;
		case 's': seed = strtoul(optarg, NULL, 10); break;
		case 'r': rest_file = optarg; break;
		default: return 2;
		}
	ifnames = argv + optind;
	ifname_count = argc - optind;
	if (!ifname_count)
		return 2;
	for (i = 0; i < ACTS; i++)
		actor_start(&actor[i], i, seed);
	sleep(seconds);
	stopped = true;
	for (i = 0; i < ACTS; i++)
		actor_end(&actor[i]);
	return 0;
}
