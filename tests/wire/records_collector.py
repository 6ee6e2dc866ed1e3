# SPDX-License-Identifier: MIT
"""pcapring-collector's side of pcapring.v1, against a sensor in Python."""
import os
import re
import sys

import grpc

import savefile
from harness import Program, case, read, same, until, write
from records_peer import Ring, Stream, identity, records

NATIVE = "<" if sys.byteorder == "little" else ">"
SWAPPED = ">" if NATIVE == "<" else "<"
HEADER = savefile.HEADER_BYTES
SIZES = (0, 1, 42, 60, 1514, 9000)


def start(path, *options, port=0, **more):
    """-> (collector, its port)."""
    collector = Program("pcapring-collector", "--listen", f"127.0.0.1:{port}",
                        "--write", path, *options, **more)
    return collector, int(collector.wait_line(r"listening on 127\.0\.0\.1:(\d+)$")[1])


def packets(count, seed=1, sizes=SIZES):
    return savefile.packets(count, 9, sizes=sizes, seed=seed)


def build(some, order=NATIVE, resolution=9, **header):
    return savefile.build(some, order, resolution, **header)


@case("records: a ring comes into the file, byte for byte, and is acknowledged")
def _(folder):
    some = packets(300)
    collector, port = start(folder("x.pcap"))
    stream = Stream(port, Ring(records(some, NATIVE)))
    welcome = stream.welcome()
    same((welcome.offset, welcome.new_epoch, welcome.durable, len(welcome.collector)),
         (0, True, True, 16), "Welcome")
    stream.send()
    stream.acked(len(stream.ring.blob))
    same(read(folder("x.pcap")), build(some), "file")
    stream.finish()
    same(folder.names(), ["x.pcap", "x.pcap.journal"], "files")
    text = collector.stop()
    assert f"sensor s/eth0 ring 0: complete: 300 packets, {sum(len(p[3]) for p in some)} bytes" \
        in text, text


@case("records: killed at once after an Ack, it goes on where that said")
def _(folder):
    some = packets(2000)
    collector, port = start(folder("x.pcap"), "--sync", "0.01")
    ring = Ring(records(some, NATIVE))
    stream = Stream(port, ring)
    first = stream.welcome()
    stream.send(step=1000)
    stream.acked(len(ring.blob) // 2)
    collector.kill()
    stream.status(grpc.StatusCode.UNAVAILABLE)
    tail = ring.tail
    collector, port = start(folder("x.pcap"))
    stream = Stream(port, ring)
    welcome = stream.welcome()
    assert tail <= welcome.offset <= len(ring.blob), (tail, welcome.offset)
    same((welcome.collector, welcome.new_epoch), (first.collector, False), "Welcome")
    same(os.path.getsize(folder("x.pcap")), HEADER + welcome.offset, "length of the file")
    stream.send()
    stream.finish()
    same(read(folder("x.pcap")), build(some), "file")
    collector.stop()
