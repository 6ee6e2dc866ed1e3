/* SPDX-License-Identifier: MIT */
/* A folder for a journal, x.pcap.journal, and the file beside it, x.pcap. */
#ifndef UNIT_COLLECTOR_FOLDER_H
#define UNIT_COLLECTOR_FOLDER_H

/* The file's path, and the journal's. */
extern char folder_file[], folder_journal[];

/* Set-up and tear-down of a group of tests. */
int folder_make(void **state);
int folder_remove(void **state);

/* Set-up of each test: neither of the two is there. */
int folder_empty(void **state);

#endif
