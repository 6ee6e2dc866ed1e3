// SPDX-License-Identifier: MIT
#include "control/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_CELL_MAX	40

const char *table_order_name(enum table_order order)
{
	static const char *const names[] = {
		[TABLE_PACKETS] = "packets",
		[TABLE_BITS] = "bits",
		[TABLE_DROPS] = "drops",
	};

	return names[order];
}

/* Rows */

static double table_delta(const struct capture *capture, const struct capture *before,
			  enum pcapring_stat stat)
{
	return capture->stats[stat] - before->stats[stat];
}

static double table_fill(const struct capture *capture)
{
	double fullest = 0;
	uint64_t bytes;

	for (uint32_t i = 0; i < capture->ring_count; i++) {
		if (!capture_ring_fill(capture, &capture->rings[i], &bytes))
			return -1;
		if (bytes > fullest)
			fullest = bytes;
	}
	return 100 * fullest / capture->ring_bytes;
}

static void table_measure(struct table_row *row, const struct capture *before,
			  double seconds)
{
	double captured = table_delta(row->capture, before, PCAPRING_STAT_CAPTURED);

	row->measured = true;
	row->packets = captured / seconds;
	row->bits = 8 * table_delta(row->capture, before, PCAPRING_STAT_BYTES) / seconds;
	row->dropped = table_delta(row->capture, before, PCAPRING_STAT_DROPPED);
	if (row->dropped)
		row->lost = 100 * row->dropped / (row->dropped + captured);
}

static double table_key(const struct table_row *row, enum table_order order)
{
	switch (order) {
	case TABLE_BITS:
		return row->bits;
	case TABLE_DROPS:
		return row->dropped;
	default:
		return row->packets;
	}
}

static int table_compare(const void *one, const void *two, void *data)
{
	const struct table_row *a = one, *b = two;
	enum table_order order = *(enum table_order *)data;
	double first = table_key(a, order), second = table_key(b, order);

	if (first != second)
		return first < second ? 1 : -1;
	return a->capture->id < b->capture->id ? -1 : a->capture->id > b->capture->id;
}

/* Columns: what is in a cell */

static void table_device(const struct table_row *row, char *cell)
{
	snprintf(cell, TABLE_CELL_MAX, "pcapring%" PRIu32, row->capture->id);
}

static void table_interface(const struct table_row *row, char *cell)
{
	capture_printable(row->capture->ifname, cell, TABLE_CELL_MAX);
}

/* Four digits, of counts below 1000 all that there are. */
static void table_number(char *cell, double value, const char *unit)
{
	static const char prefixes[] = " kMGTPE";
	const char *prefix = prefixes;
	int digits;

	while (value >= 999.95 && prefix[1]) {
		value /= 1000;
		prefix++;
	}
	if (prefix == prefixes && value == (uint64_t)value)
		digits = 0;
	else
		digits = value < 9.9995 ? 3 : value < 99.995 ? 2 : 1;
	snprintf(cell, TABLE_CELL_MAX, "%.*f %.*s%s", digits, value,
		 prefix != prefixes, prefix, unit);
}

static void table_rate(const struct table_row *row, char *cell, double value,
		       const char *unit)
{
	if (row->measured)
		table_number(cell, value, unit);
	else
		strcpy(cell, "-");
}

static void table_packets(const struct table_row *row, char *cell)
{
	table_rate(row, cell, row->packets, "pkt/s");
}

static void table_bits(const struct table_row *row, char *cell)
{
	table_rate(row, cell, row->bits, "bit/s");
}

static void table_captured(const struct table_row *row, char *cell)
{
	table_number(cell, row->capture->stats[PCAPRING_STAT_CAPTURED], "pkt");
}

static void table_filtered(const struct table_row *row, char *cell)
{
	table_number(cell, row->capture->stats[PCAPRING_STAT_FILTERED], "pkt");
}

static void table_dropped(const struct table_row *row, char *cell)
{
	table_number(cell, row->capture->stats[PCAPRING_STAT_DROPPED], "pkt");
}

static void table_lost(const struct table_row *row, char *cell)
{
	if (row->measured)
		snprintf(cell, TABLE_CELL_MAX, "%.1f %%", row->lost);
	else
		strcpy(cell, "-");
}

static void table_filled(const struct table_row *row, char *cell)
{
	if (row->fill >= 0)
		snprintf(cell, TABLE_CELL_MAX, "%.1f %%", row->fill);
	else
		strcpy(cell, "?");
}

static void table_reader(const struct table_row *row, char *cell)
{
	strcpy(cell, row->capture->reader ? "yes" : "no");
}

static void table_state(const struct table_row *row, char *cell)
{
	if (row->capture->frozen)
		strcpy(cell, "frozen");
	else
		strcpy(cell, capture_is_attached(row->capture) ? "capturing" : "waiting");
}

/*
 * @width: 0: that of the table's names, on the left; numbers are on the right
 * @spare: left out where there is little room, the highest first
 */
static const struct table_column {
	const char *title;
	int width;
	int spare;
	void (*print)(const struct table_row *row, char *cell);
} table_columns[] = {
	{ "DEVICE", 0, 0, table_device },
	{ "INTERFACE", 0, 0, table_interface },
	{ "PACKETS", 12, 0, table_packets },
	{ "BITS", 12, 0, table_bits },
	{ "CAPTURED", 10, 1, table_captured },
	{ "FILTERED", 10, 2, table_filtered },
	{ "DROPPED", 10, 0, table_dropped },
	{ "LOST", 7, 0, table_lost },
	{ "FILL", 7, 0, table_filled },
	{ "READER", 6, 0, table_reader },
	{ "STATE", 9, 3, table_state },
};

#define TABLE_COLUMNS	(sizeof(table_columns) / sizeof(*table_columns))
#define TABLE_SPARE	3

static int table_column_width(const struct table *table, const struct table_column *column)
{
	if (column->width)
		return column->width;
	return column->print == table_device ? table->device_width : table->interface_width;
}

/* Of all columns that are not more to be spared than @spare. */
static int table_width(const struct table *table, int spare)
{
	int width = -1;

	for (size_t i = 0; i < TABLE_COLUMNS; i++) {
		if (table_columns[i].spare <= spare)
			width += table_column_width(table, &table_columns[i]) + 1;
	}
	return width;
}

/* @row: NULL: the titles */
static void table_print(const struct table *table, const struct table_row *row, char *line)
{
	int spare = TABLE_SPARE, at = 0;

	while (spare && table_width(table, spare) > table->width)
		spare--;
	for (size_t i = 0; i < TABLE_COLUMNS; i++) {
		const struct table_column *column = &table_columns[i];
		int width = table_column_width(table, column);
		char cell[TABLE_CELL_MAX];

		if (column->spare > spare)
			continue;
		if (row)
			column->print(row, cell);
		else
			strcpy(cell, column->title);
		at += snprintf(line + at, TABLE_LINE_MAX - at, "%s%*s", at ? " " : "",
			       column->width ? width : -width, cell);
	}
}

void table_titles(const struct table *table, char line[TABLE_LINE_MAX])
{
	table_print(table, NULL, line);
}

void table_line(const struct table *table, const struct table_row *row,
		char line[TABLE_LINE_MAX])
{
	table_print(table, row, line);
}

/* The table */

static void table_widen(int *width, const struct table_row *row,
			void (*print)(const struct table_row *row, char *cell))
{
	char cell[TABLE_CELL_MAX];

	print(row, cell);
	if ((int)strlen(cell) > *width)
		*width = strlen(cell);
}

static void table_fit(struct table *table)
{
	table->device_width = strlen("DEVICE");
	table->interface_width = strlen("INTERFACE");
	for (size_t i = 0; i < table->count; i++) {
		table_widen(&table->device_width, &table->rows[i], table_device);
		table_widen(&table->interface_width, &table->rows[i], table_interface);
	}
}

bool table_make(struct table *table, const struct capture_list *list,
		const struct capture_list *before, double seconds,
		enum table_order order, int width)
{
	*table = (struct table){ .count = list->count, .width = width };
	table->rows = calloc(list->count + 1, sizeof(*table->rows));
	if (!table->rows)
		return false;
	for (size_t i = 0; i < list->count; i++) {
		struct table_row *row = &table->rows[i];
		const struct capture *old;

		row->capture = &list->captures[i];
		row->fill = table_fill(row->capture);
		old = capture_list_find(before, row->capture->uuid);
		if (old)
			table_measure(row, old, seconds);
	}
	qsort_r(table->rows, table->count, sizeof(*table->rows), table_compare, &order);
	table_fit(table);
	return true;
}

void table_free(struct table *table)
{
	free(table->rows);
	table->rows = NULL;
}
