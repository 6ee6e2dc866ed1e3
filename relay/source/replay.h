/* SPDX-License-Identifier: MIT */
/*
 * A savefile as a ring: records in memory, topped up from the file as what was
 * sent is acknowledged.
 */
#ifndef RELAY_REPLAY_H
#define RELAY_REPLAY_H

#include "reader.h"
#include "records/records.h"

struct limit;
struct savefile;

/**
 * struct replay - a savefile and its ring
 * @feed: what the records' engine sees of it
 * @limit: of packets of the file; NULL, as it is opened: none
 * @reader: the ring
 * @packet: of the file, for which there was no room; where @waits
 */
struct replay {
	struct records_feed feed;
	struct savefile *savefile;
	struct limit *limit;
	struct reader reader;
	struct packet packet;
	bool waits;
};

/* @savefile outlives it. False: the error was logged. */
bool replay_open(struct replay *replay, struct savefile *savefile);
void replay_close(struct replay *replay);

#endif
