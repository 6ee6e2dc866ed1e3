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
 * struct pcapring_caller - who asks
 * @net: in this network namespace
 * @userns: privileged only in the user namespace that owns @net
 */
struct pcapring_caller {
	struct net *net;
	bool userns;
};

/**
 * struct pcapring_change - what to change
 * @given: the attributes of those fields of @config that count, a set of bits
 * @config: what they shall be
 * @filter: its contents are taken; what it holds afterwards is the caller's to
 *	discard; NULL: leave the filter as it is
 * @frozen: NULL: leave as it is
 */
struct pcapring_change {
	u64 given;
	struct pcapring_config config;
	struct pcapring_filter_new *filter;
	const bool *frozen;
};

/* A capture as it is now; with pcapring_captures_lock held. */
void pcapring_admin_config(const struct pcapring_capture *capture, struct pcapring_config *config);

/*
 * Let a capture begin that nobody knows yet: give it a number and a device
 * node, and attach it if its interface is there. @filter's contents are taken.
 */
int pcapring_admin_start(struct pcapring_capture *capture, struct pcapring_filter_new *filter,
			 struct pcapring_fault *fault);
/* What began is to end: its creator could not be told of it. */
void pcapring_admin_undo(struct pcapring_capture *capture);

/*
 * All or nothing. -ENOENT: the caller's namespace has no capture @id. -EPERM:
 * it is not the caller's.
 */
int pcapring_admin_change(const struct pcapring_caller *caller, u32 id,
			  const struct pcapring_change *change, struct pcapring_fault *fault);

int pcapring_admin_delete(const struct pcapring_caller *caller, u32 id,
			  struct pcapring_fault *fault);
/* Delete all there are, and let no new ones begin. */
void pcapring_admin_close(void);

#endif /* PCAPRING_ADMIN_H */
