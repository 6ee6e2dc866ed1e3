# SPDX-License-Identifier: MIT
"""pcapring-collector and captures of several rings: in order of time."""
import os
import random

import grpc

import savefile
from harness import case, read, same, until
from records_collector import INVALID, NATIVE, build, packets, start
from records_peer import Capture, Ring, Stream, records


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
