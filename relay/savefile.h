/* SPDX-License-Identifier: MIT */
/*
 * A savefile as a source. The only file that knows libpcap, and so reads what
 * libpcap reads: any byte order, micro- and nanoseconds, pcapng.
 */
#ifndef RELAY_SAVEFILE_H
#define RELAY_SAVEFILE_H

#include <stdio.h>

#include "source.h"

/**
 * struct savefile - an open savefile as a source
 * @source: what the relay sees of it
 * @name: as given
 * @file: underneath @pcap, which owns it
 * @pcap: libpcap's handle
 * @records: read so far
 * @linktype: LINKTYPE_* (not DLT_*) as in the file's header
 * @stopped: nothing more is read
 */
struct savefile {
	struct source source;
	const char *name;
	FILE *file;
	struct pcap *pcap;
	uint64_t records;
	uint32_t linktype;
	bool stopped;
};

/*
 * Open @name, "-" for standard input; waits for the file's header. False: the
 * error was logged.
 */
bool savefile_open(struct savefile *savefile, const char *name);
void savefile_close(struct savefile *savefile);

#endif
