// SPDX-License-Identifier: MIT
#include "sources.h"

#include <inttypes.h>
#include <stdlib.h>

#include "clock.h"
#include "common/log.h"
#include "copy.h"
#include "exclude_list.h"
#include "options.h"
#include "spool/spool.h"

#define SOURCES_LINKTYPE_ETHERNET	1

/*
 * What is wrong with the user's part is said before anything else happens;
 * while the link type is not known, most links are Ethernet.
 */
static bool sources_open_exclude(struct exclude *exclude, const struct options *options,
			      struct reader *reader)
{
	uint32_t linktype = reader_linktype(reader);
	struct sock_filter *program;
	size_t length;

	*exclude = (struct exclude) {
		.reader = reader,
		.expression = options->exclude,
		.own = !options->include_own,
	};
	if (options->exclude_list &&
	    !exclude_list_read(options->exclude_list, &exclude->list))
		return false;
	if (linktype != PCAPRING_LINKTYPE_NONE)
		return exclude_start(exclude, linktype);
	if (!exclude_compile(exclude, SOURCES_LINKTYPE_ETHERNET, &program, &length))
		return false;
	free(program);
	return true;
}

/* A stretch is at most what a ring holds. */
static bool sources_open_spool(struct sources *sources, const struct options *options)
{
	uint64_t least = sources->rings->ring_bytes + SPOOLFILE_HEADER + SPOOLFILE_STRETCH;

	if (!options->spool)
		return true;
	if (options->spool_max < least) {
		log_error("--spool-max: %" PRIu64 " bytes are less than a ring of %s can hold: %" PRIu64 " are needed, many times that are useful",
			  options->spool_max, options->device, least);
		return false;
	}
	sources->spool = spool_open(options->spool, options->spool_max);
	return sources->spool;
}

static bool sources_open_copy(struct sources *sources, const struct options *options)
{
	if (!options->copy)
		return true;
	sources->copy = copy_open(options->copy, &sources->reader);
	return sources->copy;
}

/* The time begins when the relay does. */
static void sources_start_limit(struct sources *sources, const struct options *options)
{
	sources->limit = (struct limit) {
		.packets = options->count ? options->count : LIMIT_NONE,
		.bytes = options->bytes ? options->bytes : LIMIT_NONE,
		.until = options->duration ?
			 clock_now() + (int64_t)options->duration * CLOCK_SECOND : CLOCK_NEVER,
	};
	sources->replay.limit = &sources->limit;
	sources->rate.bytes = options->rate;
}

static bool sources_open_savefile(struct sources *sources, const struct options *options,
				  int signals)
{
	sources->source = &sources->savefile.source;
	sources->rings = &sources->replay.reader;
	if (!savefile_open(&sources->savefile, options->read, signals))
		return false;
	if (replay_open(&sources->replay, &sources->savefile))
		return true;
	savefile_close(&sources->savefile);
	return false;
}

static bool sources_open_capture(struct sources *sources, const struct options *options)
{
	sources->source = &sources->merge.source;
	sources->rings = &sources->reader;
	if (!reader_open(&sources->reader, options->device))
		return false;
	merge_open(&sources->merge, &sources->reader);
	if (sources_open_exclude(&sources->exclude, options, &sources->reader) &&
	    sources_open_spool(sources, options) && sources_open_copy(sources, options))
		return true;
	if (sources->spool)
		spool_close(sources->spool);
	reader_close(&sources->reader);
	return false;
}

bool sources_open(struct sources *sources, const struct options *options, int signals)
{
	bool ok;

	*sources = (struct sources) {};
	ok = options->read ? sources_open_savefile(sources, options, signals) :
			     sources_open_capture(sources, options);
	if (ok)
		sources_start_limit(sources, options);
	return ok;
}

/* What is left of the spool, nobody refers to any more. */
void sources_close(struct sources *sources)
{
	uint64_t bytes = sources->spool ? spool_bytes(sources->spool) : 0;

	if (bytes)
		log_info("%" PRIu64 " bytes wait in the spool", bytes);
	if (sources->spool)
		spool_close(sources->spool);
	reader_close(sources->rings);
	if (sources->copy)
		copy_close(sources->copy);
	free(sources->exclude.list);
	if (!sources->source->capture)
		savefile_close(&sources->savefile);
}

/* Of what was to be sent to its end. */
void sources_say_left(const struct sources *sources)
{
	uint64_t rings = 0;

	if (!sources->source->capture || !sources->reader.frozen)
		return;
	for (unsigned int i = 0; i < sources->reader.ring_count; i++)
		rings += sources->reader.rings[i].head - sources->reader.rings[i].tail;
	log_error("not all has arrived: %" PRIu64 " bytes are left in the rings, %" PRIu64 " in the spool",
		  rings, sources->spool ? spool_bytes(sources->spool) : 0);
}
