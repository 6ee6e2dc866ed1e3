/* SPDX-License-Identifier: MIT */
#ifndef COLLECTOR_REPORT_H
#define COLLECTOR_REPORT_H

#include <stdbool.h>

/*
 * Print the account that the journal beside @write keeps, as JSON, to standard
 * output. A collector may be at work there. False: what is wrong was logged.
 */
bool report_print(const char *write);

#endif
