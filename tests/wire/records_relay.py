# SPDX-License-Identifier: MIT
"""pcapring-relay over pcapring.v1, to a collector that is not ours."""
import os
import sys

import grpc

import savefile
from collector import NATIVE, SWAPPED
from harness import case, same, until, write
from peers import Receiver
from records_server import Closed, FromCollector, FromSensor, Holder, Server
from replay import free_port, relay

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def records(*args):
    return relay(*args, "--protocol", "records")


def contents(packets, resolution=6):
    """What is in a ring, or behind a savefile's header."""
    return savefile.build(packets, NATIVE, resolution)[savefile.HEADER_BYTES:]


def stream(folder, blob, *scripts, status=0, **kwargs):
    """Stream a savefile. -> what the relay said, the server."""
    write(folder("in.pcap"), blob)
    server = Server(*scripts, **kwargs)
    program = records(folder("in.pcap"), server.port)
    text = program.wait(status)
    server.stop()
    return text, server


@case("relay over records: a savefile is an epoch of its own, and arrives byte for byte")
def _(folder):
    captures = set()
    for resolution in (6, 9):
        packets = savefile.packets(3000, resolution)
        holder = Holder()
        text, server = stream(folder, savefile.build(packets, NATIVE, resolution, 9000, 101),
                              holder)
        same(bytes(holder.data), contents(packets, resolution), "bytes")
        assert f"{len(holder.data)} bytes acknowledged, 0 sent again" in text, text
        hello = holder.hellos[0]
        same((hello.boot_id, hello.ring, hello.ring_count, hello.ring_bytes, hello.tail,
              hello.sent, hello.collector), (bytes(16), 0, 1, 0, 0, 0, b""), "epoch")
        same((hello.sensor, hello.interface, hello.linktype, hello.snaplen, hello.resolution,
              hello.big_endian), ("sensor-1", "in.pcap", 101, 9000, int(resolution == 6),
                                  sys.byteorder == "big"), "description")
        same((len(hello.capture), len(server.calls)), (16, 1), "capture's length, calls")
        same(set(holder.marks), {0}, "complete_until of a savefile")
        captures.add(hello.capture)
    same(len(captures), 2, "captures")


@case("relay over records: messages are what protobuf makes of the same fields, 1 MiB at most")
def _(folder):
    _text, server = stream(folder, savefile.build(savefile.packets(6000), NATIVE), Holder())
    for raw in server.calls[0].raw:
        same(FromSensor.FromString(raw).SerializeToString(), raw, "message")
        assert len(raw) <= (1 << 20) + 64, len(raw)


@case("relay over records: the other byte order comes in the native one")
def _(folder):
    packets = savefile.packets(300, 9)
    holder = Holder()
    stream(folder, savefile.build(packets, SWAPPED, 9), holder)
    same(bytes(holder.data), contents(packets, 9), "bytes")


@case("relay over records: an empty savefile, and one with packets of 0 and 262144 bytes")
def _(folder):
    for packets in ([], savefile.packets(40, sizes=(0, 262144, 1, 262143))):
        holder = Holder()
        stream(folder, savefile.build(packets, NATIVE), holder)
        same(bytes(holder.data), contents(packets), "bytes")


class Breaking(Holder):
    """Ends its first calls after some messages, the last of them not acknowledged."""

    def __init__(self, breaks, messages=3):
        super().__init__()
        self.breaks = breaks
        self.messages = messages

    def __call__(self, call):
        if not self.breaks:
            super().__call__(call)
        self.breaks -= 1
        self.begin(call)
        for n in range(self.messages):
            self.take(call.records())
            if n < self.messages - 1:
                call.ack(self.boundary())
        call.end(UNAVAILABLE, "broken")


@case("relay over records: calls that break go on where the collector stands")
def _(folder):
    packets = savefile.packets(20000)
    holder = Breaking(4)
    text, server = stream(folder, savefile.build(packets, NATIVE), holder)
    same(bytes(holder.data) == contents(packets), True, "bytes are right")
    same(len(server.calls), 5, "calls")
    assert "4 reconnects" in text, text
    generations = [hello.generation for hello in holder.hellos]
    same(generations, sorted(set(generations)), "generations")
    for hello in holder.hellos[1:]:
        same(hello.collector, b"c" * 16, "collector in Hello")
        assert hello.tail <= holder.end() and hello.sent <= hello.head, hello


@case("relay over records: a collector that forgets what it had not synced gets it again")
def _(folder):
    packets = savefile.packets(4000)
    holder = Holder()

    def forget(call):
        holder.begin(call)
        holder.take(call.records())
        safe = holder.boundary()
        call.ack(safe)
        holder.take(call.records())
        del holder.data[safe - holder.base:]
        call.end(UNAVAILABLE, "killed")

    text, _server = stream(folder, savefile.build(packets, NATIVE), forget, holder)
    same(bytes(holder.data) == contents(packets), True, "bytes are right")
    assert " 0 sent again" not in text, text


@case("relay over records: another collector: sent again from the tail, and counted")
def _(folder):
    packets = savefile.packets(4000)
    first, second = Holder(b"1" * 16), Holder(b"2" * 16)

    def unacknowledged(call):
        first.begin(call)
        first.take(call.records())
        call.end(UNAVAILABLE, "gone for good")

    text, _server = stream(folder, savefile.build(packets, NATIVE), unacknowledged, second)
    same(bytes(second.data) == contents(packets), True, "bytes are right")
    same(second.hellos[0].collector, b"1" * 16, "collector in Hello")
    sent = second.hellos[0].sent
    assert sent >= len(first.data), sent
    assert f"{sent} bytes that were sent to that one may be there twice" in text, text
    assert f"{sent} possible duplicates" in text, text


@case("relay over records: no acknowledgement for five seconds: another connection")
def _(folder):
    packets = savefile.packets(300)
    peers = []
    holder = Holder()

    def mute(call):
        peers.append(call.context.peer())
        holder.begin(call)
        try:
            while True:
                call.records()
        except Closed:
            call.wait_over()

    def good(call):
        peers.append(call.context.peer())
        holder(call)

    text, _server = stream(folder, savefile.build(packets, NATIVE), mute, good)
    assert "nothing was heard for 5 s" in text, text
    same(bytes(holder.data), contents(packets), "bytes")
    assert peers[0] != peers[1], peers


def hostile(folder, script, pattern):
    """What @script does is told once; the collector that does better gets all."""
    packets = savefile.packets(300)
    holder = Holder()
    write(folder("in.pcap"), savefile.build(packets, NATIVE))
    server = Server(script, script, holder)
    program = records(folder("in.pcap"), server.port)
    text = program.wait(0)
    same(text.count(pattern), 1, f"times that /{pattern}/ was said:\n{text}")
    same(bytes(holder.data), contents(packets), "bytes")
    server.stop()


@case("relay over records: a Welcome that cannot be")
def _(folder):
    hostile(folder, lambda call: call.welcome(1 << 60), "of a ring that ends at 0")
    hostile(folder, lambda call: call.welcome(0, b"short"), "does not have")
    hostile(folder, lambda call: call.ack(0), "does not have")
    hostile(folder, lambda call: call.out.put(b"\xff" * 4000), "does not have")
    hostile(folder, lambda call: call.out.put(FromCollector().SerializeToString()),
            "does not have")


@case("relay over records: an Ack that cannot be")
def _(folder):
    def beyond(call):
        call.welcome(0)
        call.ack(1 << 62)

    hostile(folder, beyond, "acknowledges bytes up to")


@case("relay over records: what the collector says is escaped")
def _(folder):
    def rude(call):
        call.end(grpc.StatusCode.PERMISSION_DENIED, "no\x1b[2Jnever\n<0>panic")

    text, _server = stream(folder, savefile.build([], NATIVE), rude, status=1)
    assert "PERMISSION_DENIED: no?[2Jnever?<0>panic" in text, text


@case("relay over records: a receiver that knows packets only is refused clearly")
def _(folder):
    write(folder("in.pcap"), savefile.build(savefile.packets(10), NATIVE))
    receiver = Receiver()
    text = records(folder("in.pcap"), receiver.port).wait(1)
    receiver.stop()
    assert "UNIMPLEMENTED" in text and "--protocol packet" in text, text
    same(receiver.calls, 0, "calls of Run")


@case("relay over records: auto asks first, falls back, and asks again")
def _(folder):
    packets = savefile.packets(20)
    os.mkfifo(folder("fifo"))
    holder = Holder()
    server = Server(holder, unknown=2)
    program = relay(folder("fifo"), server.port)
    with open(folder("fifo"), "wb", buffering=0) as fifo:
        fifo.write(savefile.header(NATIVE))
        until(lambda: server.calls, "the second question")
        fifo.write(contents(packets))
    program.wait(0)
    server.stop()
    same(server.methods[:2], ["/pcapring.v1.Collector/Stream",
                              "/packet_streaming.PacketStreaming/Run"], "calls at first")
    same(server.methods[-1], "/pcapring.v1.Collector/Stream", "call at last")
    same(bytes(holder.data), contents(packets), "bytes")


@case("relay over records: auto never falls back after it worked")
def _(folder):
    packets = savefile.packets(20)
    holder = Holder()
    port = free_port()

    def breaking(call):
        holder.begin(call)
        call.ack(holder.base)
        call.end(UNAVAILABLE, "an upgrade")

    write(folder("in.pcap"), savefile.build(packets, NATIVE))
    server = Server(breaking, lambda call: call.end(grpc.StatusCode.UNIMPLEMENTED, "a proxy"),
                    port=port)
    text = relay(folder("in.pcap"), port).wait(1)
    server.stop()
    assert "UNIMPLEMENTED: a proxy" in text, text
    same(set(server.methods), {"/pcapring.v1.Collector/Stream"}, "methods")


@case("relay over records: SIGTERM: what was read is sent, acknowledged, half-closed")
def _(folder):
    packets = savefile.packets(20)
    os.mkfifo(folder("fifo"))
    holder = Holder()
    server = Server(holder)
    program = records(folder("fifo"), server.port)
    with open(folder("fifo"), "wb", buffering=0) as fifo:
        fifo.write(savefile.build(packets, NATIVE))
        until(lambda: holder.data == contents(packets), "all bytes")
        text = program.stop(0)
    assert f"{len(holder.data)} bytes acknowledged" in text, text
    server.stop()


@case("relay over records: SIGTERM before anybody was there: it fails")
def _(folder):
    write(folder("in.pcap"), savefile.build(savefile.packets(20), NATIVE))
    program = records(folder("in.pcap"), free_port())
    program.wait_line(" is away")
    program.stop(1)


@case("relay over records: a savefile that breaks off: what was good arrives, and it fails")
def _(folder):
    packets = savefile.packets(20)
    holder = Holder()
    text, _server = stream(folder, savefile.build(packets, NATIVE) + b"torn", holder, status=1)
    assert "--read" in text and "after 20 packets" in text, text
    same(bytes(holder.data), contents(packets), "bytes")
