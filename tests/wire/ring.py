# SPDX-License-Identifier: MIT
"""A capture device in a file, as include/uapi/linux/pcapring.h lays it out."""
import ctypes
import mmap
import os
import struct

import savefile
from collector import NATIVE
from harness import BUILD, Program

MAGIC = 0x70635267
PAGE = mmap.PAGESIZE

# What is preloaded comes before a sanitizer's library, where there is one.
SANITIZER = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"


class Ring:
    """The kernel's side of a device: rings, and what wakes their reader."""

    def __init__(self, folder, rings=1, size=1 << 20, start=0, linktype=1):
        self.path = folder("device")
        self.wake = folder("wake")
        self.size = size
        self.rings = rings
        self.heads = [start] * rings
        os.mkfifo(self.wake)
        self.fifo = os.open(self.wake, os.O_RDWR | os.O_NONBLOCK)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(fd, PAGE * (1 + 2 * rings) + 2 * size * rings)
        self.memory = mmap.mmap(fd, 0)
        os.close(fd)
        struct.pack_into("=IIIIQIIII16s16s", self.memory, 0, MAGIC, 1, 7, rings, size, PAGE,
                         linktype, 262144, 0, os.urandom(16), b"mem0")
        for ring in range(rings):
            for offset in (self.consumer(ring), self.consumer(ring) + 64, self.producer(ring)):
                self.word(offset).value = start

    def word(self, offset):
        """Stored at once, as the kernel does."""
        return ctypes.c_uint64.from_buffer(self.memory, offset)

    def attach(self, linktype):
        """For the first time, to an interface of that link type."""
        ctypes.c_uint32.from_buffer(self.memory, 28).value = linktype

    def consumer(self, ring):
        return PAGE * (1 + ring)

    def producer(self, ring):
        return PAGE * (1 + self.rings + ring)

    def tail(self, ring=0):
        return self.word(self.consumer(ring) + 64).value

    def head(self, ring=0):
        return self.heads[ring]

    def count(self, ring, index, number):
        self.word(self.producer(ring) + 64 + 8 * index).value += number

    def write(self, ring, position, blob):
        data = PAGE * (1 + 2 * self.rings) + 2 * self.size * ring
        at = position % self.size
        part = min(len(blob), self.size - at)
        self.memory[data + at:data + at + part] = blob[:part]
        self.memory[data:data + len(blob) - part] = blob[part:]

    def append(self, packets, ring=0):
        """Of nanoseconds; all of them have to fit. They are there one by one."""
        for packet in packets:
            blob = savefile.record(packet, NATIVE)
            assert self.heads[ring] + len(blob) - self.tail(ring) <= self.size, "no room"
            self.write(ring, self.heads[ring], blob)
            self.heads[ring] += len(blob)
            self.word(self.producer(ring)).value = self.heads[ring]
            self.count(ring, 1, 1)                      # captured
            self.count(ring, 5, len(packet[3]))         # bytes
        os.write(self.fifo, b"w")

    def extend(self, blob, count, ring=0):
        """@blob holds @count records, for which there is room; they are there at once."""
        self.write(ring, self.heads[ring], blob)
        self.heads[ring] += len(blob)
        self.word(self.producer(ring)).value = self.heads[ring]
        self.count(ring, 1, count)                      # captured
        self.count(ring, 5, len(blob) - 16 * count)     # bytes
        try:
            os.write(self.fifo, b"w")
        except BlockingIOError:
            pass                    # it has been told often enough

    def relay(self, port, *args, wrapper=None, env=None, **kwargs):
        """@wrapper: a line for sh, which execs what follows it."""
        name = ["pcapring-relay"]
        if wrapper:
            name = ["/bin/sh", "-c", wrapper, os.path.join(BUILD, *name)]
        return Program(*name, "--device", self.path, "--target", f"127.0.0.1:{port}",
                       "--sensor", "sensor-1", "--include-own-traffic", *args,
                       env={"LD_PRELOAD": os.path.join(BUILD, "wire", "device.so"),
                            "ASAN_OPTIONS": SANITIZER, "PCAPRING_WAKE": self.wake,
                            **(env or {})}, **kwargs)
