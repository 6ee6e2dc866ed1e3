# SPDX-License-Identifier: MIT
"""Metrics: what they say, and that manuals, board and rules know them."""
import json
import os
import re
import time

import grpc

from harness import case, read, same, until
from rigs import (Device, Holder, Sensor, SensorRing, Server, Stream, collector, encode, names,
                  now_packets, promtool, records)
from replay import free_port
import savefile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
R, C = "pcapring_relay_", "pcapring_collector_"


class Quiet(Holder):
    """A collector that acknowledges only what it is told to."""

    def __call__(self, call):
        self.begin(call)
        self.call = call
        while True:
            self.take(call.records())


@case("relay: packets and bytes by what became of them, of each ring")
def _(folder):
    server = Server(Holder(), Holder())
    device = Device(folder, rings=2)
    relay = device.watch(server.port)
    device.append(now_packets(30), 0)
    device.append(now_packets(7, 100), 1)
    for index, count in ((0, 45), (2, 11), (3, 4), (4, 2), (6, 5), (7, 6)):
        device.count(1, index, count)   # seen, filtered, dropped, truncated, sampled, paused
    relay.until(37 * 16 + 30 * 60 + 7 * 100, R + "acknowledged_bytes_total")
    for state, number in (("captured", 7), ("filtered", 11), ("dropped", 4),
                          ("sampled_out", 5), ("paused", 6)):
        same(relay.value(R + "packets_total", ring="1", state=state), number, state)
    same(relay.value(R + "packets_total", ring="0", state="captured"), 30, "captured")
    same(relay.value(R + "seen_packets_total", ring="1"), 45, "seen")
    same(relay.value(R + "truncated_packets_total", ring="1"), 2, "truncated")
    same(relay.value(R + "captured_bytes_total", ring="1"), 700, "bytes")
    same(relay.value(R + "ring_size_bytes"), device.size, "size of a ring")
    same(relay.value(R + "info", sensor="sensor-1", interface="mem0",
                     target=f"127.0.0.1:{server.port}"), 1, "who")
    relay.program.stop()


@case("relay: what waits counts and ages until it is acknowledged, and makes the delay")
def _(folder):
    holder = Quiet()
    server = Server(holder)
    device = Device(folder)
    relay = device.watch(server.port)
    device.append(now_packets(100, age=1000))
    until(lambda: len(holder.data) == 7600, "all of it")
    same(relay.value(R + "connected"), 1, "connected")
    for name in ("unacknowledged_bytes", "ring_used_bytes"):
        same(relay.value(R + name, ring="0"), 7600, name)
    lag = relay.value(R + "lag_seconds", ring="0")
    assert 1000 <= lag < 1600, lag
    same(relay.value(R + "delay_seconds_count"), 0, "delays")
    holder.call.ack(7600)
    relay.until(0, R + "unacknowledged_bytes", ring="0")
    relay.until(0, R + "ring_used_bytes", ring="0")
    same(relay.value(R + "lag_seconds", ring="0"), 0, "lag")
    same(relay.value(R + "delay_seconds_count"), 1, "delays")
    assert relay.value(R + "delay_seconds_sum") >= 1000
    same(relay.value(R + "delay_seconds_bucket", le="600"), 0, "below 600 s")
    relay.program.stop()


@case("relay: reconnects and retransmissions are counted, an absent receiver is seen")
def _(folder):
    holder = Holder()

    def breaks(call):
        holder.begin(call)
        call.records()
        call.end(grpc.StatusCode.UNAVAILABLE, "broken")

    server = Server(breaks, holder)
    device = Device(folder)
    relay = device.watch(server.port)
    device.append(now_packets(10))
    relay.until(1, R + "reconnects_total")
    relay.until(760, R + "retransmitted_bytes_total")
    relay.program.stop()
    (device.path and os.remove(device.wake))
    os.remove(device.path)
    relay = Device(folder).watch(free_port())
    relay.program.wait_line("is away")
    same(relay.value(R + "connected"), 0, "connected")
    relay.program.stop()


@case("relay: the spool, its age and its disk")
def _(folder):
    device = Device(folder, size=1 << 16)
    port = free_port()
    relay = device.watch(port, "--spool", folder("spool"), "--spool-max", "10M")
    device.append(now_packets(600, age=500))
    # more than half of the ring, up to wherever the relay had come to
    until(lambda: relay.value(R + "spool_bytes") > 1 << 15, "bytes in the spool")
    same(relay.value(R + "unacknowledged_bytes", ring="0"), 45600, "unacknowledged")
    same(relay.value(R + "spool_size_bytes"), 10 << 20, "the spool's limit")
    disk = os.statvfs(folder("spool"))
    same(relay.value(R + "disk_size_bytes"), disk.f_blocks * disk.f_frsize, "disk")
    assert relay.value(R + "lag_seconds", ring="0") >= 500
    collected, _port = collector(folder, port=port)
    relay.until(0, R + "spool_bytes")
    relay.until(0, R + "lag_seconds", ring="0")
    relay.program.stop()
    collected.program.stop()


@case("relay: packet by packet, packets are counted as they go")
def _(folder):
    from peers import Receiver
    receiver = Receiver()
    device = Device(folder)
    relay = device.watch(receiver.port, "--protocol", "packet")
    device.append(now_packets(25))
    relay.until(25, R + "sent_packets_total")
    same(relay.value(R + "sent_bytes_total"), 1500, "bytes")
    same(relay.value(R + "connected"), 1, "connected")
    relay.program.stop()
    receiver.stop()


@case("collector: the account of each sensor and ring")
def _(folder):
    shown, port = collector(folder, "--hold-back", "0")
    some = now_packets(50)
    blob = records(some)
    ring = SensorRing(blob, sensor="a", ring_count=2, ring=1)
    stream = Stream(port, ring)
    stream.welcome()
    stream.send(dropped=9)
    stream.acked(len(blob))
    other = Sensor(port, "b", "eth1")
    other.send(*[encode(packet) for packet in savefile.packets(20, sizes=(100,))])
    shown.until(50, C + "packets_total", sensor="a", interface="eth0", ring="1")
    shown.until(20, C + "packets_total", sensor="b", interface="eth1", ring="0")
    same(shown.value(C + "packets_total", sensor="a", ring="0"), None, "the ring that is not there")
    same(shown.value(C + "bytes_total", sensor="a", ring="1"), 3000, "bytes")
    same(shown.value(C + "bytes_total", sensor="b", ring="0"), 2000, "bytes")
    same(shown.value(C + "dropped_packets_total", sensor="a"), 9, "dropped")
    same(shown.value(C + "sensors"), 2, "sensors")
    same(shown.value(C + "sensor_streams", sensor="a"), 1, "streams")
    same(shown.value(C + "sensor_info", sensor="a", host="h", version="0"), 1, "info")
    same(shown.value(C + "delay_seconds_count", sensor="a"), 1, "delays")
    disk = os.statvfs(folder.path)
    same(shown.value(C + "disk_size_bytes"), disk.f_blocks * disk.f_frsize, "disk")
    other.done()
    stream.finish()
    shown.until(0, C + "sensor_streams", sensor="a")
    shown.until(0, C + "sensor_streams", sensor="b")
    shown.program.stop()


@case("collector: bytes consumed elsewhere, and that may be twice")
def _(folder):
    shown, port = collector(folder)
    some = now_packets(20)
    blob = records(some)
    ring = SensorRing(blob)
    stream = Stream(port, ring)
    stream.welcome()
    stream.send(10 * 76)
    stream.acked(10 * 76)
    stream.cancel()
    ring.tail = 15 * 76
    ring.sent, ring.collector = len(blob), b"x" * 16
    stream = Stream(port, ring)
    stream.welcome()
    stream.send()
    stream.acked(len(blob))
    shown.until(15, C + "packets_total", sensor="s")
    same(shown.value(C + "consumed_elsewhere_bytes_total", sensor="s"), 5 * 76, "elsewhere")
    same(shown.value(C + "possible_duplicate_bytes_total", sensor="s"), 5 * 76, "twice")
    stream.finish()
    shown.program.stop()


@case("collector: a restarted one knows the sensors of before, and goes on counting")
def _(folder):
    shown, port = collector(folder)
    blob = records(now_packets(40))
    ring = SensorRing(blob)
    stream = Stream(port, ring)
    stream.welcome()
    stream.send(30 * 76)
    stream.acked(30 * 76)
    shown.program.stop()
    seen = int(time.time())
    shown, port = collector(folder)
    same(shown.value(C + "packets_total", sensor="s", interface="eth0", ring="0"), 30, "packets")
    same(shown.value(C + "sensor_streams", sensor="s"), 0, "streams")
    same(shown.value(C + "sensor_info", host="h"), 1, "host")
    assert 0 < shown.value(C + "sensor_last_seen_timestamp_seconds", sensor="s") <= seen + 1
    same(shown.value(C + "sensor_last_received_timestamp_seconds"), None, "received")
    stream = Stream(port, ring)
    stream.welcome()
    stream.send()
    stream.finish()
    shown.until(40, C + "packets_total", sensor="s")
    shown.program.stop()
    os.remove(folder("out.pcap"))
    shown, port = collector(folder)
    same(shown.value(C + "missing_bytes_total", sensor="s"), 40 * 76 + 24, "missing")
    shown.program.stop()


@case("collector: lag is the record's age, the clock's difference the least that is seen")
def _(folder):
    shown, port = collector(folder)
    some = now_packets(10, age=300)
    ring = SensorRing(records(some), sensor="late")
    stream = Stream(port, ring)
    stream.welcome()
    for end, ahead in ((3, -900), (6, 500), (10, 100)):
        stream.send(end * 76, complete_until=time.time_ns() + ahead * 10**9)
    stream.acked(len(ring.blob))
    lag = shown.value(C + "lag_seconds", sensor="late", ring="0")
    assert 300 <= lag < 400, lag
    clock = shown.value(C + "sensor_clock_offset_seconds", sensor="late")
    assert 400 < clock <= 500, clock
    same(shown.value(C + "delay_seconds_bucket", sensor="late", le="60"), 0, "below 60 s")
    stream.finish()
    shown.program.stop()


@case("collector: names that are none are encoded, and promtool takes them")
def _(folder):
    shown, port = collector(folder)
    sensor = Sensor(port, 'a"b\\c{}<d>', "%0A%22%FF")
    sensor.send(*[encode(packet) for packet in savefile.packets(3)])
    shown.until(3, C + "packets_total", sensor="a%22b%5Cc%7B%7D%3Cd%3E",
                interface="%0A%22%FF")
    promtool("check", "metrics", text=shown.text())
    sensor.done()
    shown.program.stop()


def served(folder):
    """Text of both, with everything that there is."""
    shown, port = collector(folder)
    relay = Device(folder).watch(port, "--spool", folder("spool"))
    texts = relay.text(), shown.text()
    relay.program.stop()
    shown.program.stop()
    return texts


@case("promtool check metrics is content with both")
def _(folder):
    for text in served(folder):
        said = promtool("check", "metrics", text=text)
        same(said, "", "complaints")
        assert text.endswith("\n")


@case("the manual pages have the metrics that are served")
def _(folder):
    for page, text in zip(("pcapring-relay.8", "pcapring-collector.8"), served(folder)):
        manual = read(os.path.join(TOP, "packaging/man", page)).decode()
        section = re.search(r"^\.SH METRICS\n(.*?)(?=^\.SH )", manual, re.M | re.S)[1]
        known = set(re.findall(r"^\.TP\n\.B (\w+)", section, re.M))
        same(sorted(known ^ names(text)), [], f"names that {page} or the program has alone")


def queried(text):
    """Names of metrics in expressions, without what histograms add."""
    return {re.sub(r"_(bucket|sum|count)$", "", name)
            for name in re.findall(r"\b(?:pcapring|process)_\w+", text)}


@case("Grafana's board asks for metrics that are served, all of its panels do")
def _(folder):
    board = json.loads(read(os.path.join(TOP, "packaging/grafana/pcapring.json")))
    texts = served(folder)
    known = names(texts[0]) | names(texts[1])
    variables = {variable["name"] for variable in board["templating"]["list"]}
    same(len({panel["id"] for panel in board["panels"]}), len(board["panels"]), "ids")
    for panel in board["panels"]:
        for target in panel["targets"]:
            asked = queried(target["expr"])
            assert asked, f"{panel['title']} asks for nothing"
            same(sorted(asked - known), [], f"unknown metrics in {panel['title']}")
            used = set(re.findall(r"\$\{?(\w+)", target["expr"]))
            same(sorted(used - variables), [], f"unknown variables in {panel['title']}")
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
    query = board["templating"]["list"][1]["query"]["query"]
    same(sorted(queried(query) - known), [], "unknown metrics in the variable")


@case("alert rules are valid, fire when they should, and know the metrics that are served")
def _(folder):
    rules = os.path.join(TOP, "packaging/prometheus/pcapring.rules.yml")
    texts = served(folder)
    promtool("check", "rules", rules)
    promtool("test", "rules", os.path.join(TOP, "tests/seeing/rules.test.yml"))
    expressions = re.findall(r"^\s*expr: (.*)", read(rules).decode(), re.M)
    for expression in expressions:
        same(sorted(queried(expression) - names(texts[0]) - names(texts[1])), [],
             f"unknown metrics in {expression}")
