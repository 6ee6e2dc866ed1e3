// SPDX-License-Identifier: MIT
#include "savefile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/*
 * A regular file always has more, or its end. Of a pipe nobody knows: it may
 * have the beginning of a packet and then nothing for long.
 */
static bool savefile_more(struct source *source)
{
	return source->fd < 0;
}

static bool savefile_readable(const struct source *source)
{
	struct pollfd file = { .fd = source->fd, .events = POLLIN };

	return source->fd < 0 || poll(&file, 1, 0) > 0;
}

/* libpcap translates stamps, and does not tell what they were. */
static ssize_t savefile_look(struct savefile *savefile, const char *buffer,
			     ssize_t length)
{
	for (ssize_t i = 0; i < length &&
			savefile->magic_bytes < sizeof(savefile->magic); i++)
		savefile->magic[savefile->magic_bytes++] = buffer[i];
	return length;
}

/* Wait in the middle of a packet, too, but not longer than until a signal. */
static ssize_t savefile_read(void *cookie, char *buffer, size_t size)
{
	struct savefile *savefile = cookie;
	struct pollfd files[] = {
		{ .fd = savefile->source.fd, .events = POLLIN },
		{ .fd = savefile->signals, .events = POLLIN },
	};

	if (poll(files, 2, -1) < 0)
		return -1;
	if (!files[1].revents)
		return savefile_look(savefile, buffer,
				     read(savefile->source.fd, buffer, size));
	savefile->stopped = true;
	errno = EINTR;
	return -1;
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
	if (!savefile_readable(source))
		return SOURCE_EMPTY;
	result = pcap_next_ex(savefile->pcap, &header, &packet->data);
	if (result == PCAP_ERROR_BREAK || savefile->stopped)
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
	return !savefile_readable(source);
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
	const cookie_io_functions_t io = { .read = savefile_read };
	bool standard = !strcmp(savefile->name, "-");
	int fd = standard ? STDIN_FILENO : open(savefile->name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	FILE *file;

	if (fd < 0 || fstat(fd, &st)) {
		log_error("--read %s: %s", savefile->name, strerror(errno));
		return NULL;
	}
	if (S_ISREG(st.st_mode)) {
		ssize_t length = pread(fd, savefile->magic, sizeof(savefile->magic),
				       lseek(fd, 0, SEEK_CUR));

		savefile->magic_bytes = length > 0 ? length : 0;
		return fdopen(fd, "r");
	}
	savefile->source.fd = fd;
	file = fopencookie(savefile, "r", io);
	/* What lay in a buffer would not make the file readable. */
	if (file)
		setvbuf(file, NULL, _IONBF, 0);
	return file;
}

bool savefile_open(struct savefile *savefile, const char *name, int signals)
{
	char error[PCAP_ERRBUF_SIZE];
	FILE *file;

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
		.signals = signals,
	};
	file = savefile_open_file(savefile);
	if (!file)
		return false;
	savefile->pcap = pcap_fopen_offline_with_tstamp_precision(file,
			PCAP_TSTAMP_PRECISION_NANO, error);
	if (!savefile->pcap) {
		log_error("--read %s: %s", name, error);
		fclose(file);
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

bool savefile_is_micro(const struct savefile *savefile)
{
	static const uint8_t nano[][4] = {
		{ 0xa1, 0xb2, 0x3c, 0x4d }, { 0x4d, 0x3c, 0xb2, 0xa1 },
		/* pcapng: each interface as it likes */
		{ 0x0a, 0x0d, 0x0d, 0x0a },
	};

	for (unsigned int i = 0; i < sizeof(nano) / sizeof(nano[0]); i++)
		if (!memcmp(savefile->magic, nano[i], sizeof(nano[i])))
			return false;
	return true;
}

void savefile_close(struct savefile *savefile)
{
	pcap_close(savefile->pcap);	/* closes the file, too */
}
