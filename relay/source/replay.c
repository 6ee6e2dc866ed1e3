// SPDX-License-Identifier: MIT
#include "replay.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "common/log.h"
#include "limit.h"
#include "savefile.h"

#define REPLAY_RING_BYTES	(4 << 20)
#define REPLAY_NANOSECONDS	0	/* Resolution in records.proto */
#define REPLAY_MICROSECONDS	1

static struct replay *replay_of(struct records_feed *feed)
{
	return (struct replay *)feed;
}

/* The next packet of the file, as a record of a ring. */
static enum source_result replay_next(struct replay *replay)
{
	struct source *source = &replay->savefile->source;
	struct pcapring_record *header = &replay->packet.header;
	enum source_result result;

	if (replay->limit && limit_is_over(replay->limit))
		return SOURCE_END;
	result = source->next(source, &replay->packet);
	if (result != SOURCE_PACKET)
		return result;
	if (header->caplen > PCAPRING_SNAPLEN_MAX) {
		log_error("--read %s: a packet of %u bytes: collectors take %d at most",
			  replay->savefile->name, header->caplen, PCAPRING_SNAPLEN_MAX);
		return SOURCE_ERROR;
	}
	if (replay->feed.resolution == REPLAY_MICROSECONDS)
		header->ts_nsec /= 1000;
	if (replay->limit)
		limit_take(replay->limit, header->caplen);
	return result;
}

static enum source_result replay_fill(struct records_feed *feed)
{
	struct replay *replay = replay_of(feed);

	for (;;) {
		if (!replay->waits) {
			enum source_result result = replay_next(replay);

			if (result != SOURCE_PACKET)
				return result;
		}
		replay->waits = !reader_append(&replay->reader, &replay->packet.header,
					       replay->packet.data);
		if (replay->waits)
			return SOURCE_PACKET;
	}
}

static bool replay_sleep(struct records_feed *feed)
{
	struct source *source = &replay_of(feed)->savefile->source;

	return source->sleep(source);
}

static void replay_stop(struct records_feed *feed)
{
	struct source *source = &replay_of(feed)->savefile->source;

	source->stop(source);
}

bool replay_open(struct replay *replay, struct savefile *savefile)
{
	struct pcapring_info info = { .ring_bytes = REPLAY_RING_BYTES };
	struct metadata metadata;

	*replay = (struct replay) {
		.feed = {
			.fill = replay_fill,
			.sleep = replay_sleep,
			.stop = replay_stop,
			.resolution = savefile_is_micro(savefile) ?
				      REPLAY_MICROSECONDS : REPLAY_NANOSECONDS,
		},
		.savefile = savefile,
	};
	savefile->source.describe(&savefile->source, &metadata);
	info.linktype = metadata.linktype;
	info.snaplen = metadata.snaplen < PCAPRING_SNAPLEN_MAX ? metadata.snaplen :
								 PCAPRING_SNAPLEN_MAX;
	if (getrandom(info.uuid, sizeof(info.uuid), 0) == sizeof(info.uuid))
		return reader_open_memory(&replay->reader, info);
	log_error("cannot name what is replayed: %s", strerror(errno));
	return false;
}

void replay_close(struct replay *replay)
{
	reader_close(&replay->reader);
}
