// SPDX-License-Identifier: MIT
#include "control/restore.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "control/netlink.h"

enum restore_fate { RESTORE_MISSING, RESTORE_THERE, RESTORE_MADE };

/**
 * struct restore - one that is under way
 * @wanted: what shall be there
 * @fates: of each of @wanted
 * @ids: of the captures that are these
 * @there: what was there before
 * @taken: which of @there stand for one that is wanted
 */
struct restore {
	struct netlink *netlink;
	const struct capture_request_list *wanted;
	enum restore_fate *fates;
	uint32_t *ids;
	struct capture_list there;
	bool *taken;
};

static void restore_find(struct restore *restore, size_t index)
{
	for (size_t i = 0; i < restore->there.count; i++) {
		const struct capture *capture = &restore->there.captures[i];

		if (restore->taken[i] ||
		    !capture_is_like(capture, &restore->wanted->requests[index]))
			continue;
		restore->taken[i] = true;
		restore->ids[index] = capture->id;
		restore->fates[index] = RESTORE_THERE;
		return;
	}
}

static bool restore_make(struct restore *restore, size_t index)
{
	if (restore->fates[index] == RESTORE_THERE)
		return true;
	if (!netlink_add(restore->netlink, &restore->wanted->requests[index],
			 &restore->ids[index])) {
		log_error("restore: captures[%zu]: %s: nothing is restored", index,
			  netlink_error(restore->netlink));
		return false;
	}
	restore->fates[index] = RESTORE_MADE;
	return true;
}

static void restore_undo(struct restore *restore)
{
	for (size_t i = 0; i < restore->wanted->count; i++) {
		if (restore->fates[i] == RESTORE_MADE &&
		    !netlink_del(restore->netlink, restore->ids[i]))
			log_error("restore: /dev/pcapring%u is left behind: %s",
				  restore->ids[i], netlink_error(restore->netlink));
	}
}

/* Of "any", too: it needs no waiting for. */
static bool restore_waits(struct restore *restore, size_t index)
{
	struct capture_list list = { 0 };
	bool waits = netlink_get(restore->netlink, restore->ids[index], &list) &&
		     !capture_is_attached(&list.captures[0]);

	capture_list_free(&list);
	return waits;
}

static void restore_say(struct restore *restore)
{
	for (size_t i = 0; i < restore->wanted->count; i++) {
		char name[IF_NAMESIZE];

		capture_printable(restore->wanted->requests[i].ifname, name, sizeof(name));
		printf("/dev/pcapring%u %s: %s%s\n", restore->ids[i], name,
		       restore->fates[i] == RESTORE_MADE ? "made" : "was there",
		       restore_waits(restore, i) ? ", waits for its interface" : "");
	}
}

/* What is there is known before anything is made. */
static bool restore_all(struct restore *restore)
{
	for (size_t i = 0; i < restore->wanted->count; i++)
		restore_find(restore, i);
	for (size_t i = 0; i < restore->wanted->count; i++) {
		if (!restore_make(restore, i)) {
			restore_undo(restore);
			return false;
		}
	}
	restore_say(restore);
	return true;
}

bool restore_captures(struct netlink *netlink, const struct capture_request_list *wanted)
{
	struct restore restore = { .netlink = netlink, .wanted = wanted };
	bool done = false;

	if (!netlink_dump(netlink, &restore.there)) {
		log_error("restore: %s", netlink_error(netlink));
		return false;
	}
	restore.fates = calloc(wanted->count + 1, sizeof(*restore.fates));
	restore.ids = calloc(wanted->count + 1, sizeof(*restore.ids));
	restore.taken = calloc(restore.there.count + 1, sizeof(*restore.taken));
	if (restore.fates && restore.ids && restore.taken)
		done = restore_all(&restore);
	else
		log_error("restore: out of memory");
	free(restore.taken);
	free(restore.ids);
	free(restore.fates);
	capture_list_free(&restore.there);
	return done;
}
