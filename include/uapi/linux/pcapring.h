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
 * A capture watches one network interface, or all of its network namespace
 * ("any"), and owns one or more rings. Each
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
 *	rings merged by time, best effort: a packet that its CPU held up
 *	between stamp and ring comes late. A record leaves its ring when its
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
 *	has consumer pages mapped when head - seen of any ring are at least
 *	wake_bytes (and 1), otherwise when read would give something, or the end
 *	of a snapshot; and EPOLLHUP when the capture was deleted.
 *
 *
 * Producer and consumer
 * ---------------------
 * The kernel stores `head` with release semantics after a record is written;
 * a reader loads it with acquire semantics and may then read [tail, head).
 * The reader stores two positions, with release semantics:
 *
 *	seen	it has read up to here; a wake-up is due when a record makes
 *		head - seen reach wake_bytes (0 and 1: the first record into
 *		an emptied ring), and poll reports EPOLLIN from there on
 *	tail	everything before it is free; the kernel may write there
 *
 * A ring can be full before wake_bytes are there: leave room for the largest
 * record (16 + snaplen bytes), or sleep with a timeout.
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
 * Overwrite mode, the flight recorder
 * -----------------------------------
 * In PCAPRING_MODE_OVERWRITE a full ring drops its oldest records, whole ones,
 * to make room for the newest, whether there is a reader or not. `oldest` on
 * the producer page is the position of the oldest record that is left; the
 * kernel alone moves it, before it overwrites, and ignores the reader's tail.
 * A reader loads head (acquire) and oldest, copies, passes a read barrier, and
 * loads oldest once more: what it copied from before that is not to be used. Each
 * time oldest can have passed the head that was loaded: then nothing is left.
 *
 * A capture that is frozen (FROZEN, in either mode) writes nothing; its packets
 * count as paused. Then oldest and head stand still: mmap shows a consistent
 * snapshot, and in overwrite mode read(2) gives it as a savefile that ends:
 * header, the records from oldest to head, end of file. Nothing is taken out;
 * the next file that opens the device reads it again. While such a capture is
 * not frozen, read gives EBUSY; ESTALE after it was thawed and what was left
 * to read is overwritten. One that was deleted counts as frozen.
 *
 *
 * Gaps: where packets are missing
 * -------------------------------
 * For each position at which packets were dropped the producer page has a
 * struct pcapring_gap: they came before the record at that position, which was
 * head then. Gaps are numbered; number n is gap[n % PCAPRING_GAPS], and those
 * with gap_tail <= n < gap_head exist. A gap grows until a record is written
 * behind it, so that a reader that has loaded (acquire) a head past its
 * position finds it complete. Gaps whose position lies before the tail (before
 * oldest in overwrite mode) give way to new ones; when there is no room
 * for one more, the newest grows instead, and its position is the first of
 * several. The counts of all gaps ever made add up to `dropped`. A reader that
 * does not hold the gaps by its tail copies them, passes a read barrier, and
 * loads gap_tail once more.
 *
 *
 * Counting
 * --------
 * `seen` counts every packet of the interface in the capture's direction;
 * copies that loopback shows a second time do not count. Each is then exactly
 * one of paused (the capture is frozen), filtered (a filter refused it),
 * sampled (sampling passed it over), dropped (no room, or its bytes could not
 * be read) or captured; looked at in this order. In normal mode a full ring
 * drops the newest packet. In each netlink reply, for each ring and for the
 * capture, seen = captured + filtered + sampled + paused + dropped. Counters
 * on producer pages are advisory: the kernel stores them one by one.
 *
 *
 * The generic netlink family "pcapring"
 * -------------------------------------
 *	NEW	creates a capture. IFNAME; optional SNAPLEN, RING_BYTES, RINGS,
 *		STEER, MODE, and what SET takes, but FROZEN. Answers with the
 *		capture.
 *	SET	changes the capture ID: SNAPLEN, DIRECTION, PROMISC, ALLMULTI,
 *		TSTAMP, SAMPLE, FILTER or FILTER_FD, FROZEN, LIMIT_PACKETS,
 *		LIMIT_BYTES, LIMIT_SECONDS. Raising SNAPLEN: EBUSY unless no
 *		file has the device open and all rings are empty.
 *	DEL	deletes the capture ID.
 *	GET	the capture ID; as a dump, all captures of the caller's network
 *		namespace. Open to every user.
 *
 * IFNAME "any" stands for all interfaces of the network namespace: the link
 * type is LINKTYPE_LINUX_SLL2, and no IFINDEX is shown; PROMISC and ALLMULTI
 * are refused.
 *
 * Limits: when so many packets or bytes (those of packets, as in `bytes` of
 * struct pcapring_counters) were captured, or so many seconds have passed, the
 * capture is frozen and STOPPED_NTF says so. They count from NEW, from the SET
 * that gives them, and anew from the SET that thaws. The packet that reaches
 * LIMIT_BYTES is the last one captured.
 *
 * NEW, SET and DEL need CAP_NET_ADMIN in the initial user namespace; or, if
 * the administrator set the module parameter userns_bytes, in the user
 * namespace that owns the network namespace. The rings of captures made so take
 * no more than userns_bytes together. Replies and notifications carry a
 * capture:
 *
 *	ID, UUID, IFNAME, SNAPLEN, RING_BYTES, RINGS, STEER, MODE, DIRECTION,
 *	PROMISC, ALLMULTI, TSTAMP, SAMPLE, FROZEN
 *	IFINDEX		only while attached
 *	LINKTYPE	only once it is known
 *	FILTER		only when there is a classic one
 *	FILTER_ID	only when there is an eBPF one
 *	LIMIT_*		only those that are set
 *	READER		1 while a file has the device open, else 0
 *	STATS		nest of PCAPRING_STAT_*, the sum over all rings
 *	RING		nest, once for each ring, in order:
 *		RING_INDEX, RING_HEAD, RING_SEEN, RING_TAIL,
 *		RING_OLDEST (in overwrite mode)
 *		RING_STATS	nest of PCAPRING_STAT_*
 *
 * A message may be larger than 50 KiB (64 rings, a filter of 4096 instructions):
 * receive with a buffer of 64 KiB.
 *
 * Multicast group "events", open to every user: CREATED_NTF, DELETED_NTF,
 * CHANGED_NTF, ATTACHED_NTF, DETACHED_NTF (REASON says why), STOPPED_NTF (a
 * limit was reached; REASON says which).
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
 * @mode: enum pcapring_mode; a reader refuses one that it does not know
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
	__u32 mode;
	__u8 uuid[16];
	char ifname[16];
};

/**
 * struct pcapring_consumer - a consumer page: what the reader tells the kernel
 * @seen: the reader has read up to here
 * @wake_bytes: it wants to be woken when so many bytes are there to be read;
 *	0: as 1. Zero when the device is opened
 * @tail: everything before it is free
 * @notes: for the readers to come, as long as the capture lives: the kernel
 *	neither reads nor writes them; all zero at first
 * @pad, @pad2: keep the two words, and the notes, on separate cache lines
 */
struct pcapring_consumer {
	__aligned_u64 seen;
	__aligned_u64 wake_bytes;
	__u8 pad[48];
	__aligned_u64 tail;
	__u8 pad2[56];
	__u8 notes[128];
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
 * @sampled: packets that sampling passed over
 * @paused: packets that came while the capture was frozen
 * @overwritten: captured packets that gave way to newer ones, unread or not
 */
struct pcapring_counters {
	__aligned_u64 seen;
	__aligned_u64 captured;
	__aligned_u64 filtered;
	__aligned_u64 dropped;
	__aligned_u64 truncated;
	__aligned_u64 bytes;
	__aligned_u64 sampled;
	__aligned_u64 paused;
	__aligned_u64 overwritten;
};

#define PCAPRING_GAPS	64

/**
 * struct pcapring_gap - packets that were dropped in one place
 * @position: of the record before which they are missing
 * @count: how many
 * @first: when the first of them came, nanoseconds since the epoch
 * @last: when the last of them came
 */
struct pcapring_gap {
	__aligned_u64 position;
	__aligned_u64 count;
	__aligned_u64 first;
	__aligned_u64 last;
};

/**
 * struct pcapring_producer - a producer page: what the kernel tells the reader
 * @head: end of the last record
 * @oldest: the oldest record that is left, in overwrite mode; otherwise 0
 * @pad: keeps the positions on a cache line of their own
 * @count: advisory counters
 * @gap_head: number of the next gap to come
 * @gap_tail: number of the oldest gap that is kept
 * @gap: the gaps, number n at n % PCAPRING_GAPS
 */
struct pcapring_producer {
	__aligned_u64 head;
	__aligned_u64 oldest;
	__u8 pad[48];
	struct pcapring_counters count;
	__aligned_u64 gap_head;
	__aligned_u64 gap_tail;
	struct pcapring_gap gap[PCAPRING_GAPS];
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
	PCAPRING_CMD_STOPPED_NTF,

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
	PCAPRING_A_MODE,	/* u32, enum pcapring_mode */
	PCAPRING_A_ALLMULTI,	/* u8, 0 or 1 */
	PCAPRING_A_TSTAMP,	/* u32, enum pcapring_tstamp */
	PCAPRING_A_SAMPLE,	/* u32, N: one packet in N; 1: each */
	PCAPRING_A_FROZEN,	/* u8, 0 or 1 */
	PCAPRING_A_FILTER_FD,	/* u32, an eBPF program of type socket filter */
	PCAPRING_A_FILTER_ID,	/* u32, number of the eBPF program */
	PCAPRING_A_LIMIT_PACKETS, /* u64; 0: no limit */
	PCAPRING_A_LIMIT_BYTES,	/* u64; 0: no limit */
	PCAPRING_A_LIMIT_SECONDS, /* u32; 0: no limit */

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
	PCAPRING_RING_OLDEST,	/* u64, position */

	__PCAPRING_RING_MAX,
	PCAPRING_RING_MAX = __PCAPRING_RING_MAX - 1
};

/* All u64. Those of struct pcapring_counters as there. */
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
	PCAPRING_STAT_SAMPLED,
	PCAPRING_STAT_PAUSED,
	PCAPRING_STAT_OVERWRITTEN,
	PCAPRING_STAT_UNSTAMPED,	/* captured without a hardware stamp */

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

enum pcapring_mode {
	PCAPRING_MODE_NORMAL,	/* a full ring drops the newest packet */
	PCAPRING_MODE_OVERWRITE	/* it drops the oldest; see above */
};

enum pcapring_tstamp {
	PCAPRING_TSTAMP_SOFTWARE,
	/*
	 * The network card's, on the card's clock, where a packet has one;
	 * for PCAPRING_DIRECTION_IN only.
	 */
	PCAPRING_TSTAMP_HARDWARE
};

#endif /* _UAPI_LINUX_PCAPRING_H */
