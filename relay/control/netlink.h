/* SPDX-License-Identifier: MIT */
/* All that the control program knows of libmnl: the family of linux/pcapring.h. */
#ifndef CONTROL_NETLINK_H
#define CONTROL_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "control/capture.h"

struct netlink;

/* NULL: standard error has said why, also that the module is not loaded. */
struct netlink *netlink_open(void);
void netlink_close(struct netlink *netlink);

/*
 * All below: false: it failed, and netlink_error() says why, with the kernel's
 * own words where it gave some; the text lasts until the next call.
 */
const char *netlink_error(const struct netlink *netlink);

/* Create what @request says; @id is the new capture's. */
bool netlink_add(struct netlink *netlink, const struct capture_request *request,
		 uint32_t *id);
bool netlink_set(struct netlink *netlink, const struct capture_request *request);
bool netlink_del(struct netlink *netlink, uint32_t id);

/* Replace @list by the capture @id, or by all of the network namespace. */
bool netlink_get(struct netlink *netlink, uint32_t id, struct capture_list *list);
bool netlink_dump(struct netlink *netlink, struct capture_list *list);

/* From now on, call @event for each notification; returns only on failure. */
bool netlink_monitor(struct netlink *netlink,
		     void (*event)(enum pcapring_command command,
				   const struct capture *capture, void *data),
		     void *data);

#endif
