// SPDX-License-Identifier: MIT
#include "control/top.h"

#include <stdio.h>
#include <time.h>

#include "common/log.h"
#include "control/netlink.h"
#include "control/screen.h"
#include "control/table.h"

#define TOP_SECOND	1000000000ULL	/* nanoseconds */
#define TOP_WIDE	(TABLE_LINE_MAX - 1)

/**
 * struct top - what is shown
 * @interval: nanoseconds from one look to the next
 * @due: when the next one is
 * @now: captures at the last look
 * @before: at the one before
 * @seen: when the last look was
 * @seconds: between the two
 */
struct top {
	struct netlink *netlink;
	uint64_t interval;
	enum table_order order;
	struct timespec due;
	struct capture_list now;
	struct capture_list before;
	struct timespec seen;
	double seconds;
};

static bool top_look(struct top *top)
{
	struct timespec seen;

	capture_list_free(&top->before);
	top->before = top->now;
	top->now = (struct capture_list){ 0 };
	if (!netlink_dump(top->netlink, &top->now))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &seen);
	top->seconds = seen.tv_sec - top->seen.tv_sec +
		       (seen.tv_nsec - top->seen.tv_nsec) / 1e9;
	top->seen = seen;
	return true;
}

/* After a pause (of the program, or of the machine) none is made up for. */
static void top_plan(struct top *top)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	top->due.tv_sec += top->interval / TOP_SECOND;
	top->due.tv_nsec += top->interval % TOP_SECOND;
	if (top->due.tv_nsec >= (long)TOP_SECOND) {
		top->due.tv_nsec -= TOP_SECOND;
		top->due.tv_sec++;
	}
	if (top->due.tv_sec < now.tv_sec ||
	    (top->due.tv_sec == now.tv_sec && top->due.tv_nsec < now.tv_nsec))
		top->due = now;
}

static bool top_table(const struct top *top, struct table *table, int width)
{
	return table_make(table, &top->now, &top->before, top->seconds, top->order, width);
}

/* Lines */

static bool top_print(const struct top *top)
{
	char line[TABLE_LINE_MAX];
	struct table table;

	if (!top_table(top, &table, TOP_WIDE)) {
		log_error("top: out of memory");
		return false;
	}
	table_titles(&table, line);
	puts(line);
	for (size_t i = 0; i < table.count; i++) {
		table_line(&table, &table.rows[i], line);
		puts(line);
	}
	puts("");
	table_free(&table);
	return !fflush(stdout);
}

static bool top_lines(struct top *top, uint32_t count)
{
	for (uint32_t i = 0; !count || i < count; i++) {
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &top->due, NULL))
			;
		if (!top_look(top)) {
			log_error("top: %s", netlink_error(top->netlink));
			return false;
		}
		if (!top_print(top))
			return false;
		top_plan(top);
	}
	return true;
}

/* A terminal */

static void top_headline(const struct top *top)
{
	char line[TABLE_LINE_MAX];

	snprintf(line, sizeof(line),
		 "%zu captures every %g s, by %s; sort by p packets, b bits, d drops; q quits",
		 top->now.count, (double)top->interval / TOP_SECOND,
		 table_order_name(top->order));
	screen_line(line, SCREEN_PLAIN);
}

static bool top_draw(const struct top *top)
{
	char line[TABLE_LINE_MAX];
	struct table table;

	if (!top_table(top, &table, screen_width()))
		return false;
	screen_clear();
	top_headline(top);
	table_titles(&table, line);
	screen_line(line, SCREEN_TITLE);
	for (size_t i = 0; i < table.count; i++) {
		table_line(&table, &table.rows[i], line);
		screen_line(line, table.rows[i].dropped ? SCREEN_ALARM : SCREEN_PLAIN);
	}
	table_free(&table);
	screen_show();
	return true;
}

/* False: it is the one that quits. */
static bool top_key(struct top *top, int key)
{
	switch (key) {
	case 'p':
		top->order = TABLE_PACKETS;
		break;
	case 'b':
		top->order = TABLE_BITS;
		break;
	case 'd':
		top->order = TABLE_DROPS;
		break;
	case 'q':
		return false;
	}
	return true;
}

enum top_end { TOP_ENDED, TOP_NO_MEMORY, TOP_NO_CAPTURES };

/* What happens until it ends; the terminal is ours, nothing is said. */
static enum top_end top_watch(struct top *top, uint32_t count)
{
	uint32_t looks = 0;
	int key;

	while (top_draw(top)) {
		switch (screen_wait(&top->due, &key)) {
		case SCREEN_DUE:
			/* the last one was seen as long as the others */
			if (count && looks++ == count)
				return TOP_ENDED;
			if (!top_look(top))
				return TOP_NO_CAPTURES;
			top_plan(top);
			break;
		case SCREEN_KEY:
			if (!top_key(top, key))
				return TOP_ENDED;
			break;
		case SCREEN_RESIZED:
			break;
		case SCREEN_ENDED:
			return TOP_ENDED;
		}
	}
	return TOP_NO_MEMORY;
}

static bool top_screen(struct top *top, uint32_t count)
{
	enum top_end end;

	if (!screen_open())
		return false;
	end = top_watch(top, count);
	screen_close();
	if (end != TOP_ENDED)
		log_error("top: %s", end == TOP_NO_MEMORY ? "out of memory" :
			  netlink_error(top->netlink));
	return end == TOP_ENDED;
}

bool top_run(struct netlink *netlink, uint64_t interval, uint32_t count)
{
	struct top top = { .netlink = netlink, .interval = interval };
	bool done;

	clock_gettime(CLOCK_MONOTONIC, &top.due);
	if (!top_look(&top)) {
		log_error("top: %s", netlink_error(netlink));
		return false;
	}
	top_plan(&top);
	done = screen_is_there() ? top_screen(&top, count) : top_lines(&top, count);
	capture_list_free(&top.before);
	capture_list_free(&top.now);
	return done;
}
