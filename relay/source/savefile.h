/* SPDX-License-Identifier: MIT */
/*
 * A savefile as a source. The only file that knows libpcap, and so reads what
 * libpcap reads: any byte order, micro- and nanoseconds, pcapng.
 */
#ifndef RELAY_SAVEFILE_H
#define RELAY_SAVEFILE_H

#include "source.h"

/**
 * struct savefile - an open savefile as a source
 * @source: what the relay sees of it
 * @name: as given
 * @pcap: libpcap's handle
 * @records: read so far
 * @linktype: LINKTYPE_* (not DLT_*) as in the file's header
 * @magic: the file's first bytes, @magic_bytes of them
 * @signals: readable when nothing more shall be read
 * @stopped: nothing more is
 */
struct savefile {
	struct source source;
	const char *name;
	struct pcap *pcap;
	uint64_t records;
	uint32_t linktype;
	uint8_t magic[4];
	unsigned int magic_bytes;
	int signals;
	bool stopped;
};

/*
 * Open @name, "-" for standard input. Waits for the file's header, but only
 * until @signals, which outlives the savefile, is readable. False: the error
 * was logged.
 */
bool savefile_open(struct savefile *savefile, const char *name, int signals);

/* The file's stamps have microseconds at best. */
bool savefile_is_micro(const struct savefile *savefile);

void savefile_close(struct savefile *savefile);

#endif
