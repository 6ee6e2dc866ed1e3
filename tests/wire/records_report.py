# SPDX-License-Identifier: MIT
"""pcapring-collector --report: what the journal accounts for, also of two collectors."""
import json
import os
import re
import subprocess
import sys
import time

import savefile
from harness import Program, case, read, same, until, write
from records_collector import HEADER, NATIVE, build, packets, start
from records_peer import Capture, Ring, Stream, identity, records


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
