// SPDX-License-Identifier: MIT
/*
 * The collector's savefile: what a ring's bytes become is what libpcap reads,
 * and only a file that was left so is taken up again.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include <linux/pcapring.h>

#include "collector/files/ringfile.h"
#include "collector/records/walk.h"

static struct ringfile_format format_of(struct fuzz_input *in)
{
	uint8_t flags = fuzz_number(in, 1);

	return (struct ringfile_format) {
		.microseconds = flags & 1,
		.big_endian = flags & 2,
		.linktype = fuzz_number(in, 2),
		.snaplen = 1 + fuzz_number(in, 3) % PCAPRING_SNAPLEN_MAX,
	};
}

static uint32_t native(uint32_t number, const struct ringfile_format *format)
{
	return ringfile_swapped(format) ? __builtin_bswap32(number) : number;
}

/* The header of the record at @record is what libpcap makes of it. */
static void compare(const struct pcap_pkthdr *got, const uint8_t *record,
		    const struct ringfile_format *format)
{
	struct pcapring_record want;
	uint32_t caplen;

	memcpy(&want, record, sizeof(want));
	caplen = native(want.caplen, format);
	if (caplen > format->snaplen)
		caplen = format->snaplen;
	FUZZ_TRUE(got->caplen == caplen);
	FUZZ_TRUE(got->len == native(want.len, format));
	FUZZ_TRUE((uint32_t)got->ts.tv_sec == native(want.ts_sec, format));
}

/* @bytes hold @packets whole records. */
static void read_back(const char *path, const struct ringfile_format *format,
		      const uint8_t *bytes, uint64_t packets)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path,
				PCAP_TSTAMP_PRECISION_NANO, error);
	bool swapped = ringfile_swapped(format);
	struct pcap_pkthdr *header;
	const u_char *data;

	FUZZ_TRUE(pcap);
	FUZZ_TRUE(pcap_is_swapped(pcap) == swapped);
	FUZZ_TRUE(pcap_snapshot(pcap) == (int)format->snaplen);
	FUZZ_TRUE((pcap_datalink(pcap) == DLT_EN10MB) == (format->linktype == 1));
	while (packets--) {
		FUZZ_TRUE(pcap_next_ex(pcap, &header, &data) == 1);
		compare(header, bytes, format);
		bytes += WALK_HEADER + walk_caplen(bytes, swapped);
	}
	FUZZ_TRUE(pcap_next_ex(pcap, &header, &data) == PCAP_ERROR_BREAK);
	pcap_close(pcap);
}

/* A new file, to which bytes are appended as they come. */
static void write_bytes(struct fuzz_input *in)
{
	struct ringfile_format format = format_of(in);
	struct fuzz_pieces pieces;
	struct fuzz_cuts cuts;
	struct ringfile file;
	struct walk walk;
	char path[32];
	int fd = fuzz_file(NULL, 0, path);

	fuzz_cuts(in, &cuts);
	walk_begin(&walk, 0, ringfile_swapped(&format));
	FUZZ_TRUE(ringfile_create(&file, path, "owner"));
	FUZZ_TRUE(ringfile_start(&file, &format));
	FUZZ_TRUE(file.end == RINGFILE_HEADER);
	fuzz_cut(&pieces, &cuts, in->p, in->left);
	walk_pieces(&walk, &(struct pieces) { pieces.list, pieces.count });
	FUZZ_TRUE(ringfile_append(&file, &(struct pieces) { pieces.list, pieces.count }));
	FUZZ_TRUE(file.end == RINGFILE_HEADER + in->left);
	FUZZ_TRUE(ringfile_cut(&file, RINGFILE_HEADER + walk.boundary));
	ringfile_close(&file);
	read_back(path, &format, in->p, walk.packets);
	FUZZ_TRUE(ringfile_open(&file, path, &format, RINGFILE_HEADER + walk.boundary) ==
		  RINGFILE_FINE);
	ringfile_close(&file);
	fuzz_free(&pieces);
	close(fd);
}

/* A file with any content, of which @length bytes are said to be known. */
static void open_any(struct fuzz_input *in)
{
	struct ringfile_format format = format_of(in);
	uint64_t length = fuzz_number(in, 2), left = in->left;
	struct pcapring_file_header header;
	struct ringfile file;
	char path[32];
	int fd = fuzz_file(in->p, in->left, path);
	enum ringfile_state state = ringfile_open(&file, path, &format, length);

	FUZZ_TRUE(file.end == left);
	FUZZ_TRUE((state == RINGFILE_SHORT) == (length > left));
	if (state == RINGFILE_FINE && length) {
		FUZZ_TRUE(left >= sizeof(header));
		memcpy(&header, in->p, sizeof(header));
		FUZZ_TRUE(native(header.magic, &format) ==
			  (format.microseconds ? 0xa1b2c3d4 : 0xa1b23c4d));
		FUZZ_TRUE(native(header.linktype, &format) == format.linktype);
	}
	if (state == RINGFILE_FINE)
		ringfile_close(&file);
	else
		FUZZ_TRUE(file.fd < 0);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { bytes, size };

	if (fuzz_number(&in, 1) & 1)
		open_any(&in);
	else
		write_bytes(&in);
	return 0;
}
