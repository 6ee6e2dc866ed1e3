// SPDX-License-Identifier: MIT
#include "savefile.h"

#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"

/* Receivers refuse messages above 4 MiB; leave room for the other fields. */
#define SAVEFILE_CAPLEN_MAX	((4 << 20) - 64)

static struct savefile *savefile_of(struct source *source)
{
	return (struct savefile *)source;
}

static bool savefile_describe(struct source *source, struct metadata *metadata)
{
	const struct savefile *savefile = savefile_of(source);
	const char *slash = strrchr(savefile->name, '/');

	metadata->linktype = savefile->linktype;
	metadata->snaplen = pcap_snapshot(savefile->pcap);
	snprintf(metadata->interface, sizeof(metadata->interface), "%s",
		 slash ? slash + 1 : savefile->name);
	return true;
}

/* A regular file always has more, or its end. */
static bool savefile_more(struct source *source)
{
	struct pollfd file = { .fd = source->fd, .events = POLLIN };

	return source->fd < 0 || poll(&file, 1, 0) > 0;
}

static enum source_result savefile_fail(struct savefile *savefile, const char *why)
{
	log_error("--read %s: after %" PRIu64 " packets: %s", savefile->name,
		  savefile->records, why);
	return SOURCE_ERROR;
}

static enum source_result savefile_next(struct source *source, struct packet *packet)
{
	struct savefile *savefile = savefile_of(source);
	struct pcap_pkthdr *header;
	int result;

	if (savefile->stopped)
		return SOURCE_END;
	if (!savefile_more(source))
		return SOURCE_EMPTY;
	result = pcap_next_ex(savefile->pcap, &header, &packet->data);
	if (result == PCAP_ERROR_BREAK)
		return SOURCE_END;
	if (result != 1)
		return savefile_fail(savefile, pcap_geterr(savefile->pcap));
	if (header->caplen > SAVEFILE_CAPLEN_MAX)
		return savefile_fail(savefile, "a packet of more than 4 MiB, which receivers refuse");
	savefile->records++;
	/* tv_usec holds nanoseconds; a broken file may have too many of them. */
	packet->header.ts_sec = header->ts.tv_sec + header->ts.tv_usec / 1000000000;
	packet->header.ts_nsec = header->ts.tv_usec % 1000000000;
	packet->header.caplen = header->caplen;
	packet->header.len = header->len;
	packet->ring = SOURCE_NO_RING;
	packet->position = 0;
	return SOURCE_PACKET;
}

static bool savefile_sleep(struct source *source)
{
	return !savefile_more(source);
}

static void savefile_stop(struct source *source)
{
	savefile_of(source)->stopped = true;
}

/*
 * libpcap translates the header's LINKTYPE_* into a DLT_* of this system, and
 * keeps the way back to itself: only what it writes says it.
 */
static bool savefile_find_linktype(struct savefile *savefile)
{
	struct pcapring_file_header header;
	char *memory = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&memory, &size);
	pcap_dumper_t *dumper = file ? pcap_dump_fopen(savefile->pcap, file) : NULL;

	if (dumper)
		pcap_dump_close(dumper);	/* closes file, too */
	else if (file)
		fclose(file);
	if (size >= sizeof(header)) {
		memcpy(&header, memory, sizeof(header));
		savefile->linktype = header.linktype & 0xffff;
	}
	free(memory);
	return dumper && size >= sizeof(header);
}

static FILE *savefile_open_file(struct savefile *savefile)
{
	FILE *file = strcmp(savefile->name, "-") ? fopen(savefile->name, "re") : stdin;
	struct stat st;

	if (!file || fstat(fileno(file), &st)) {
		log_error("--read %s: %s", savefile->name, strerror(errno));
		return NULL;
	}
	if (S_ISREG(st.st_mode))
		return file;
	/* What lies in a buffer of ours would not make the file readable. */
	setvbuf(file, NULL, _IONBF, 0);
	savefile->source.fd = fileno(file);
	return file;
}

bool savefile_open(struct savefile *savefile, const char *name)
{
	char error[PCAP_ERRBUF_SIZE];

	*savefile = (struct savefile) {
		.source = {
			.fd = -1,
			.describe = savefile_describe,
			.next = savefile_next,
			.more = savefile_more,
			.sleep = savefile_sleep,
			.stop = savefile_stop,
		},
		.name = name,
	};
	savefile->file = savefile_open_file(savefile);
	if (!savefile->file)
		return false;
	savefile->pcap = pcap_fopen_offline_with_tstamp_precision(savefile->file,
			PCAP_TSTAMP_PRECISION_NANO, error);
	if (!savefile->pcap) {
		log_error("--read %s: %s", name, error);
		fclose(savefile->file);
		return false;
	}
	if (savefile_find_linktype(savefile))
		return true;
	log_error("--read %s: link type %s: %s", name,
		  pcap_datalink_val_to_name(pcap_datalink(savefile->pcap)),
		  pcap_geterr(savefile->pcap));
	savefile_close(savefile);
	return false;
}

void savefile_close(struct savefile *savefile)
{
	pcap_close(savefile->pcap);	/* closes the file, too */
}
