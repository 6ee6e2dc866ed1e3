/* SPDX-License-Identifier: GPL-2.0-only */
/* Birth, change and death of captures, for all who may ask for them. */
#ifndef PCAPRING_ADMIN_H
#define PCAPRING_ADMIN_H

#include <linux/types.h>

#include "config.h"
#include "filter.h"

struct net;
struct pcapring_capture;

/**
 * struct pcapring_change - what to change; NULL: leave as it is
 * @filter: its contents are taken; what it holds afterwards is the caller's to
 *	discard
 */
struct pcapring_change {
	const u32 *snaplen;
	const u32 *direction;
	const bool *promisc;
	struct pcapring_filter_new *filter;
};

/*
 * Let a capture begin that nobody knows yet: give it a number and a device
 * node, and attach it if its interface is there. @filter's contents are taken.
 */
int pcapring_admin_start(struct pcapring_capture *capture, struct pcapring_filter_new *filter,
			 struct pcapring_fault *fault);

/* All or nothing. -ENOENT: @net has no capture @id. */
int pcapring_admin_change(struct net *net, u32 id, const struct pcapring_change *change,
			  struct pcapring_fault *fault);

int pcapring_admin_delete(struct net *net, u32 id, struct pcapring_fault *fault);
/* Delete all there are, and let no new ones begin. */
void pcapring_admin_close(void);

#endif /* PCAPRING_ADMIN_H */
