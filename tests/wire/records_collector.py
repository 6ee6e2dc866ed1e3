# SPDX-License-Identifier: MIT
"""pcapring-collector's side of pcapring.v1, against a sensor in Python."""
import os
import re
import subprocess
import sys

import grpc

import savefile
from harness import Program, case, read, same, until
from peers import Sensor
from records_peer import Capture, Ring, Stream, identity, records

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


@case("collector over records: calls that are cancelled as it stops leave nothing behind")
def _(folder):
    # which is for a sanitizer or valgrind to see, and happens often, not always
    for turn in range(5):
        collector, port = start(folder(f"{turn}.pcap"))
        streams = [Stream(port, Ring(sensor=f"s{number}", capture=identity(f"c{number}")))
                   for number in range(20)]
        for stream in streams:
            stream.welcome()
        for stream in streams:
            stream.cancel()
        collector.stop()
