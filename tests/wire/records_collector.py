# SPDX-License-Identifier: MIT
"""pcapring-collector's side of pcapring.v1, against a sensor in Python."""
import fcntl
import json
import os
import random
import re
import subprocess
import sys
import time

import grpc

import savefile
from harness import Program, Skip, case, read, same, until, write
from peers import Sensor, encode
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


@case("collector over records: a ring comes into the file, byte for byte, and is acknowledged")
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


@case("collector over records: killed at once after an Ack, it goes on where that said")
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


@case("collector over records: cut at every byte")
def _(folder):
    some = packets(8, sizes=(0, 1, 42))
    collector, port = start(folder("x.pcap"))
    for step in (1, 2, 15, 16, 17):
        stream = Stream(port, Ring(records(some, NATIVE), capture=identity(f"cut {step}")))
        stream.welcome()
        stream.send(step=step)
        stream.finish()
    for name in ("x.pcap", "x.1.pcap", "x.2.pcap", "x.3.pcap", "x.4.pcap"):
        same(read(folder(name)), build(some), name)
    collector.stop()


@case("collector over records: broken at every byte of a record, the file ends on a record and goes on")
def _(folder):
    some = packets(12, sizes=(0, 3, 20))
    blob = records(some, NATIVE)
    ends = [0]
    for packet in some:
        ends.append(ends[-1] + 16 + len(packet[3]))
    collector, port = start(folder("x.pcap"), "--sync", "0")
    ring = Ring(blob)
    for end in range(1, len(blob), 7):
        stream = Stream(port, ring)
        same(stream.welcome().offset, max(at for at in ends if at < end - 6 or not at), "Welcome")
        stream.send(end, step=5)
        until(lambda end=end: os.path.getsize(folder("x.pcap")) == HEADER + end, f"{end} bytes")
        stream.cancel()
        whole = max(at for at in ends if at <= end)
        until(lambda whole=whole: os.path.getsize(folder("x.pcap")) == HEADER + whole, "a cut")
        same(read(folder("x.pcap")), build(some)[:HEADER + whole], "file")
    stream = Stream(port, ring)
    stream.welcome()
    stream.send()
    stream.finish()
    same(read(folder("x.pcap")), build(some), "file")
    collector.stop()


@case("collector over records: the sensor's byte order and resolution are the file's")
def _(folder):
    some = packets(50)
    coarse = savefile.packets(50, 6, sizes=SIZES)
    collector, port = start(folder("x.pcap"))
    want = {}
    for count, (order, resolution) in enumerate(
            ((NATIVE, 9), (SWAPPED, 9), (NATIVE, 6), (SWAPPED, 6))):
        these = some if resolution == 9 else coarse
        stream = Stream(port, Ring(
            records(these, order), capture=identity(str(count)), linktype=101, snaplen=9000,
            big_endian=order == ">", resolution=0 if resolution == 9 else 1))
        stream.welcome()
        stream.send(step=100)
        stream.finish()
        want[f"x.{count}.pcap" if count else "x.pcap"] = savefile.build(
            these, order, resolution, 9000, 101)
    for name, blob in want.items():
        same(read(folder(name)), blob, name)
    collector.stop()


@case("collector over records: sensors and captures have files of their own, and keep them")
def _(folder):
    one, two = packets(5), packets(5, seed=2)
    rings = {name: Ring(sensor=sensor, interface=interface, capture=identity(name))
             for name, sensor, interface in (
                 ("x.pcap", "a", "eth0"), ("x.1.pcap", "a", "eth0"),
                 ("x-b-eth0.pcap", "b", "eth0"), ("x-..%2Fc-%2E%2E.pcap", "../c", ".."),
                 ("x-127.0.0.1.pcap", "", ""))}
    for some in (one, two):
        collector, port = start(folder("x.pcap"))
        for ring in rings.values():
            ring.blob += records(some, NATIVE)
            stream = Stream(port, ring)
            same(stream.welcome().new_epoch, some is one, "new_epoch")
            stream.send()
            stream.finish()
        collector.stop()
    same(folder.names(), sorted([*rings, "x.pcap.journal"]), "files")
    for name in rings:
        same(read(folder(name)), build(one + two), name)


def refused(port, ring, code, text, act=None, /, **change):
    stream = Stream(port, ring, **change)
    if act:
        stream.welcome()
        act(stream)
    said = stream.status(code)
    assert re.search(text, said), (text, said)
    stream.channel.close()


INVALID = grpc.StatusCode.INVALID_ARGUMENT


@case("collector over records: Hellos that cannot be are refused, and say why")
def _(folder):
    collector, port = start(folder("x.pcap"))
    big = (1 << 64) - 1
    for text, change in {
            "boot_id has 15 bytes": {"boot_id": bytes(15)},
            "capture has 0 bytes": {"capture": b""},
            "collector has 1 bytes": {"collector": b"x"},
            "ring is 1 of 1": {"ring": 1},
            "ring is 4294967295 of 64": {"ring": (1 << 32) - 1, "ring_count": 64},
            "ring_count is 0": {"ring_count": 0},
            "ring_count is 65": {"ring_count": 65},
            "linktype is 65536": {"linktype": 65536},
            "snaplen is 0": {"snaplen": 0},
            "snaplen is 262145": {"snaplen": 262145},
            "tail is 2, above head, 1": {"tail": 2, "head": 1},
            "in a ring of 65536 bytes": {"head": 65537, "ring_bytes": 65536},
            f"head {big}, in a ring": {"head": big},
            "sent is 1, above head": {"sent": 1},
            "sensor has 256 bytes": {"sensor": "x" * 256},
            "interface has 300 bytes": {"interface": "\u00e4" * 150},
            "host has 256 bytes": {"host": "x" * 256},
            "version has 256 bytes": {"version": "x" * 256}}.items():
        refused(port, Ring(), INVALID, text, **change)
    stream = Stream(port, Ring(), False)
    stream.raw(b"\x0a\x02\x88\x01\x05")
    same("FromSensor" in stream.status(INVALID), True, "not a message")
    stream = Stream(port, Ring(), False)
    stream.raw(b"")
    same(stream.status(INVALID), "neither Hello nor Records", "empty message")
    stream = Stream(port, Ring(), False)
    stream.queue.put(None)
    same(stream.status(INVALID), "no Hello came", "no message")
    stream = Stream(port, Ring(), False)
    stream.records(0, b"")
    same(stream.status(INVALID), "Records before Hello", "no Hello")
    same(folder.names(), [], "files")
    collector.stop()
    for line in collector.lines:
        assert line.isprintable() and line.isascii(), line


@case("collector over records: Records that cannot be end the call, and nothing of them is written")
def _(folder):
    some = packets(20)
    blob = records(some, NATIVE)
    collector, port = start(folder("x.pcap"), "--sync", "0")
    ring = Ring(blob)
    long = records([(1, 2, 3, bytes(262145))], NATIVE)
    size = len(blob)
    for act, text in (
            (lambda s: s.records(1, b"x"), "Records at offset 1, 0 is the next"),
            (lambda s: s.send(100).records(99, b"x"), "Records at offset 99, 100 is"),
            (lambda s: s.send(100).records(101, b""), "Records at offset 101, 100 is"),
            (lambda s: s.records((1 << 64) - 1, b"xy"), "beyond all offsets"),
            (lambda s: s.say_hello(), "a second Hello"),
            (lambda s: s.raw(b"nonsense"), "FromSensor"),
            (lambda s: s.raw(b"\x12\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), "FromSensor"),
            (lambda s: s.raw(b"\x12\x05\x22\x0a\x01\x02\x03"), "FromSensor"),
            (lambda s: s.raw(b"\x1a\x00" * 40000), "neither Hello nor plain Records"),
            (lambda s: s.send().records(size, long), f"offset {size} has a caplen of 262145"),
            (lambda s: s.records(size, blob[:30] + bytes([255] * 16)), None)):
        if not text:
            break
        refused(port, ring, INVALID, text, act)
        got = read(folder("x.pcap"))
        same(got, build(some)[:len(got)], "file")
    same(read(folder("x.pcap")), build(some), "file")
    ring.tail = size
    for cut in range(1, 17):            # a header that cannot be, split
        def act(stream, cut=cut):
            stream.records(size, long[:cut])
            stream.records(size + cut, long[cut:100])
        refused(port, ring, INVALID, "caplen of 262145", act, head=size)
        same(read(folder("x.pcap")), build(some), "file")
    collector.stop()


@case("collector over records: Records in shapes that no sensor of ours writes are taken")
def _(folder):
    some = packets(3, sizes=(3,))
    blob = records(some, NATIVE)
    collector, port = start(folder("x.pcap"))
    stream = Stream(port, Ring(blob))
    stream.welcome()
    one, two, three = blob[:19], blob[19:38], blob[38:]
    stream.raw(b"\x12\x17\x22\x13" + one + b"\x08\x00")          # data first
    stream.raw(b"\x12\x1e\x08\x63\x08\x13\x7a\x03abc\x22\x13" + two)   # unknown field, twice
    stream.raw(b"\x12\x00\x12\x17\x08\x26\x22\x13" + three)        # two of a oneof
    stream.finish()
    same(read(folder("x.pcap")), build(some), "file")
    collector.stop()


@case("collector over records: what came is acknowledged though the sensor half-closes at once")
def _(folder):
    some = packets(100)
    collector, port = start(folder("x.pcap"), "--sync", "60")
    stream = Stream(port, Ring(records(some, NATIVE)))
    stream.welcome()
    stream.send(step=10000)
    stream.finish()
    same(stream.acks[-1], len(stream.ring.blob), "last Ack")
    same(read(folder("x.pcap")), build(some), "file")
    empty = Stream(port, Ring(capture=identity("empty")))
    empty.welcome()
    empty.finish()
    same(read(folder("x.1.pcap")), savefile.header(NATIVE, 9), "empty file")
    collector.stop()


@case("collector over records: a half-close within a record is told, what is whole stays")
def _(folder):
    some = packets(10)
    collector, port = start(folder("x.pcap"))
    stream = Stream(port, Ring(records(some, NATIVE)))
    stream.welcome()
    stream.send(len(stream.ring.blob) - 1)
    stream.queue.put(None)
    same(stream.status(INVALID), "the stream ended within a record", "status")
    same(stream.acks[-1], len(records(some[:9], NATIVE)), "last Ack")
    same(read(folder("x.pcap")), build(some[:9]), "file")
    collector.stop()


@case("collector over records: a sensor that was killed hears at once what is safe")
def _(folder):
    some = packets(20)
    collector, port = start(folder("x.pcap"))
    ring = Ring(records(some, NATIVE))
    stream = Stream(port, ring)
    stream.welcome()
    stream.send()
    stream.acked(len(ring.blob))
    stream.cancel()
    for tail, want in ((0, len(ring.blob)), (len(ring.blob), len(ring.blob))):
        stream = Stream(port, ring, tail=tail)
        stream.welcome()
        stream.finish()             # before the heartbeat of the first second
        same(stream.acks[:1], [want], "the first Ack")
    stream = Stream(port, ring, tail=0, head=10, sent=0)
    stream.welcome()                # what this ring never held is not its to free
    stream.finish()
    same(stream.acks, [], "Acks above head")
    collector.stop()


@case("collector over records: an Ack is repeated while there is no news")
def _(folder):
    some = packets(10)
    collector, port = start(folder("x.pcap"))
    stream = Stream(port, Ring(records(some, NATIVE)))
    stream.welcome()
    stream.wait(lambda: len(stream.acks) >= 2, "two Acks")
    same(stream.acks, [0, 0], "Acks without Records")
    stream.send()
    end = len(stream.ring.blob)
    stream.wait(lambda: stream.acks.count(end) >= 3, "three Acks")
    same(stream.acks, sorted(stream.acks), "Acks")
    stream.finish()
    collector.stop()


@case("collector over records: a quarter of the ring is acknowledged, however rarely it syncs")
def _(folder):
    some = packets(40, sizes=(1000,))
    collector, port = start(folder("x.pcap"), "--sync", "3600")
    stream = Stream(port, Ring(records(some, NATIVE), ring_bytes=65536))
    stream.welcome()
    stream.send(20000)
    stream.acked(1016 * 16)
    stream.send()
    stream.acked(36000)
    stream.finish()
    collector.stop()


@case("collector over records: what somebody else took is counted, and nobody waits for it")
def _(folder):
    some = packets(30)
    blob = records(some, NATIVE)
    at = [len(records(some[:n], NATIVE)) for n in range(31)]
    collector, port = start(folder("x.pcap"))
    ring = Ring(blob)
    stream = Stream(port, ring)
    stream.welcome()
    stream.send(at[10])
    stream.finish()
    refused(port, ring, INVALID, f"offset {at[10]}, {at[20]} is the next",
            lambda s: s.records(at[10], b""), tail=at[20])
    ring.tail = at[20]
    stream = Stream(port, ring)
    same(stream.welcome().offset, at[10], "Welcome")
    stream.wait(lambda: stream.acks, "an Ack")
    same(stream.acks[0], at[20], "an Ack before Records")
    stream.send(at[25])
    stream.records(at[20], b"")          # only the very first may jump
    stream.status(INVALID)
    collector.wait_line(f"ring 0: {at[20] - at[10]} bytes were consumed elsewhere")
    ring.tail = at[25]
    stream = Stream(port, ring)
    same(stream.welcome().offset, at[25], "Welcome")
    stream.send()
    stream.finish()
    same(read(folder("x.pcap")), build(some[:10] + some[20:]), "file")
    same(len(re.findall("consumed elsewhere", collector.stop())), 2, "times that it was said")


@case("collector over records: a ring that is behind what is here cannot go on")
def _(folder):
    some = packets(30)
    collector, port = start(folder("x.pcap"))
    ring = Ring(records(some, NATIVE))
    stream = Stream(port, ring)
    stream.welcome()
    stream.send()
    stream.finish()
    stream = Stream(port, ring, tail=0, head=100, sent=0)
    same(stream.welcome().offset, len(ring.blob), "Welcome")
    stream.records(0, ring.blob[:100])
    stream.status(INVALID)
    collector.wait_line("ring 0: what it has ends at 100, but more of it is here already")
    same(read(folder("x.pcap")), build(some), "file")
    collector.stop()


@case("collector over records: after another collector, what may be twice is counted once")
def _(folder):
    some = packets(30)
    blob = records(some, NATIVE)
    collector, port = start(folder("x.pcap"))
    ring = Ring(blob)
    ring.sent, ring.collector = 5000, identity("other")
    stream = Stream(port, ring)
    stream.welcome()
    stream.cancel()                     # nothing came: nothing is counted
    for end in (len(records(some[:10], NATIVE)), len(blob)):
        ring.collector = identity("other")
        stream = Stream(port, ring)
        stream.welcome()
        stream.send(end)
        stream.wait(lambda: stream.acks and stream.acks[-1] == end, "its Ack")
        stream.cancel()
        collector.wait_line("connection broken: .* bytes written")
    text = collector.stop()
    same(re.findall(r"(\d+) bytes may be at another collector", text), ["5000"], "counts")
    same(read(folder("x.pcap")), build(some), "file")


@case("collector over records: a newer call of a ring ends the older one, an older one is refused")
def _(folder):
    some = packets(40)
    blob = records(some, NATIVE)
    at = [len(records(some[:n], NATIVE)) for n in range(41)]
    collector, port = start(folder("x.pcap"))
    ring = Ring(blob)
    old = Stream(port, ring)
    old.welcome()
    old.send(at[10] + 5)
    until(lambda: os.path.getsize(folder("x.pcap")) == HEADER + at[10] + 5, "bytes")
    new = Stream(port, ring)
    same(new.welcome().offset, at[10], "Welcome")
    old.send(at[20])
    same(old.status(grpc.StatusCode.ABORTED), "replaced by a newer call of the same ring",
         "status")
    for generation in (0, 1, 2):
        refused(port, ring, grpc.StatusCode.ABORTED, "not above 2", generation=generation)
    other = Stream(port, Ring(blob, capture=identity("other")), generation=1)
    other.welcome()
    new.send(step=1000)
    new.finish()
    other.finish()
    same(read(folder("x.pcap")), build(some), "file")
    collector.stop()


@case("collector over records: a Hello that does not fit to its capture is refused")
def _(folder):
    collector, port = start(folder("x.pcap"))
    some = packets(10)
    ring = Ring(records(some, NATIVE), snaplen=9000)
    stream = Stream(port, ring)
    stream.welcome()
    refused(port, ring, INVALID, "ring_count is 2, but", ring_count=2)
    refused(port, ring, INVALID, "linktype, resolution or byte order", linktype=101)
    refused(port, ring, INVALID, "linktype, resolution or byte order", resolution=1)
    refused(port, ring, INVALID, "linktype, resolution or byte order",
            big_endian=NATIVE == "<")
    stream.finish()
    ring.hello["snaplen"] = 200000      # the capture's may be raised
    stream = Stream(port, ring)
    stream.welcome()
    stream.send()
    stream.finish()
    same(read(folder("x.pcap")), build(some, snaplen=200000), "file")
    collector.stop()


def tmpfs(folder, size):
    os.mkdir(folder("small"))
    if os.geteuid() or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder("small")],
            stderr=subprocess.DEVNULL).returncode:
        raise Skip("mounting a small tmpfs needs root")


@case("collector over records: on a full disk the call ends, the file stays valid, another may try")
def _(folder):
    tmpfs(folder, "512k")
    try:
        check_full_disk(folder)
    finally:
        subprocess.run(["umount", "-l", folder("small")], check=True)


def welcomed(port, ring):
    """A stream, as soon as the collector lets one try, where the disk was full."""
    streams = []

    def try_one():
        streams[:] = [Stream(port, ring)]
        streams[0].wait(lambda: streams[0].welcomes or streams[0].ended, "an answer")
        if not streams[0].welcomes:
            streams[0].status(grpc.StatusCode.RESOURCE_EXHAUSTED)
            streams[0].channel.close()
        return streams[0].welcomes
    until(try_one, "a Welcome")
    streams[0].welcome()
    return streams[0]


def check_full_disk(folder):
    some = packets(600, sizes=(1000,))
    collector, port = start(folder("small", "x.pcap"), "--sync", "0")
    ring = Ring(records(some, NATIVE))
    write(folder("small", "ballast"), bytes(100000))
    for again in (False, True, True):
        stream = Stream(port, ring)
        stream.wait(lambda stream=stream: stream.welcomes or stream.ended, "an answer")
        if stream.welcomes:
            stream.welcome()
            stream.send(step=5000)
        text = stream.status(grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert "No space left" in text or again and "there is no room" in text, text
        same(len([line for line in collector.lines if "nothing is acknowledged" in line]), 1,
             "what was said")
        ring.tail = max(ring.tail, *stream.acks, 0)
        got = savefile.parse(read(folder("small", "x.pcap")))[3]
        same(got, some[:len(got)], "packets")
        assert len(got) * 1016 >= ring.tail, (len(got), ring.tail)
    assert len(got) > 200, len(got)
    os.remove(folder("small", "ballast"))
    collector.kill()
    subprocess.run(["mount", "-o", "remount,size=4m", folder("small")], check=True)
    collector, port = start(folder("small", "x.pcap"))
    stream = Stream(port, ring)
    stream.welcome()
    stream.send()
    stream.finish()
    same(read(folder("small", "x.pcap")), build(some), "file")
    collector.stop()


@case("collector over records: a disk without room for the journal is told, and nothing acknowledged")
def _(folder):
    tmpfs(folder, "64k")
    try:
        write(folder("small", "ballast"), bytes(64 << 10))
        collector, port = start(folder("small", "x.pcap"))
        ring = Ring(records(packets(10), NATIVE))
        stream = Stream(port, ring)
        text = stream.status(grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert "No space left" in text, text
        same((stream.welcomes, stream.acks), ([], []), "answers")
        os.remove(folder("small", "ballast"))
        stream = welcomed(port, ring)
        stream.send()
        stream.finish()
        same(read(folder("small", "x.pcap")), build(packets(10)), "file")
        collector.stop()
    finally:
        subprocess.run(["umount", "-l", folder("small")], check=True)


@case("collector over records: a file that is gone, short or another is reported, and a new one begins")
def _(folder):
    one, two = packets(10), packets(10, seed=2)
    first, both = build(one), build(one + two)
    for count, (spoil, text) in enumerate((
            (os.remove, f"has 0 bytes, the journal knows {len(first)}"),
            (lambda path: os.truncate(path, len(first) - 1), ": 1 bytes are missing"),
            (lambda path: write(path, build(one, linktype=101)), "is not the file that was left"))):
        os.mkdir(folder(str(count)))
        path = folder(str(count), "x.pcap")
        collector, port = start(path)
        ring = Ring(records(one, NATIVE))
        for running in (False, True):
            stream = Stream(port, ring)
            stream.welcome()
            stream.send()
            stream.finish()
            if running:
                break
            ring.blob += records(two, NATIVE)
            if count == 1:              # while it runs, too
                until(lambda: unlocked(path), "a file that nobody uses")
                spoil(path)
                continue
            collector.stop()
            spoil(path)
            collector, port = start(path)
        collector.wait_line(re.escape(path) + ".*" + text)
        same(read(folder(str(count), "x.1.pcap")), build(two), "the new file")
        assert read(path) != both if os.path.exists(path) else True
        collector.stop()
        collector, port = start(path)   # the journal knows
        stream = Stream(port, ring)
        same(stream.welcome().offset, len(ring.blob), "Welcome")
        stream.finish()
        assert not collector.find("missing|left there"), collector.lines
        collector.stop()


def unlocked(path):
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@case("collector over records: a damaged journal is cut where it is torn, and refused without a beginning")
def _(folder):
    some = packets(10)
    path, journal = folder("x.pcap"), folder("x.pcap.journal")
    collector, port = start(path)
    ring = Ring(records(some, NATIVE))
    stream = Stream(port, ring)
    stream.welcome()
    stream.send()
    stream.finish()
    collector.stop()
    good, blob = read(journal), read(path)
    first = good.index(b"\n") + 1
    for cut in (0, 5, first - 1):
        write(journal, good[:cut])
        program = Program("pcapring-collector", "--listen", "127.0.0.1:0", "--write", path)
        program.wait(1)
        program.wait_line(r"x\.pcap\.journal: is no journal .*move it away")
        same((read(journal), read(path)), (good[:cut], blob), "files")
    for cut in range(first, len(good) + 1, 3):
        write(journal, good[:cut] + b"\0\xff\n")
        write(path, blob)
        collector, port = start(path)
        stream = Stream(port, ring, tail=0)
        stream.welcome()
        same(stream.welcomes[0].offset in (0, len(ring.blob)), True, "Welcome")
        known = good[:cut].count(b"\n") > 1
        stream.position = stream.welcomes[0].offset
        stream.send()
        stream.finish()
        same(read(folder("x.pcap" if known else "x.1.pcap")), blob, f"file, cut at {cut}")
        collector.stop()
        if not known:
            os.remove(folder("x.1.pcap"))


@case("collector over records: the journal is written anew when it is large")
def _(folder):
    path, journal = folder("x.pcap"), folder("x.pcap.journal")
    some = packets(10)
    ring = Ring(records(some, NATIVE))
    collector, port = start(path)
    stream = Stream(port, ring)
    stream.welcome()
    stream.send(400)
    stream.acked(1)
    stream.cancel()
    collector.stop()
    lines = read(journal).splitlines(True)
    write(journal, b"".join(lines) + lines[-1] * ((1 << 20) // len(lines[-1])))
    same(os.path.getsize(journal) > 1 << 20, True, "a large journal")
    collector, port = start(path)
    same(read(journal), b"".join(lines[:2] + lines[-1:]), "journal")
    stream = Stream(port, ring)
    same(stream.welcome().collector, ring.collector, "id")
    stream.send()
    stream.finish()
    same(read(path), build(some), "file")
    collector.stop()


@case("collector over records: two collectors do not share a journal")
def _(folder):
    collector, port = start(folder("x.pcap"))
    stream = Stream(port, Ring())
    stream.welcome()
    program = Program("pcapring-collector", "--listen", "127.0.0.1:0", "--write",
                      folder("x.pcap"))
    program.wait(1)
    program.wait_line("--write .*: another collector writes there")
    stream.finish()
    collector.stop()


@case("collector over records: streams of packets leave the files of captures alone")
def _(folder):
    some, plain = packets(10), savefile.packets(10)
    ring = Ring(records(some, NATIVE))
    collector, port = start(folder("x.pcap"))
    stream = Stream(port, ring)
    stream.welcome()
    for restart in (False, True):
        if restart:
            collector, port = start(folder("x.pcap"))
        for name in "sb":
            sensor = Sensor(port, name, "eth0").send(*[encode(packet) for packet in plain])
            sensor.done()
        if restart:
            stream = Stream(port, ring)
            stream.welcome()
        stream.send(len(ring.blob) // (1 if restart else 2))
        stream.queue.put(None)
        stream.status(grpc.StatusCode.OK if restart else INVALID)
        collector.stop()
    same(read(folder("x.pcap")), build(some), "x.pcap")
    for name in ("x.1.pcap", "x-b-eth0.pcap"):
        same(read(folder(name)), savefile.build(plain * 2, NATIVE), name)


class Capture:
    """A capture of several rings, which share its packets in turn."""

    def __init__(self, some, count, **hello):
        self.rings = [Ring(records(some[n::count], NATIVE), ring=n, ring_count=count, **hello)
                      for n in range(count)]

    def streams(self, port):
        streams = [Stream(port, ring) for ring in self.rings]
        for stream in streams:
            stream.welcome()
        return streams


def stamps(blob):
    return [sec * 10 ** 9 + frac for sec, frac, _, _ in savefile.parse(blob)[3]]


@case("collector over records: rings of a capture come into one file, in order of time")
def _(folder):
    some = packets(900)
    for hold, order in (("1000", NATIVE), ("60000", NATIVE)):
        collector, port = start(folder(hold), "--hold-back", hold)
        capture = Capture(some, 3)
        streams = capture.streams(port)
        for part in range(1, 11):       # none is far behind
            for stream in streams:
                stream.send(len(stream.ring.blob) * part // 10, step=5000)
        for stream in streams:
            stream.queue.put(None)
        for stream in streams:
            stream.finish()
        same(read(folder(hold)), build(some, order), "file")
        text = collector.stop()
        assert "out of order" not in text, text


@case("collector over records: a ring that says that it has nothing older is not waited for")
def _(folder):
    some = packets(30)
    collector, port = start(folder("x.pcap"), "--hold-back", "60000", "--sync", "0")
    one, two = Capture(some, 2).streams(port)
    one.send()
    times = [sec * 10 ** 9 + frac for sec, frac, _, _ in some]
    two.records(0, b"", complete_until=times[8] - 1)
    until(lambda: os.path.getsize(folder("x.pcap")) == len(build(some[0:8:2])), "four records")
    two.records(0, b"", complete_until=times[8])
    until(lambda: os.path.getsize(folder("x.pcap")) == len(build(some[0:10:2])), "five")
    one.acked(len(records(some[0:10:2], NATIVE)))
    two.records(0, b"", complete_until=times[-1] + 1)
    one.acked(len(one.ring.blob))
    same(read(folder("x.pcap")), build(some[0::2]), "file")
    two.cancel()
    one.finish()
    collector.stop()


def beats(stream, count):
    """Wait for so many more Acks."""
    want = len(stream.acks) + count
    stream.wait(lambda: len(stream.acks) >= want, "signs of life")


@case("collector over records: a call that breaks while its end is held back leaves the rest alone")
def _(folder):
    some = packets(30)
    collector, port = start(folder("x.pcap"), "--hold-back", "60000", "--sync", "0")
    one, two = Capture(some, 2).streams(port)
    one.send()
    one.queue.put(None)
    beats(one, 2)       # after the half-close
    one.call.cancel()
    beats(two, 3)       # after the break
    two.send()
    two.finish()
    again = Stream(port, one.ring)
    same(again.welcome().offset, len(one.ring.blob), "Welcome")
    again.finish()
    collector.stop()
    same(sorted(savefile.parse(read(folder("x.pcap")))[3]), some, "packets")


@case("collector over records: what is held back for long enough is written, and disorder counted")
def _(folder):
    some = packets(30)
    collector, port = start(folder("x.pcap"), "--hold-back", "50")
    one, two = Capture(some, 2).streams(port)
    one.send()
    one.acked(len(one.ring.blob))       # two said nothing
    two.send()
    two.finish()
    one.finish()
    got = savefile.parse(read(folder("x.pcap")))[3]
    same(got, some[0::2] + some[1::2], "packets")
    collector.wait_line("ring 1: complete: 15 packets.*; 14 records out of order")
    collector.stop()


@case("collector over records: more than 16 MiB is not held back")
def _(folder):
    some = packets(400, sizes=(100000,))
    collector, port = start(folder("x.pcap"), "--hold-back", "60000", "--sync", "0")
    one, two = Capture(some, 2, ring_bytes=1 << 26).streams(port)
    one.send(step=1 << 20)
    one.wait(lambda: one.acks and one.acks[-1] > 3 << 20, "an Ack")
    two.send(step=1 << 20)
    for stream in (one, two):
        stream.queue.put(None)
    one.finish()
    two.finish()
    got = savefile.parse(read(folder("x.pcap")))[3]
    same(sorted(got), some, "packets")
    collector.stop()


@case("collector over records: --hold-back 0 gives each ring a file, and keeps to it")
def _(folder):
    some = packets(90)
    capture = Capture(some, 3)
    for part, options in ((2, ("--hold-back", "0")), (1, ())):
        collector, port = start(folder("x.pcap"), *options)
        for stream in capture.streams(port):
            stream.send(len(stream.ring.blob) // part)
            stream.queue.put(None)
            stream.status(grpc.StatusCode.OK if part == 1 else INVALID)
        collector.stop()
    # whichever came first has the first one
    same(sorted(read(folder(name)) for name in ("x.pcap", "x.1.pcap", "x.2.pcap")),
         sorted(build(some[n::3]) for n in range(3)), "files' contents")
    same(folder.names(), ["x.1.pcap", "x.2.pcap", "x.pcap", "x.pcap.journal"], "files")


@case("collector over records: killed while it merges, nothing is lost and nothing there twice")
def _(folder):
    some = packets(1500)
    capture = Capture(some, 3)
    dice = random.Random(7)
    collector, port = start(folder("x.pcap"), "--hold-back", "20", "--sync", "0.01")
    for _ in range(8):
        streams = capture.streams(port)
        for part in range(1, 6):
            for stream in streams:
                left = len(stream.ring.blob) - stream.ring.tail
                stream.send(stream.ring.tail + left * part // 20, step=3000)
        waited = dice.choice(streams)
        waited.wait(lambda: waited.acks and waited.acks[-1] > waited.welcomes[0].offset, "Acks")
        if dice.random() < 0.5:
            collector.kill()
            collector, port = start(folder("x.pcap"), "--hold-back", "20", "--sync", "0.01")
        for stream in streams:
            stream.cancel()
            stream.ring.tail = max([stream.ring.tail, *stream.acks])
    streams = capture.streams(port)
    for stream in streams:
        stream.send(step=5000)
        stream.queue.put(None)
    for stream in streams:
        stream.finish()
    got = savefile.parse(read(folder("x.pcap")))[3]
    same(sorted(got), sorted(some), "packets")
    for n in range(3):
        own = set(some[n::3])
        same([packet for packet in got if packet in own], some[n::3], f"ring {n}")
    collector.stop()


@case("collector over records: standard output gets whole records, live, once")
def _(folder):
    some = packets(30)
    with open(folder("out"), "wb") as out:
        collector, port = start("-", stdout=out)
    ring = Ring(records(some, NATIVE))
    stream = Stream(port, ring)
    welcome = stream.welcome()
    same((welcome.offset, welcome.durable, welcome.new_epoch), (0, False, True), "Welcome")
    at = len(records(some[:10], NATIVE))
    stream.send(at + 7)
    stream.acked(at)
    same(read(folder("out")), build(some[:10]), "output")
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    refused(port, Ring(capture=identity("other")), code, "standard output, which sensor s uses")
    same(Sensor(port, "a", "eth0").status()[0], code, "status of packets")
    stream.cancel()
    collector.wait_line("connection broken")
    stream = Stream(port, ring)
    stream.welcome()
    stream.send()
    stream.finish()
    refused(port, Ring(capture=identity("other"), linktype=101),
            grpc.StatusCode.FAILED_PRECONDITION, "has begun with link type 1")
    ring = Ring(records(some, NATIVE), capture=identity("third"))
    stream = Stream(port, ring)
    stream.welcome()
    stream.send()
    stream.finish()
    collector.stop()
    same(read(folder("out")), build(some + some), "output")


@case("collector over records: ends with status 0 when nobody reads standard output any more")
def _(folder):
    some = packets(10, sizes=(60,))
    collector, port = start("-", stdout=subprocess.PIPE)
    stream = Stream(port, Ring(records(some, NATIVE)))
    stream.welcome()
    stream.send(76)
    collector.process.stdout.read(24 + 76)
    collector.process.stdout.close()
    stream.send()
    collector.wait(0)
    collector.wait_line("nobody reads standard output")
    stream.cancel()


@case("collector over records: SIGTERM ends calls with UNAVAILABLE, and what came is safe")
def _(folder):
    some = packets(60)
    capture = Capture(some, 2)
    collector, port = start(folder("x.pcap"), "--hold-back", "60000", "--sync", "3600")
    streams = capture.streams(port)
    for stream in streams:
        stream.send()
    until(lambda: os.path.getsize(folder("x.pcap")) > HEADER, "records")
    collector.stop()
    for stream in streams:
        same(stream.status(grpc.StatusCode.UNAVAILABLE), "the collector stops", "status")
    same(read(folder("x.pcap")), build(some), "file")
    collector, port = start(folder("x.pcap"))
    for stream in capture.streams(port):
        same(stream.welcomes[0].offset, len(stream.ring.blob), "Welcome")
        stream.finish()
    collector.stop()


@case("collector over records: usage errors of --hold-back and --sync")
def _(folder):
    for option, values in (("--hold-back", ("", "-1", "1.5", "60001", "x")),
                           ("--sync", ("", "-1", "x", "1e3", "3601", ".", "1.2.3", "inf"))):
        for value in values:
            program = Program("pcapring-collector", "--listen", "127.0.0.1:0", "--write",
                              folder("x"), option, value)
            program.wait(2)
            program.wait_line(re.escape(f"{option} {value}: give it "))


def report(path):
    program = Program("pcapring-collector", "--report", path, stdout=subprocess.PIPE)
    out = program.process.stdout.read()
    program.wait(0)
    return json.loads(out)


def iso(packet):
    """The time of a packet, as the report has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(packet[0])) + f".{packet[1]:09}Z"


WHAT = ("consumed_elsewhere_bytes", "possible_duplicate_bytes", "out_of_order",
        "dropped_by_sensor")


def intervals(ring, what):
    """Those of a ring of the report, which count in all what its account says."""
    found = [one for one in ring["intervals"] if one["what"] == what]
    if what in WHAT:
        same(sum(one["count"] for one in found), ring[what], f"sum of {what}")
    return found


def account(path, ring=0):
    """What the report says of a ring of its only sensor, its intervals checked."""
    sensor, = report(path)["sensors"]
    for each in sensor["rings"]:
        for what in WHAT:
            intervals(each, what)
    return sensor["rings"][ring]


@case("collector over records: --report accounts for everything, restarts or not")
def _(folder):
    some = packets(60)
    at = [len(records(some[:n], NATIVE)) for n in range(61)]
    path = folder("x.pcap")
    ring = Ring(records(some, NATIVE))
    ring.sent, ring.collector = 200, identity("other")
    for first, last in ((0, 20), (30, 45), (45, 60)):
        collector, port = start(path)
        ring.tail = at[first]
        stream = Stream(port, ring)
        stream.welcome()
        stream.send(at[last], dropped=last)
        stream.acked(at[last])
        collector.kill()
        stream.channel.close()
    collector, port = start(path)
    for n in range(2):                  # another epoch, of two rings
        stream = Stream(port, Ring(records(some[n::2], NATIVE), ring=n, ring_count=2,
                                   capture=identity("other")))
        stream.welcome()
        stream.send()
        stream.finish()
    took = some[:20] + some[30:]
    got = report(path)
    ring = got["sensors"][0]["rings"][0]
    elsewhere, = intervals(ring, "consumed_elsewhere_bytes")
    same((elsewhere["count"], elsewhere["from"], elsewhere["file"]),
         (at[30] - at[20], iso(some[19]), "x.pcap"), "what was consumed elsewhere")
    assert iso(some[30]) <= elsewhere["to"] <= iso(some[44]), elsewhere
    twice, = intervals(ring, "possible_duplicate_bytes")
    same((twice["count"], twice["from"]), (200, None), "what may be twice")
    dropped = intervals(ring, "dropped_by_sensor")
    same([one["count"] for one in dropped], [60], "what was dropped, without a pause")
    same((dropped[0]["from"], dropped[0]["to"]), (None, iso(some[59])), "when that was")
    same([(one["file"], one["from"], one["to"]) for one in intervals(ring, "epochs")],
         [("x.pcap", iso(some[0]), iso(some[59])), ("x.1.pcap", iso(some[0]), iso(some[58]))],
         "epochs")
    for each in got["sensors"][0]["rings"]:
        for what in WHAT:
            intervals(each, what)
        del each["intervals"]
    same(got["collector"], stream.welcomes[0].collector.hex(), "collector")
    same(got["sensors"], [{"sensor": "s/eth0", "missing_bytes": 0, "rings": [
        {"ring": 0, "epochs": 2, "packets": len(took) + 30,
         "bytes": sum(len(p[3]) for p in took + some[0::2]),
         "consumed_elsewhere_bytes": at[30] - at[20], "possible_duplicate_bytes": 200,
         "out_of_order": 0, "dropped_by_sensor": 60},
        {"ring": 1, "epochs": 1, "packets": 30, "bytes": sum(len(p[3]) for p in some[1::2]),
         "consumed_elsewhere_bytes": 0, "possible_duplicate_bytes": 0,
         "out_of_order": got["sensors"][0]["rings"][1]["out_of_order"],
         "dropped_by_sensor": 0}]}], "sensors")
    same([(file["file"], file["length"], file["rings"][0]["offset"]) for file in got["files"]],
         [("x.pcap", len(build(took)), at[60]),
          ("x.1.pcap", len(build(some)), len(records(some[0::2], NATIVE)))], "files")
    collector.stop()
    os.remove(folder("x.1.pcap"))
    collector, port = start(path)
    got = report(path)["sensors"][0]
    same(got["missing_bytes"], len(build(some)), "missing")
    missing, = intervals(got["rings"][1], "missing_bytes")
    same((missing["file"], missing["count"]), ("x.1.pcap", len(build(some))), "missing")
    collector.stop()


@case("collector over records: disorder is counted across a restart, too, and not where bytes come again")
def _(folder):
    some = packets(30)
    path = folder("x.pcap")
    capture = Capture(some, 2)
    collector, port = start(path, "--hold-back", "20")
    one, two = capture.streams(port)
    one.send()
    one.acked(len(one.ring.blob))           # two said nothing
    collector.kill()
    collector, port = start(path, "--hold-back", "20")
    one, two = capture.streams(port)
    two.send()
    two.acked(len(two.ring.blob))
    same(account(path, 1)["out_of_order"], 14, "out of order")
    disorder, = intervals(account(path, 1), "out_of_order")
    same((disorder["from"], disorder["to"]), (None, iso(some[29])), "when")
    for stream in (two, one):
        stream.finish()
    same(account(path, 0)["out_of_order"], 0, "out of order, of the first ring")
    collector.stop()


class Takeover:
    """A sensor whose collector A is killed for good; B takes over."""

    def __init__(self, folder):
        self.folder = folder
        self.some = packets(60)
        self.at = [len(records(self.some[:n], NATIVE)) for n in range(61)]
        self.ring = Ring(records(self.some, NATIVE))
        collector, port = start(folder("a.pcap"), "--sync", "3600")
        stream = Stream(port, self.ring)
        stream.welcome()
        stream.send(self.at[40])
        until(lambda: os.path.getsize(folder("a.pcap")) == HEADER + self.at[40], "bytes at A")
        collector.kill()
        stream.channel.close()
        same((self.ring.tail, self.ring.sent), (0, self.at[40]), "tail and sent")

    def begin(self, *options):
        """-> (B, a stream that was welcome)"""
        collector, port = start(self.folder("b.pcap"), *options)
        stream = Stream(port, self.ring)
        stream.welcome()
        return collector, stream

    def check(self, stream):
        """All of it is at B, and as much accounted for as is at A, too."""
        stream.send()
        stream.acked(self.at[60])
        same(read(self.folder("b.pcap")), build(self.some), "B's file")
        got = account(self.folder("b.pcap"))
        same(got["possible_duplicate_bytes"], self.at[40], "what may be twice")
        twice = intervals(got, "possible_duplicate_bytes")
        same(twice[0]["from"], None, "since when")
        assert twice[-1]["to"] >= iso(self.some[39]), twice
        stream.finish()


@case("collector over records: after a collector was lost for good, what it may have is accounted for")
def _(folder):
    takeover = Takeover(folder)
    collector, stream = takeover.begin()
    takeover.check(stream)
    text = collector.stop()
    same(re.findall(r"(\d+) bytes may be at another collector", text), [str(takeover.at[40])],
         "what was said")
    assert f"; {takeover.at[40]} bytes possibly twice" in text, text


@case("collector over records: so it is where the new one is killed before it has synced anything")
def _(folder):
    takeover = Takeover(folder)
    collector, stream = takeover.begin("--sync", "3600")
    first = stream.welcomes[0].collector
    stream.send(takeover.at[20])
    path = folder("b.pcap")
    until(lambda: os.path.getsize(path) == HEADER + takeover.at[20], "bytes at B")
    collector.kill()
    stream.channel.close()
    same(takeover.ring.collector, first, "who is named the next time")
    collector, stream = takeover.begin()
    same((stream.welcomes[0].offset, stream.welcomes[0].collector), (0, first), "Welcome")
    takeover.check(stream)
    collector.stop()


@case("collector over records: so it is where the new one is killed right after Welcome, or in the middle")
def _(folder):
    takeover = Takeover(folder)
    collector, stream = takeover.begin()
    collector.kill()
    stream.channel.close()
    collector, stream = takeover.begin("--sync", "0")
    stream.send(takeover.at[25])
    stream.acked(takeover.at[25])
    collector.kill()
    stream.channel.close()
    collector, stream = takeover.begin()
    same(stream.welcomes[0].offset, takeover.at[25], "Welcome")
    takeover.check(stream)
    collector.stop()


@case("collector over records: what only the new one has is not taken for twice")
def _(folder):
    takeover = Takeover(folder)
    takeover.ring.tail = takeover.at[30]        # all below was acknowledged by A
    collector, stream = takeover.begin()
    stream.send()
    stream.acked(takeover.at[60])
    same(account(folder("b.pcap"))["possible_duplicate_bytes"],
         takeover.at[40] - takeover.at[30], "what may be twice")
    stream.finish()
    collector.stop()


@case("collector over records: the relay's collector is lost for good: A's and B's files hold all, as accounted for")
def _(folder):
    some = savefile.packets(30000, 9, sizes=(60, 600, 1514), seed=3)
    write(folder("in.pcap"), build(some))
    collector, port = start(folder("a.pcap"), "--sync", "0")
    relay = Program("pcapring-relay", "--read", folder("in.pcap"), "--target",
                    f"ipv4:127.0.0.1:{port}", "--protocol", "records")
    until(lambda: os.path.exists(folder("a.pcap")) and
          os.path.getsize(folder("a.pcap")) > 1 << 20, "a part of it at A")
    collector.kill()
    collector, _ = start(folder("b.pcap"), port=port)
    relay.wait(0)
    got = account(folder("b.pcap"))
    collector.stop()
    both = [savefile.parse(cut(read(folder(name))))[3] for name in ("a.pcap", "b.pcap")]
    same(both[0], some[:len(both[0])], "A's file")
    same(both[1], some[len(some) - len(both[1]):], "B's file")
    twice = len(both[0]) + len(both[1]) - len(some)
    assert twice >= 0, "packets are missing"
    size = len(records(both[1][:twice], NATIVE))
    assert got["possible_duplicate_bytes"] >= size, (got, size)


def cut(blob):
    """Without the record that a kill tore."""
    at = HEADER
    while at + 16 <= len(blob):
        end = at + 16 + int.from_bytes(blob[at + 8:at + 12], sys.byteorder)
        if end > len(blob):
            break
        at = end
    return blob[:at]


@case("collector over records: --report without a journal, or with a damaged one, fails")
def _(folder):
    program = Program("pcapring-collector", "--report", folder("x.pcap"))
    program.wait(1)
    program.wait_line("x.pcap.journal: cannot be opened: No such file")
    write(folder("x.pcap.journal"), b"nonsense\n")
    program = Program("pcapring-collector", "--report", folder("x.pcap"))
    program.wait(1)
    program.wait_line("x.pcap.journal: is no journal")
    same(read(folder("x.pcap.journal")), b"nonsense\n", "journal")
