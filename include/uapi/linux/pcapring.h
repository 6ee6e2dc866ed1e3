/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * pcapring: the kernel writes pcap.
 *
 * This header is the manual of the interface between pcapring.ko and user
 * space: the capture device, its memory map, its records, the generic netlink
 * family.
 *
 *
 * The capture device, /dev/pcapringN
 * ----------------------------------
 * A capture watches one network interface and owns one or more rings. Each
 * ring holds pcap records end to end, in native byte order, as they stand in
 * a savefile with nanosecond resolution (pcap-savefile(5)): no padding, and no
 * record is split, because the pages of a ring are mapped twice, back to back.
 *
 * A position in a ring is a count of bytes since the capture was created. It
 * is 64 bits wide and only grows; the byte at position p lies at offset
 * p & (ring_bytes - 1) of the ring. Rings belong to the capture, not to the
 * open file: who opens the device next goes on at the tail.
 *
 * One file at a time may have the device open (open: EBUSY). It uses it in
 * one of two ways:
 *
 * read(2) gives a live savefile: the file header (struct pcapring_file_header,
 *	due as soon as the link type is known), then records, those of several
 *	rings merged by time, best effort. A record leaves its ring when its
 *	last byte was read; one that was read in part is given whole to the
 *	next file that opens the device. EAGAIN with O_NONBLOCK while there is
 *	nothing; end of file when the capture was deleted and is drained; EBUSY
 *	while consumer pages are mapped.
 *
 * mmap(2) shares the rings. Offsets, in bytes, as the info page states them
 *	(C = ring_count, P = page_bytes, R = ring_bytes):
 *
 *	0                   struct pcapring_info, one page      read only
 *	P                   struct pcapring_consumer, C pages   read, write
 *	P * (1 + C)         struct pcapring_producer, C pages   read only
 *	P * (1 + 2 * C)     ring 0, R bytes                     read only
 *	  + R               ring 0, the same R bytes again      read only
 *	  + 2 * R           ring 1, R bytes                     read only
 *	  ...
 *
 *	Mappings are MAP_SHARED; a writable one needs a file opened O_RDWR and
 *	may cover consumer pages only (EACCES); none can grow, none is inherited
 *	by fork (unless madvise(2) with MADV_DOFORK asks for it). EBUSY while a
 *	read is under way, ENODEV once the capture was deleted; older mappings
 *	stay valid until they are unmapped.
 *
 * poll(2) reports EPOLLIN when there is something to read: for a file that
 *	has consumer pages mapped when head != seen of any ring, otherwise when
 *	read would give something; and EPOLLHUP when the capture was deleted.
 *
 *
 * Producer and consumer
 * ---------------------
 * The kernel stores `head` with release semantics after a record is written;
 * a reader loads it with acquire semantics and may then read [tail, head).
 * The reader stores two positions, with release semantics:
 *
 *	seen	it has read up to here; a wake-up is due when the kernel moves
 *		a head that was equal to seen
 *	tail	everything before it is free; the kernel may write there
 *
 * Before it sleeps, a reader stores seen, passes a full memory barrier, and
 * loads head once more (poll(2) does the latter two for it).
 *
 * tail lies on a record boundary, at or below head and no more than ring_bytes
 * below it. The kernel trusts neither word: a tail out of that range counts as
 * "no room" (PCAPRING_STAT_BAD_TAILS). open walks the records from tail to
 * head; if that does not end on head exactly, the reader before left nonsense:
 * the ring skips to head (PCAPRING_STAT_SKIPS).
 *
 *
 * Counting
 * --------
 * `seen` counts every packet of the interface in the capture's direction;
 * copies that loopback shows a second time do not count. Each is then exactly
 * one of captured, filtered (a filter refused it) or dropped (no room, or its
 * bytes could not be read). A full ring drops the newest packet. In each
 * netlink reply, for each ring and for the capture, seen = captured + filtered
 * + dropped. Counters on producer pages are advisory: the kernel stores them
 * one by one.
 *
 *
 * The generic netlink family "pcapring"
 * -------------------------------------
 *	NEW	creates a capture. IFNAME; optional SNAPLEN, RING_BYTES, RINGS,
 *		STEER, DIRECTION, PROMISC, FILTER. Answers with the capture.
 *	SET	changes the capture ID: SNAPLEN, DIRECTION, PROMISC, FILTER.
 *		Raising SNAPLEN: EBUSY unless no file has the device open and
 *		all rings are empty.
 *	DEL	deletes the capture ID.
 *	GET	the capture ID; as a dump, all captures of the caller's network
 *		namespace. Open to every user.
 *
 * NEW, SET and DEL need CAP_NET_ADMIN in the initial user namespace. Replies
 * and notifications carry a capture:
 *
 *	ID, UUID, IFNAME, SNAPLEN, RING_BYTES, RINGS, STEER, DIRECTION, PROMISC
 *	IFINDEX		only while attached
 *	LINKTYPE	only once it is known
 *	FILTER		only when there is one
 *	READER		1 while a file has the device open, else 0
 *	STATS		nest of PCAPRING_STAT_*, the sum over all rings
 *	RING		nest, once for each ring, in order:
 *		RING_INDEX, RING_HEAD, RING_SEEN, RING_TAIL
 *		RING_STATS	nest of PCAPRING_STAT_*
 *
 * A message may be larger than 50 KiB (64 rings, a filter of 4096 instructions):
 * receive with a buffer of 64 KiB.
 *
 * Multicast group "events", open to every user: CREATED_NTF, DELETED_NTF,
 * CHANGED_NTF, ATTACHED_NTF, DETACHED_NTF (with REASON where the interface is
 * there but cannot be captured).
 */
#ifndef _UAPI_LINUX_PCAPRING_H
#define _UAPI_LINUX_PCAPRING_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Most bytes that are kept of a packet; what libpcap accepts of Ethernet. */
#define PCAPRING_SNAPLEN_MAX		262144
#define PCAPRING_RING_BYTES_MAX		0x40000000ULL /* 1 GiB */
#define PCAPRING_RING_BYTES_DEFAULT	0x2000000ULL /* 32 MiB */
#define PCAPRING_RINGS_MAX		64

/* The first word of the info page, in native byte order: "pcRg". */
#define PCAPRING_MAGIC			0x70635267
#define PCAPRING_VERSION		1

/* pcapring_info.linktype until the capture was first attached. */
#define PCAPRING_LINKTYPE_NONE		0xffffffff

/**
 * struct pcapring_info - the info page: what does not change while open
 * @magic: PCAPRING_MAGIC
 * @version: PCAPRING_VERSION; a reader refuses one that it does not know
 * @id: N of /dev/pcapringN
 * @ring_count: number of rings
 * @ring_bytes: size of each ring, a power of two
 * @page_bytes: size of the info page, of each consumer and producer page
 * @linktype: LINKTYPE_* value for the file header; PCAPRING_LINKTYPE_NONE
 *	until the first attachment, always known before the first record
 * @snaplen: most bytes of a packet that a record holds, as at open; more than
 *	the capture's if that was lowered and older records are still there
 * @reserved: zero
 * @uuid: random, made when the capture was created
 * @ifname: name of the interface as at open, NUL-terminated
 */
struct pcapring_info {
	__u32 magic;
	__u32 version;
	__u32 id;
	__u32 ring_count;
	__u64 ring_bytes;
	__u32 page_bytes;
	__u32 linktype;
	__u32 snaplen;
	__u32 reserved;
	__u8 uuid[16];
	char ifname[16];
};

/**
 * struct pcapring_consumer - a consumer page: what the reader tells the kernel
 * @seen: the reader has read up to here
 * @tail: everything before it is free
 * @pad: keeps the two words on separate cache lines
 */
struct pcapring_consumer {
	__aligned_u64 seen;
	__u8 pad[56];
	__aligned_u64 tail;
};

/**
 * struct pcapring_counters - of one ring
 * @seen: packets in the capture's direction
 * @captured: packets written to the ring
 * @filtered: packets that a filter refused
 * @dropped: packets for which there was no room, or that could not be read
 * @truncated: captured packets cut at snaplen, or by a filter's verdict
 * @bytes: bytes of captured packets, without record headers:
 *	head = bytes + 16 * captured
 */
struct pcapring_counters {
	__aligned_u64 seen;
	__aligned_u64 captured;
	__aligned_u64 filtered;
	__aligned_u64 dropped;
	__aligned_u64 truncated;
	__aligned_u64 bytes;
};

/**
 * struct pcapring_producer - a producer page: what the kernel tells the reader
 * @head: end of the last record
 * @pad: keeps the head on a cache line of its own
 * @count: advisory counters
 */
struct pcapring_producer {
	__aligned_u64 head;
	__u8 pad[56];
	struct pcapring_counters count;
};

/**
 * struct pcapring_record - header of a record; @caplen bytes of packet follow
 * @ts_sec: seconds since the epoch
 * @ts_nsec: nanoseconds of the second
 * @caplen: bytes that are here
 * @len: bytes that were on the wire
 *
 * The packet begins with its link header; a VLAN tag that the network card or
 * the core had taken out is in its place again. Records are not aligned.
 */
struct pcapring_record {
	__u32 ts_sec;
	__u32 ts_nsec;
	__u32 caplen;
	__u32 len;
};

/* The savefile header that read(2) gives first (pcap-savefile(5)). */
#define PCAPRING_FILE_MAGIC_NSEC	0xa1b23c4d
#define PCAPRING_FILE_MAGIC_USEC	0xa1b2c3d4
#define PCAPRING_FILE_VERSION_MAJOR	2
#define PCAPRING_FILE_VERSION_MINOR	4

struct pcapring_file_header {
	__u32 magic;
	__u16 version_major;
	__u16 version_minor;
	__u32 thiszone;
	__u32 sigfigs;
	__u32 snaplen;
	__u32 linktype;
};

/**
 * struct pcapring_filter - the reader's filter, classic BPF
 * @length: number of instructions; 0 takes the filter away
 * @reserved: zero
 * @instructions: address of an array of struct sock_filter
 *
 * A packet must pass the capture's filter and the reader's. The reader's
 * belongs to the open file and ends with it. EINVAL: not a valid program.
 */
struct pcapring_filter {
	__u32 length;
	__u32 reserved;
	__aligned_u64 instructions;
};

#define PCAPRING_IOC_SET_FILTER	_IOW(0xa1, 1, struct pcapring_filter)

#define PCAPRING_GENL_NAME		"pcapring"
#define PCAPRING_GENL_VERSION		1
#define PCAPRING_GENL_GROUP_EVENTS	"events"

enum pcapring_command {
	PCAPRING_CMD_UNSPEC,
	PCAPRING_CMD_NEW,
	PCAPRING_CMD_SET,
	PCAPRING_CMD_DEL,
	PCAPRING_CMD_GET,
	PCAPRING_CMD_CREATED_NTF,
	PCAPRING_CMD_DELETED_NTF,
	PCAPRING_CMD_CHANGED_NTF,
	PCAPRING_CMD_ATTACHED_NTF,
	PCAPRING_CMD_DETACHED_NTF,

	__PCAPRING_CMD_MAX,
	PCAPRING_CMD_MAX = __PCAPRING_CMD_MAX - 1
};

enum pcapring_attribute {
	PCAPRING_A_UNSPEC,
	PCAPRING_A_PAD,
	PCAPRING_A_ID,		/* u32 */
	PCAPRING_A_UUID,	/* binary, 16 bytes */
	PCAPRING_A_IFNAME,	/* string, at most 15 characters */
	PCAPRING_A_IFINDEX,	/* u32 */
	PCAPRING_A_LINKTYPE,	/* u32, LINKTYPE_* */
	PCAPRING_A_SNAPLEN,	/* u32, bytes, 1..PCAPRING_SNAPLEN_MAX */
	PCAPRING_A_RING_BYTES,	/* u64, bytes of each ring, a power of two */
	PCAPRING_A_RINGS,	/* u32; 0 in NEW: one for each receive queue */
	PCAPRING_A_STEER,	/* u32, enum pcapring_steer */
	PCAPRING_A_DIRECTION,	/* u32, enum pcapring_direction */
	PCAPRING_A_PROMISC,	/* u8, 0 or 1 */
	PCAPRING_A_FILTER,	/* binary, struct sock_filter[]; empty: none */
	PCAPRING_A_READER,	/* u8, 0 or 1 */
	PCAPRING_A_STATS,	/* nest, enum pcapring_stat */
	PCAPRING_A_RING,	/* nest, enum pcapring_ring_attribute */
	PCAPRING_A_REASON,	/* string */

	__PCAPRING_A_MAX,
	PCAPRING_A_MAX = __PCAPRING_A_MAX - 1
};

enum pcapring_ring_attribute {
	PCAPRING_RING_UNSPEC,
	PCAPRING_RING_PAD,
	PCAPRING_RING_INDEX,	/* u32 */
	PCAPRING_RING_HEAD,	/* u64, position */
	PCAPRING_RING_SEEN,	/* u64, position, as the reader wrote it */
	PCAPRING_RING_TAIL,	/* u64, position, as the reader wrote it */
	PCAPRING_RING_STATS,	/* nest, enum pcapring_stat */

	__PCAPRING_RING_MAX,
	PCAPRING_RING_MAX = __PCAPRING_RING_MAX - 1
};

/* All u64. The first six as in struct pcapring_counters. */
enum pcapring_stat {
	PCAPRING_STAT_UNSPEC,
	PCAPRING_STAT_PAD,
	PCAPRING_STAT_SEEN,
	PCAPRING_STAT_CAPTURED,
	PCAPRING_STAT_FILTERED,
	PCAPRING_STAT_DROPPED,
	PCAPRING_STAT_TRUNCATED,
	PCAPRING_STAT_BYTES,
	PCAPRING_STAT_WAKEUPS,		/* of a sleeping reader */
	PCAPRING_STAT_BAD_TAILS,	/* packets dropped for a tail out of range */
	PCAPRING_STAT_SKIPS,		/* times a ring skipped to head at open */

	__PCAPRING_STAT_MAX,
	PCAPRING_STAT_MAX = __PCAPRING_STAT_MAX - 1
};

enum pcapring_steer {
	PCAPRING_STEER_CPU,	/* ring = CPU modulo number of rings */
	PCAPRING_STEER_FLOW	/* both directions of a flow in one ring */
};

enum pcapring_direction {
	PCAPRING_DIRECTION_BOTH,
	PCAPRING_DIRECTION_IN,
	PCAPRING_DIRECTION_OUT
};

#endif /* _UAPI_LINUX_PCAPRING_H */
