// SPDX-License-Identifier: MIT
#include "control/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "control/arguments.h"
#include "common/filter.h"
#include "control/json.h"
#include "control/netlink.h"
#include "control/program.h"
#include "control/restore.h"
#include "control/saved.h"
#include "control/show.h"
#include "control/snapshot.h"
#include "control/top.h"

/* add and set */

static bool command_program(struct capture_request *request)
{
	int fd = program_open(request->program);

	if (fd < 0)
		return false;
	request->filter_fd = fd;
	request->given |= CAPTURE_GIVEN(PCAPRING_A_FILTER_FD);
	return true;
}

static bool command_filter(struct capture_request *request, const char *ifname)
{
	if (request->program)
		return command_program(request);
	if (!request->expression || !request->expression[0])
		return true;
	return filter_compile(ifname, request->expression, &request->filter,
			      &request->filter_length);
}

static int command_create(struct netlink *netlink, struct capture_request *request)
{
	uint32_t id;

	if (!command_filter(request, request->ifname))
		return COMMAND_FAILURE;
	if (!netlink_add(netlink, request, &id)) {
		log_error("add %s: %s", request->ifname, netlink_error(netlink));
		return COMMAND_FAILURE;
	}
	printf("/dev/pcapring%u\n", id);
	return COMMAND_FINE;
}

/* A filter is compiled for the interface, whose name the capture knows. */
static int command_modify(struct netlink *netlink, struct capture_request *request)
{
	struct capture_list list = { 0 };
	bool done = true;

	if (request->program && !command_program(request))
		return COMMAND_FAILURE;
	if (request->expression && request->expression[0]) {
		done = netlink_get(netlink, request->id, &list);
		if (done && !command_filter(request, list.captures[0].ifname)) {
			capture_list_free(&list);
			return COMMAND_FAILURE;
		}
		capture_list_free(&list);
	}
	if (done && netlink_set(netlink, request))
		return COMMAND_FINE;
	log_error("set %u: %s", request->id, netlink_error(netlink));
	return COMMAND_FAILURE;
}

static int command_change(char **words,
		       bool (*parse)(struct capture_request *request, char **words),
		       int (*run)(struct netlink *netlink, struct capture_request *request))
{
	struct capture_request request = { 0 };
	struct netlink *netlink;
	int status = COMMAND_USAGE;

	if (!parse(&request, words))
		goto free;
	status = COMMAND_FAILURE;
	netlink = netlink_open();
	if (!netlink)
		goto free;
	status = run(netlink, &request);
	netlink_close(netlink);
free:
	capture_request_free(&request);
	return status;
}

int command_add(char **words)
{
	return command_change(words, arguments_add, command_create);
}

int command_set(char **words)
{
	return command_change(words, arguments_set, command_modify);
}

/* del, freeze and thaw */

static int command_one(const char *command, char **words,
		       bool (*run)(struct netlink *netlink, uint32_t id))
{
	struct netlink *netlink;
	bool done;
	uint32_t id;

	if (!arguments_one(&id, command, words))
		return COMMAND_USAGE;
	netlink = netlink_open();
	if (!netlink)
		return COMMAND_FAILURE;
	done = run(netlink, id);
	if (!done)
		log_error("%s %u: %s", command, id, netlink_error(netlink));
	netlink_close(netlink);
	return done ? COMMAND_FINE : COMMAND_FAILURE;
}

int command_del(char **words)
{
	return command_one("del", words, netlink_del);
}

static bool command_set_frozen(struct netlink *netlink, uint32_t id, bool frozen)
{
	struct capture_request request = {
		.given = CAPTURE_GIVEN(PCAPRING_A_ID) | CAPTURE_GIVEN(PCAPRING_A_FROZEN),
		.id = id,
		.frozen = frozen,
	};

	return netlink_set(netlink, &request);
}

static bool command_do_freeze(struct netlink *netlink, uint32_t id)
{
	return command_set_frozen(netlink, id, true);
}

static bool command_do_thaw(struct netlink *netlink, uint32_t id)
{
	return command_set_frozen(netlink, id, false);
}

int command_freeze(char **words)
{
	return command_one("freeze", words, command_do_freeze);
}

int command_thaw(char **words)
{
	return command_one("thaw", words, command_do_thaw);
}

/* snapshot */

/* Whatever becomes of the copy: a capture that was not frozen goes on. */
static bool command_copy(struct netlink *netlink, uint32_t id, bool frozen,
			 struct snapshot *snapshot)
{
	bool done;

	if (frozen)
		return snapshot_copy(snapshot);
	if (!command_do_freeze(netlink, id)) {
		log_error("snapshot %u: freeze: %s", id, netlink_error(netlink));
		return false;
	}
	done = snapshot_copy(snapshot);
	if (command_do_thaw(netlink, id))
		return done;
	log_error("snapshot %u: the capture is still frozen: pcapring thaw %u: %s", id,
		  id, netlink_error(netlink));
	return false;
}

static bool command_take(struct netlink *netlink, uint32_t id, const char *path)
{
	struct capture_list list = { 0 };
	struct snapshot snapshot;
	bool frozen, done;
	uint32_t mode;

	if (!netlink_get(netlink, id, &list)) {
		log_error("snapshot %u: %s", id, netlink_error(netlink));
		return false;
	}
	mode = list.captures[0].mode;
	frozen = list.captures[0].frozen;
	capture_list_free(&list);
	if (mode != PCAPRING_MODE_OVERWRITE) {
		log_error("snapshot %u: the capture is in mode %s, where reading takes packets out: 'cat /dev/pcapring%u >FILE' does that; 'pcapring add IFACE mode overwrite' makes one for snapshots",
			  id, capture_mode_name(mode), id);
		return false;
	}
	if (!snapshot_open(&snapshot, id, path))
		return false;
	done = command_copy(netlink, id, frozen, &snapshot);
	return snapshot_close(&snapshot, done);
}

int command_snapshot(char **words)
{
	struct netlink *netlink;
	const char *path;
	uint32_t id;
	bool done;

	if (!arguments_snapshot(&id, &path, words))
		return COMMAND_USAGE;
	netlink = netlink_open();
	if (!netlink)
		return COMMAND_FAILURE;
	done = command_take(netlink, id, path);
	netlink_close(netlink);
	return done ? COMMAND_FINE : COMMAND_FAILURE;
}

/* save and restore */

static int command_write(struct netlink *netlink, const char *path)
{
	struct capture_list list = { 0 };
	int status = COMMAND_FINE;

	if (!netlink_dump(netlink, &list)) {
		log_error("save: %s", netlink_error(netlink));
		return COMMAND_FAILURE;
	}
	for (size_t i = 0; i < list.count; i++) {
		const char *hint = json_save_hint(&list.captures[i]);

		if (!hint)
			continue;
		log_warning("save: /dev/pcapring%u is left out: %s", list.captures[i].id, hint);
		status = COMMAND_PARTLY;
	}
	if (!saved_write(&list, path))
		status = COMMAND_FAILURE;
	capture_list_free(&list);
	return status;
}

int command_save(char **words)
{
	const char *path = SAVED_FILE;
	struct netlink *netlink;
	int status;

	if (!arguments_file(&path, "save", words))
		return COMMAND_USAGE;
	netlink = netlink_open();
	if (!netlink)
		return COMMAND_FAILURE;
	status = command_write(netlink, path);
	netlink_close(netlink);
	return status;
}

/* A file that is wrong is said to be so, whether the module is there or not. */
int command_restore(char **words)
{
	struct capture_request_list wanted = { 0 };
	const char *path = SAVED_FILE;
	struct netlink *netlink = NULL;
	bool done;

	if (!arguments_file(&path, "restore", words))
		return COMMAND_USAGE;
	done = saved_read(path, &wanted);
	if (done)
		netlink = netlink_open();
	done = netlink && restore_captures(netlink, &wanted);
	if (netlink)
		netlink_close(netlink);
	capture_request_list_free(&wanted);
	return done ? COMMAND_FINE : COMMAND_FAILURE;
}

/* show and stats */

static bool command_read(struct netlink *netlink, const struct arguments_view *view,
		      struct capture_list *list)
{
	bool done;

	if (view->id == ARGUMENTS_ALL)
		done = netlink_dump(netlink, list);
	else
		done = netlink_get(netlink, view->id, list);
	if (done)
		return true;
	if (view->id == ARGUMENTS_ALL)
		log_error("captures: %s", netlink_error(netlink));
	else
		log_error("capture %u: %s", view->id, netlink_error(netlink));
	capture_list_free(list);
	return false;
}

static bool command_print(const struct capture_list *list, bool json,
		       bool (*as_json)(const struct capture_list *list),
		       void (*as_text)(const struct capture_list *list))
{
	if (json)
		return as_json(list);
	as_text(list);
	return true;
}

static int command_show_captures(struct netlink *netlink, const struct arguments_view *view)
{
	struct capture_list list = { 0 };
	bool done;

	if (!command_read(netlink, view, &list))
		return COMMAND_FAILURE;
	done = command_print(&list, view->json, json_captures, show_captures);
	capture_list_free(&list);
	return done ? COMMAND_FINE : COMMAND_FAILURE;
}

static int command_stats_once(struct netlink *netlink, const struct arguments_view *view)
{
	struct capture_list list = { 0 };
	bool done;

	if (!command_read(netlink, view, &list))
		return COMMAND_FAILURE;
	done = command_print(&list, view->json, json_stats, show_stats);
	capture_list_free(&list);
	return done ? COMMAND_FINE : COMMAND_FAILURE;
}

static double command_seconds(const struct timespec *from, const struct timespec *to)
{
	return to->tv_sec - from->tv_sec + (to->tv_nsec - from->tv_nsec) / 1e9;
}

/* Captures that are in one list only have no rate yet, or none any more. */
static bool command_rates(const struct capture_list *list, const struct capture_list *before,
		       double seconds, bool json)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct capture *capture = &list->captures[i];
		const struct capture *old = capture_list_find(before, capture->uuid);

		if (!old)
			continue;
		if (!json)
			show_rates(capture, old, seconds);
		else if (!json_rates(capture, old, seconds))
			return false;
	}
	return !fflush(stdout);
}

static int command_stats_interval(struct netlink *netlink,
			       const struct arguments_view *view)
{
	struct capture_list list = { 0 }, before = { 0 };
	struct timespec due, now, then;
	bool done = command_read(netlink, view, &before);

	clock_gettime(CLOCK_MONOTONIC, &then);
	due = then;
	while (done) {
		due.tv_sec += view->interval;
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL))
			;
		if (!command_read(netlink, view, &list))
			break;
		clock_gettime(CLOCK_MONOTONIC, &now);
		done = command_rates(&list, &before, command_seconds(&then, &now), view->json);
		capture_list_free(&before);
		before = list;
		list = (struct capture_list){ 0 };
		then = now;
	}
	capture_list_free(&before);
	return COMMAND_FAILURE;
}

static int command_show_stats(struct netlink *netlink, const struct arguments_view *view)
{
	if (view->interval)
		return command_stats_interval(netlink, view);
	return command_stats_once(netlink, view);
}

/* monitor */

static const char *command_event_name(enum pcapring_command command)
{
	switch (command) {
	case PCAPRING_CMD_CREATED_NTF:
		return "created";
	case PCAPRING_CMD_DELETED_NTF:
		return "deleted";
	case PCAPRING_CMD_CHANGED_NTF:
		return "changed";
	case PCAPRING_CMD_ATTACHED_NTF:
		return "attached";
	case PCAPRING_CMD_DETACHED_NTF:
		return "detached";
	case PCAPRING_CMD_STOPPED_NTF:
		return "stopped";
	default:
		return "unknown";
	}
}

static void command_event(enum pcapring_command command, const struct capture *capture,
		       void *data)
{
	const struct arguments_view *view = data;

	if (view->json)
		json_event(command_event_name(command), capture);
	else
		show_event(command_event_name(command), capture);
	if (fflush(stdout) || ferror(stdout))
		exit(COMMAND_FAILURE);
}

static int command_show_events(struct netlink *netlink, const struct arguments_view *view)
{
	struct arguments_view copy = *view;

	netlink_monitor(netlink, command_event, &copy);
	log_error("monitor: %s", netlink_error(netlink));
	return COMMAND_FAILURE;
}

static int command_view(const char *command, char **words,
		     int (*run)(struct netlink *netlink, const struct arguments_view *view))
{
	struct arguments_view view = { 0 };
	struct netlink *netlink;
	int status;

	if (!arguments_view(&view, command, words))
		return COMMAND_USAGE;
	netlink = netlink_open();
	if (!netlink)
		return COMMAND_FAILURE;
	status = run(netlink, &view);
	netlink_close(netlink);
	return status;
}

int command_show(char **words)
{
	return command_view("show", words, command_show_captures);
}

int command_stats(char **words)
{
	return command_view("stats", words, command_show_stats);
}

int command_monitor(char **words)
{
	return command_view("monitor", words, command_show_events);
}

int command_top(char **words)
{
	struct arguments_top arguments;
	struct netlink *netlink;
	bool done;

	if (!arguments_top(&arguments, words))
		return COMMAND_USAGE;
	netlink = netlink_open();
	if (!netlink)
		return COMMAND_FAILURE;
	done = top_run(netlink, arguments.interval, arguments.count);
	netlink_close(netlink);
	return done ? COMMAND_FINE : COMMAND_FAILURE;
}
