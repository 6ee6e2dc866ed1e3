# SPDX-License-Identifier: MIT
"""pcapring-collector's files of captures, and the journal: gone, damaged, full."""
import fcntl
import os
import re
import subprocess

import grpc

import files
import savefile
from files_full import tmpfs
from harness import Program, case, read, same, until, write
from peers import Sensor, encode
from records_collector import INVALID, NATIVE, build, packets, refused, start
from records_peer import Ring, Stream, identity, records


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


@case("collector over records: a sensor with ever more captures leaves the others room")
def _(folder):
    collector, port = files.start(folder("d"))
    for first in range(0, 2048, 128):
        streams = [Stream(port, Ring(capture=identity(str(number))))
                   for number in range(first, first + 128)]
        for stream in streams:
            stream.welcome()
            stream.cancel()
    refused(port, Ring(capture=identity("more")), grpc.StatusCode.RESOURCE_EXHAUSTED,
            "no room for another capture of this sensor")
    # those that were here may go on, and others begin
    for ring in (Ring(capture=identity("0")), Ring(sensor="t", capture=identity("t"))):
        stream = Stream(port, ring)
        stream.welcome()
        stream.finish()
    collector.stop()


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
