/* SPDX-License-Identifier: MIT */
/* What the options name to be streamed, and what goes with it. */
#ifndef RELAY_SOURCES_H
#define RELAY_SOURCES_H

#include <stdbool.h>

#include "exclude.h"
#include "limit.h"
#include "merge.h"
#include "rate.h"
#include "reader.h"
#include "replay.h"
#include "savefile.h"

struct copy;
struct options;
struct spool;

/**
 * struct sources - what is streamed
 * @source: packet by packet: &@merge.source or &@savefile.source
 * @rings: byte for byte: &@reader, or &@replay.reader
 * @spool: what waits on the disk; NULL: there is none
 * @copy: what is streamed, in a savefile; NULL: none
 * @limit: when it is enough
 * @rate: how fast it goes out
 */
struct sources {
	struct reader reader;
	struct merge merge;
	struct savefile savefile;
	struct replay replay;
	struct exclude exclude;
	struct source *source;
	struct reader *rings;
	struct spool *spool;
	struct copy *copy;
	struct limit limit;
	struct rate rate;
};

/*
 * Open what @options say. @signals: ends a wait for a savefile's beginning. The time
 * that is given begins now. False: the error was logged.
 */
bool sources_open(struct sources *sources, const struct options *options, int signals);

/* Nobody refers to any of it, nor to what is left of the spool. */
void sources_close(struct sources *sources);

/* Say what is left of a capture of which all was to arrive. */
void sources_say_left(const struct sources *sources);

#endif
