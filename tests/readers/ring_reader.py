#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
ring_reader.py DEVICE: a savefile of what the rings hold, live, until the
capture is deleted; on standard error, where packets are missing. Written from
<linux/pcapring.h> alone, to show that it takes no more.

Python has no barriers: loads and stores stay in order on x86, elsewhere a reader
would have to call C for them. Words are loaded and stored whole, as struct does
not, by memoryview.
"""
import mmap
import os
import select
import struct
import sys

MAGIC, VERSION, LINKTYPE_NONE, OVERWRITE = 0x70635267, 1, 0xffffffff, 1
FILE_MAGIC_NSEC, FILE_VERSION = 0xa1b23c4d, (2, 4)
# Words of eight bytes: struct pcapring_consumer, pcapring_producer, pcapring_gap.
SEEN, TAIL = 0, 8
HEAD, OLDEST, GAP_HEAD, GAP_TAIL, GAP = 0, 1, 17, 18, 19
GAPS, GAP_WORDS, POSITION, COUNT = 64, 4, 0, 1


class Info:
    """struct pcapring_info"""

    def __init__(self, page):
        (self.magic, self.version, self.id, self.ring_count, self.ring_bytes, self.page_bytes,
         self.linktype, self.snaplen, self.mode, self.uuid, self.ifname) = struct.unpack_from(
             "=IIIIQIIII16s16s", page)


def map_words(device, bytes_, offset, protection):
    return memoryview(mmap.mmap(device, bytes_, prot=protection, offset=offset)).cast("Q")


class Ring:
    def __init__(self, device, info, index):
        page, count = info.page_bytes, info.ring_count
        self.index, self.mask, self.gap = index, info.ring_bytes - 1, 0
        self.consumer = map_words(device, page, page * (1 + index),
                                  mmap.PROT_READ | mmap.PROT_WRITE)
        self.producer = map_words(device, page, page * (1 + count + index), mmap.PROT_READ)
        self.data = mmap.mmap(device, 2 * info.ring_bytes, prot=mmap.PROT_READ,
                              offset=page * (1 + 2 * count) + 2 * info.ring_bytes * index)

    def show_gaps(self, head, final):
        """Those before the records up to head; at head it may still grow, until the end."""
        for number in range(self.gap, self.producer[GAP_HEAD]):
            at = GAP + GAP_WORDS * (number % GAPS)
            position, count = self.producer[at + POSITION], self.producer[at + COUNT]
            if self.producer[GAP_TAIL] > number:
                continue
            if position > head or position == head and not final:
                return
            if position >= self.consumer[TAIL]:
                print(f"ring {self.index}, byte {position}: {count} packets are missing",
                      file=sys.stderr)
            self.gap = number + 1

    def drain(self, final):
        """Give what is there up to head; of a copy, what was not overwritten meanwhile."""
        head = self.producer[HEAD]
        start = max(self.consumer[TAIL], self.producer[OLDEST])
        at = start & self.mask
        copy = self.data[at:at + max(head - start, 0)]
        good = max(start, self.producer[OLDEST])
        self.show_gaps(head, final)
        sys.stdout.buffer.write(copy[good - start:])
        self.consumer[SEEN] = self.consumer[TAIL] = max(good, head)


def main():
    device = os.open(sys.argv[1], os.O_RDWR)
    page = mmap.mmap(device, mmap.PAGESIZE, prot=mmap.PROT_READ)
    info = Info(page)
    if (info.magic, info.version) != (MAGIC, VERSION) or info.mode > OVERWRITE:
        sys.exit(f"{sys.argv[1]}: not what this program knows")
    rings = [Ring(device, info, index) for index in range(info.ring_count)]
    poll = select.poll()
    poll.register(device, select.POLLIN)
    told = final = False
    while True:
        info = Info(page)
        if not told and info.linktype != LINKTYPE_NONE:
            sys.stdout.buffer.write(struct.pack("=IHHIIII", FILE_MAGIC_NSEC, *FILE_VERSION,
                                                0, 0, info.snaplen, info.linktype))
            told = True
        for ring in rings:
            ring.drain(final)
        sys.stdout.buffer.flush()
        if final:
            break
        final = any(events & select.POLLHUP for _, events in poll.poll())


main()
