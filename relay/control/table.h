/* SPDX-License-Identifier: MIT */
/* What top shows: a row for each capture, in an order, as lines of text. Pure. */
#ifndef CONTROL_TABLE_H
#define CONTROL_TABLE_H

#include "control/capture.h"

#define TABLE_LINE_MAX	256	/* with the NUL */

/* By what rows are sorted, the largest first. */
enum table_order { TABLE_PACKETS, TABLE_BITS, TABLE_DROPS };

const char *table_order_name(enum table_order order);

/**
 * struct table_row - a capture
 * @measured: it was there before, too: rates and losses are known
 * @packets: captured a second
 * @bits: of captured packets, a second
 * @dropped: packets, since before
 * @lost: percent of the packets that should have been captured, since before
 * @fill: percent of its fullest ring; negative: not known
 */
struct table_row {
	const struct capture *capture;
	bool measured;
	double packets;
	double bits;
	double dropped;
	double lost;
	double fill;
};

/**
 * struct table - rows, owned; their captures are not
 * @device_width: of the columns that names are in
 * @width: of the widest line that is wanted; columns that do not fit are left
 *	out, those that can be spared
 */
struct table {
	struct table_row *rows;
	size_t count;
	int device_width;
	int interface_width;
	int width;
};

/* What happened in @seconds since @before. False: no memory. */
bool table_make(struct table *table, const struct capture_list *list,
		const struct capture_list *before, double seconds,
		enum table_order order, int width);
void table_free(struct table *table);

/* A line without its end: titles of columns, and a row; each number has its unit. */
void table_titles(const struct table *table, char line[TABLE_LINE_MAX]);
void table_line(const struct table *table, const struct table_row *row,
		char line[TABLE_LINE_MAX]);

#endif
