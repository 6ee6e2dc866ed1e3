# SPDX-License-Identifier: MIT
"""Conveniences of pcapring-relay: when it stops, what it keeps, how fast it sends."""
import os
import signal
import socket
import subprocess
import threading
import time

import grpc

import savefile
from collector import NATIVE, start
from harness import SECONDS, Program, case, read, same, until, write
from peers import Packet, Receiver
from records_relay import contents
from records_server import Holder, Server
from replay import free_port, relay
from ring import Ring

UNAVAILABLE = (grpc.StatusCode.UNAVAILABLE, "gone")
SIZES = (60, 90, 1514, 300)
NO_LINKTYPE = 0xffffffff


def packets_of(count, seed=1):
    return savefile.packets(count, 9, sizes=SIZES, seed=seed)


def data_of(receiver):
    return [Packet.FromString(raw).data.data for raw in receiver.messages]


class Holders:
    """A collector of several rings, in memory."""

    def __init__(self, holder=Holder):
        self.holder = holder
        self.rings = {}

    def __call__(self, call):
        self.rings.setdefault(call.hello.ring, self.holder())(call)

    def packets(self):
        """All of them, by time."""
        blobs = [savefile.header(NATIVE, 9) + bytes(holder.data) for holder in self.rings.values()]
        return sorted(packet for blob in blobs for packet in savefile.parse(blob)[3])


def clear(folder):
    for name in folder.names():
        os.remove(folder(name))


def usage(pattern, *args):
    program = Program("pcapring-relay", "--read", "x", "--target", "h:1", *args)
    text = program.wait(2)
    assert program.find(pattern), f"/{pattern}/ is not in:\n{text}"


@case("ease: limits that are none exit 2 and say what is one")
def _(_folder):
    for value in ("0", "-1", "ten", "1k", "99999999999999999999"):
        usage("--count '.*' is not a number of packets", f"--count={value}")
    for value in ("0", "-1", "much", "1T"):
        usage("--bytes '.*' is not a size", f"--bytes={value}")
    for value in ("0", "-1", "soon", "5y", "5mm", "99999999999d"):
        usage("--duration '.*' is not a time", f"--duration={value}")


def stops(folder, *args, backlog=40, later=60, want=70, rings=1, start=0):
    """Over records: some packets wait in the rings, others come one by one."""
    packets = packets_of(backlog + later)
    ring = Ring(folder, rings, start=start)
    for n, packet in enumerate(packets[:backlog]):
        ring.append([packet], n % rings)
    holders = Holders()
    server = Server(holders)
    program = ring.relay(server.port, *args)
    until(lambda: len(holders.rings) == rings, "all rings' calls")
    for n, packet in enumerate(packets[backlog:]):
        ring.append([packet], n % rings)
    text = program.wait(0)
    server.stop()
    same(holders.packets(), packets[:want], "packets")
    sent = sum(len(holder.data) for holder in holders.rings.values())
    assert f"{sent} bytes acknowledged" in text, text
    same(sum(map(ring.tail, range(rings))), start * rings + sent, "tails")
    return text


@case("ease: --count over records: so many packets, all acknowledged, the others wait")
def _(folder):
    stops(folder, "--count", "70")


@case("ease: --count over records where it lies among what waits already")
def _(folder):
    stops(folder, "--count", "33", want=33)


@case("ease: --count over records: counters that do not fit the ring are not believed")
def _(folder):
    stops(folder, "--count", "70", start=1 << 33)


@case("ease: --bytes over records: the packet that completes them is the last one")
def _(folder):
    want = 70
    size = sum(SIZES[n % 4] for n in range(want))
    stops(folder, "--bytes", str(size - 1), want=want)


@case("ease: --count over records of three rings: the first ones by time")
def _(folder):
    stops(folder, "--count", "31", rings=3, later=0, want=31)


@case("ease: --count over records, where the collector comes when it is reached")
def _(folder):
    packets = packets_of(50)
    ring = Ring(folder)
    ring.append(packets[:20])
    port = free_port()
    program = ring.relay(port, "--count", "30")
    program.wait_line(" is away")
    ring.append(packets[20:])
    holders = Holders()
    server = Server(holders, port=port)
    program.wait(0)
    server.stop()
    same(holders.packets(), packets[:30], "packets")


@case("ease: SIGTERM before all that --count wants has arrived: exit 1, and what is left")
def _(folder):
    ring = Ring(folder)
    ring.append(packets_of(50))
    server = Server(lambda call: call.end(*UNAVAILABLE))
    program = ring.relay(server.port, "--count", "30")
    program.wait_line("the limit is reached: sending what is left")
    text = program.stop(1)
    server.stop()
    assert f"{len(contents(packets_of(30), 9))} bytes are left in the rings" in text, text
    same(ring.tail(), 0, "tail")


@case("ease: --count and --bytes over Run")
def _(folder):
    packets = packets_of(50)
    for args in ("--count", "30"), ("--bytes", str(sum(SIZES[n % 4] for n in range(30)))):
        ring = Ring(folder, 2)
        for n, packet in enumerate(packets[:25]):
            ring.append([packet], n % 2)
        receiver = Receiver()
        program = ring.relay(receiver.port, "--protocol", "packet", *args)
        until(lambda: receiver.messages, "the first message")
        for n, packet in enumerate(packets[25:]):
            ring.append([packet], n % 2)
        text = program.wait(0)
        receiver.stop()
        same(len(receiver.messages), 30, "packets")
        assert "30 packets" in text and " 0 unconfirmed" in text, text
        same(ring.tail(0) + ring.tail(1), len(contents(packets[:30], 9)), "tails")
        clear(folder)


@case("ease: --count over Run, and no answer: exit 1 where packets may not have arrived")
def _(folder):
    for args in ("--count", "30"), ():
        ring = Ring(folder)
        ring.append(packets_of(30))
        receiver = Receiver()
        receiver.may_answer.clear()
        program = ring.relay(receiver.port, "--protocol", "packet", *args)
        until(lambda: len(receiver.messages) == 30, "all packets")
        if not args:
            program.signal(signal.SIGTERM)
        receiver.halfclosed.wait(SECONDS)
        receiver.server.stop(0)
        text = program.wait(1)
        receiver.stop()
        assert "30 packets unconfirmed" in text, text
        clear(folder)


@case("ease: --count where the receiver knows packets only: no more, no fewer")
def _(folder):
    packets = packets_of(60)
    for rings in 1, 3:
        ring = Ring(folder, rings)
        for n, packet in enumerate(packets[:45]):
            ring.append([packet], n % rings)
        receiver = Receiver()
        program = ring.relay(receiver.port, "--count", "50")
        until(lambda: receiver.messages, "the first message")
        for n, packet in enumerate(packets[45:]):
            ring.append([packet], n % rings)
        program.wait(0)
        receiver.stop()
        same(data_of(receiver) == [packet[3] for packet in packets[:50]], True, "packets are right")
        same(sum(map(ring.tail, range(rings))), len(contents(packets[:50], 9)), "tails")
        clear(folder)


@case("ease: --count, --bytes and --duration of a savefile, over both protocols")
def _(folder):
    packets = savefile.packets(3000, sizes=SIZES)
    write(folder("in.pcap"), savefile.build(packets, NATIVE))
    size = sum(SIZES[n % 4] for n in range(1200))
    for args, want in ((("--count", "1000"), 1000), (("--bytes", str(size)), 1200),
                       (("--count", "9999"), 3000), (("--duration", "7d"), 3000)):
        holder = Holder()
        server = Server(holder)
        relay(folder("in.pcap"), server.port, "--protocol", "records", *args).wait(0)
        server.stop()
        same(bytes(holder.data) == contents(packets[:want]), True, f"{args}: records are right")
        receiver = Receiver()
        relay(folder("in.pcap"), receiver.port, "--protocol", "packet", *args).wait(0)
        receiver.stop()
        same(data_of(receiver) == [packet[3] for packet in packets[:want]], True,
             f"{args}: packets are right")


@case("ease: --duration: what came by then arrives, over both protocols")
def _(folder):
    packets = packets_of(20)
    for protocol in "records", "packet":
        ring = Ring(folder)
        ring.append(packets)
        holders, receiver = Holders(), Receiver()
        server = Server(holders)
        port = server.port if protocol == "records" else receiver.port
        program = ring.relay(port, "--protocol", protocol, "--duration", "1")
        text = program.wait(0)
        server.stop()
        receiver.stop()
        assert "the time is over" in text, text
        same(ring.tail(), ring.head(), "tail")
        same(len(holders.packets() if protocol == "records" else receiver.messages), 20, "packets")
        clear(folder)


@case("ease: --duration where nothing ever came, and where nobody ever was")
def _(folder):
    Ring(folder).relay(free_port(), "--duration", "1").wait(0)


class Paced(Holder):
    """Acknowledges, and notes when how much had come."""

    def __init__(self):
        super().__init__()
        self.arrivals = []

    def take(self, records):
        super().take(records)
        self.arrivals.append((time.monotonic(), len(records.data)))


def check_pace(begin, arrivals, rate):
    """
    What delays messages on their way, or this program, makes them come later: since
    the relay began there was never more than the rate allows, the bucket holds, and one
    message overdraws it.
    """
    total = 0
    burst = rate * 0.025 + 1600         # or a packet
    for when, size in arrivals:
        total += size
        assert total <= rate * (when - begin) + 2 * burst, (total, rate, when - begin)
        assert size <= burst, "a message is longer than its share"


@case("ease: --limit-rate over records, over all rings together")
def _(folder):
    packets = packets_of(900)
    ring = Ring(folder, 3)
    for n, packet in enumerate(packets):
        ring.append([packet], n % 3)
    holders = Holders(Paced)
    server = Server(holders)
    begin = time.monotonic()
    ring.relay(server.port, "--limit-rate", "4Mbit", "--count", "900").wait(0)
    server.stop()
    same(holders.packets() == packets, True, "packets are right")
    arrivals = sorted(sum((holder.arrivals for holder in holders.rings.values()), []))
    check_pace(begin, arrivals, 500000)


@case("ease: --limit-rate over records: no ring goes first for long")
def _(folder):
    ring = Ring(folder, 3)
    for n, packet in enumerate(packets_of(900)):
        ring.append([packet], n % 3)
    holders = Holders(Paced)
    server = Server(holders)
    program = ring.relay(server.port, "--limit-rate", "128kbit")
    until(lambda: len(holders.rings) == 3 and
          all(len(holder.arrivals) > 2 for holder in holders.rings.values()), "something of each")
    assert all(holder.end() < ring.head(n) for n, holder in holders.rings.items()), "one is done"
    program.kill()
    server.stop()


@case("ease: --limit-rate: what a ring cannot hold meanwhile waits in the spool")
def _(folder):
    packets = savefile.packets(400, 9, sizes=(1000,))
    ring = Ring(folder, size=1 << 17)
    holder = Holder()
    server = Server(holder)
    program = ring.relay(server.port, "--limit-rate", "80kbit", "--spool", folder("spool"))
    until(lambda: holder.base is not None, "the call")
    for n, packet in enumerate(packets):
        until(lambda n=n: ring.head() + 1016 - ring.tail() <= ring.size, f"room for packet {n}")
        ring.append([packet])
    assert ring.tail() > holder.end(), "the ring waited for the rate"
    program.kill()
    ring.relay(server.port, "--spool", folder("spool"), "--drain").wait(0)
    server.stop()
    same(bytes(holder.data) == contents(packets, 9), True, "bytes are right")


@case("ease: --limit-rate over Run")
def _(folder):
    packets = packets_of(500)
    ring = Ring(folder)
    ring.append(packets)
    arrivals = []
    receiver = Receiver(message=lambda raw: arrivals.append((time.monotonic(), len(raw))))
    begin = time.monotonic()
    ring.relay(receiver.port, "--protocol", "packet", "--limit-rate", "400k", "--count",
               "500").wait(0)
    receiver.stop()
    same(data_of(receiver) == [packet[3] for packet in packets], True, "packets are right")
    check_pace(begin, arrivals, 400 << 10)


@case("ease: --limit-rate of a savefile, over both protocols")
def _(folder):
    packets = savefile.packets(300, sizes=SIZES)
    write(folder("in.pcap"), savefile.build(packets, NATIVE))
    holder = Paced()
    server = Server(holder)
    begin = time.monotonic()
    relay(folder("in.pcap"), server.port, "--protocol", "records", "--limit-rate", "400k").wait(0)
    server.stop()
    same(bytes(holder.data) == contents(packets), True, "records are right")
    check_pace(begin, holder.arrivals, 400 << 10)
    receiver = Receiver()
    relay(folder("in.pcap"), receiver.port, "--protocol", "packet", "--limit-rate", "3200kbit").wait(0)
    receiver.stop()
    same(data_of(receiver) == [packet[3] for packet in packets], True, "packets are right")


@case("ease: --limit-rate changes at SIGHUP, over both protocols")
def _(folder):
    packets = packets_of(900)
    for protocol in "records", "packet":
        for rate in "100Mbit", None:
            ring = Ring(folder)
            ring.append(packets)
            write(folder("relay.conf"), b"limit-rate = 1k\n")
            holders, receiver = Holders(), Receiver()
            server = Server(holders)
            program = ring.relay(server.port if protocol == "records" else receiver.port,
                                 "--protocol", protocol, "--count", "900", "--config",
                                 folder("relay.conf"))
            until(lambda: receiver.messages or (holders.rings and holders.rings[0].data),
                  "the first bytes")
            write(folder("relay.conf"), f"limit-rate = {rate}\n".encode() if rate else b"")
            program.signal(signal.SIGHUP)
            program.wait(0)                 # a quarter of an hour otherwise
            server.stop()
            receiver.stop()
            got = [packet[3] for packet in holders.packets()] or data_of(receiver)
            same(got == [packet[3] for packet in packets], True, "packets are right")
            clear(folder)


@case("ease: rates that are none exit 2")
def _(_folder):
    for value in ("0", "-1", "fast", "1T", "0bit", "bit", "kbit", "1kkbit", "1.5Mbit", "9999G",
                  "1bits", "99999999999999999999999999999999999999bit"):
        usage("--limit-rate '.*' is not a rate", f"--limit-rate={value}")


@case("ease: --drain: what the rings hold is acknowledged, and that was all")
def _(folder):
    packets = packets_of(300)
    for protocol, knows in (("records", "records"), ("packet", "packet"), ("auto", "records"),
                            ("auto", "packet")):
        ring = Ring(folder, 3)
        for n, packet in enumerate(packets):
            ring.append([packet], n % 3)
        holders, receiver = Holders(), Receiver()
        server = Server(holders)
        port = receiver.port if knows == "packet" else server.port
        text = ring.relay(port, "--protocol", protocol, "--drain").wait(0)
        server.stop()
        receiver.stop()
        got = [packet[3] for packet in holders.packets()] or data_of(receiver)
        same(got == [packet[3] for packet in packets], True, "packets are right")
        same([ring.tail(n) for n in range(3)], ring.heads, "tails")
        assert "the capture is not frozen" in text, text        # a file is none
        clear(folder)


@case("ease: --drain where there is nothing needs nobody")
def _(folder):
    for protocol in "records", "packet":
        ring = Ring(folder)
        ring.relay(free_port(), "--protocol", protocol, "--drain").wait(0)
        clear(folder)


@case("ease: --drain waits for a receiver that is away; a signal ends that with status 1")
def _(folder):
    packets = packets_of(30)
    for protocol in "records", "packet":
        ring = Ring(folder)
        ring.append(packets)
        port = free_port()
        program = ring.relay(port, "--protocol", protocol, "--drain")
        program.wait_line(" is away")
        text = program.stop(1)
        assert f"{ring.head()} bytes are left in the rings, 0 in the spool" in text, text
        program = ring.relay(port, "--protocol", protocol, "--drain")
        program.wait_line(" is away")
        holders = Holders()
        server = Server(holders, port=port) if protocol == "records" else Receiver(port)
        program.wait(0)
        server.stop()
        same(ring.tail(), ring.head(), "tail")
        clear(folder)


@case("ease: --drain: the spool, too, and that of captures that are gone")
def _(folder):
    os.mkdir(folder("rings"))
    for seed in 1, 2, 3:
        ring = Ring(lambda name, seed=seed: folder("rings", f"{name}{seed}"))
        ring.append(packets_of(30, seed))
        program = ring.relay(free_port(), "--spool", folder("spool"))
        program.wait_line(" is away")
        program.stop(0)
    same(len(os.listdir(folder("spool"))) >= 3, True, "something is in the spool")
    captures = {}

    def script(call):
        captures.setdefault(call.hello.capture, Holder())(call)

    port = free_port()
    program = ring.relay(port, "--spool", folder("spool"), "--drain")
    program.wait_line(" is away")
    text = program.stop(1)
    assert "0 bytes are left in the rings" in text and " 0 in the spool" not in text, text
    ring.append(packets_of(5, 4))
    server = Server(script, port=port)
    ring.relay(port, "--spool", folder("spool"), "--drain").wait(0)
    server.stop()
    got = sorted(bytes(holder.data) for holder in captures.values())
    want = [contents(packets_of(30, seed), 9) for seed in (1, 2, 3)]
    want[2] += contents(packets_of(5, 4), 9)
    same(got == sorted(want), True, "bytes are right")
    same([name for name in os.listdir(folder("spool")) if name.endswith(".spool")], [], "spool")


def leave_spool(folder):
    """A capture of 30 packets, of which a spool is all that is left."""
    os.mkdir(folder("rings"))
    ring = Ring(lambda name: folder("rings", name + "1"))
    ring.append(packets_of(30))
    program = ring.relay(free_port(), "--spool", folder("spool"))
    program.wait_line(" is away")
    program.stop(0)


@case("ease: --drain of a capture without a link type: the spool of another, then the end")
def _(folder):
    leave_spool(folder)
    ring = Ring(lambda name: folder("rings", name + "2"), linktype=NO_LINKTYPE)
    holder = Holder()
    server = Server(holder)
    ring.relay(server.port, "--spool", folder("spool"), "--drain").wait(0)
    server.stop()
    same(bytes(holder.data) == contents(packets_of(30), 9), True, "bytes are right")
    same([name for name in os.listdir(folder("spool")) if name.endswith(".spool")], [], "spool")


@case("ease: the spool of another capture goes out before this one has a link type")
def _(folder):
    leave_spool(folder)
    ring = Ring(lambda name: folder("rings", name + "2"), 2, linktype=NO_LINKTYPE)
    captures = {}
    server = Server(lambda call: captures.setdefault(
        (call.hello.capture, call.hello.ring), Holder())(call))
    program = ring.relay(server.port, "--spool", folder("spool"))
    until(lambda: not [name for name in os.listdir(folder("spool")) if name.endswith(".spool")],
          "an empty spool")
    same([bytes(holder.data) == contents(packets_of(30), 9) for holder in captures.values()],
         [True], "bytes are right")
    same({call.hello.linktype for call in server.calls}, {1}, "link types")
    ring.attach(101)
    ring.append(packets_of(10, 2), 1)
    until(lambda: ring.tail(1) == ring.head(1), "the tail")
    program.stop(0)
    same({call.hello.linktype for call in server.calls}, {1, 101}, "link types")
    server.stop()


@case("ease: --drain of a capture without a link type, and without a spool, is done at once")
def _(folder):
    for protocol in "auto", "records", "packet":
        ring = Ring(folder, linktype=NO_LINKTYPE)
        ring.relay(free_port(), "--protocol", protocol, "--drain").wait(0)
        clear(folder)


@case("ease: --drain is for captures")
def _(_folder):
    usage("--drain is for --device", "--drain")


def copied(path):
    """The packets in a copy, and what other programs say of the file."""
    resolution, snaplen, linktype, packets = savefile.parse(read(path))
    same((resolution, snaplen, linktype), (9, 262144, 101), "resolution, snaplen, link type")
    tool = subprocess.run(["capinfos", "-Mrc", path], capture_output=True, text=True, check=True)
    assert tool.stdout.split()[-1] == str(len(packets)), tool.stdout
    return packets


@case("ease: --copy: what is streamed is in a savefile, too, over both protocols")
def _(folder):
    packets = packets_of(120)
    for protocol in "records", "packet":
        for rings in 1, 3:
            ring = Ring(folder, rings, linktype=101)
            for n, packet in enumerate(packets[:60]):
                ring.append([packet], n % rings)
            server = Server(Holders()) if protocol == "records" else Receiver()
            program = ring.relay(server.port, "--protocol", protocol, "--count", "100",
                                 "--copy", folder("copy"))
            until(lambda: os.path.exists(folder("copy")) and os.path.getsize(folder("copy")),
                  "the file")
            for n, packet in enumerate(packets[60:]):
                ring.append([packet], n % rings)
            program.wait(0)
            server.stop()
            got = copied(folder("copy"))
            same(got == packets[:100], True, "packets are right, by time")
            same(os.stat(folder("copy")).st_mode & 0o777, 0o640, "mode")
            clear(folder)


@case("ease: --copy where protocols take turns and calls break: exactly once, by time")
def _(folder):
    packets = packets_of(900)
    for rings in 1, 3:
        ring = Ring(folder, rings, linktype=101)
        port = free_port()
        program = ring.relay(port, "--copy", folder("copy"), "--count", "800")
        n = 0

        def come(count):
            nonlocal n
            for packet in packets[n:n + count]:
                ring.append([packet], n % rings)
                n += 1

        come(50)
        program.wait_line(" is away")
        for turn in range(3):
            come(50)
            receiver = Receiver(port)
            until(lambda r=receiver: r.messages, "a packet")
            come(50)
            until(lambda r=receiver, want=packets[n - 1][3]: data_of(r)[-1] == want,
                  "the last packet")
            come(50)
            receiver.stop()
            until(lambda want=turn + 2: sum(" is away" in line for line in program.lines) == want,
                  "a relay that knows")
            come(50)
        server = Server(Holders(), port=port)
        come(900)
        program.wait(0)
        server.stop()
        same(copied(folder("copy")) == packets[:800], True, "packets are right, by time")
        assert {"/pcapring.v1.Collector/Stream"} == set(server.methods), server.methods
        clear(folder)


@case("ease: --count where protocols take turns, and tails wait: what was sent counts once")
def _(folder):
    packets = packets_of(500)
    ring = Ring(folder, linktype=101)
    os.mkfifo(folder("copy"))
    slow = os.open(folder("copy"), os.O_RDONLY | os.O_NONBLOCK)
    receiver = Receiver()
    program = ring.relay(receiver.port, "--copy", folder("copy"), "--count", "400")
    ring.append(packets[:300])              # more than a pipe takes
    until(lambda: len(receiver.messages) == 300, "all packets at the receiver")
    receiver.stop()
    holders = Holders()
    server = Server(holders, port=receiver.port)
    until(lambda: server.calls, "a call")
    ring.append(packets[300:])
    got = b""
    os.set_blocking(slow, True)
    while part := os.read(slow, 1 << 16):
        got += part
    os.close(slow)
    program.wait(0)
    server.stop()
    same(got == savefile.build(packets[:400], NATIVE, 9, linktype=101), True, "copy is right")
    same(holders.packets()[-1], packets[399], "the last packet")


@case("ease: --copy -: standard output is a live savefile")
def _(folder):
    packets = packets_of(40)
    ring = Ring(folder, linktype=101)
    server = Server(Holders())
    program = ring.relay(server.port, "--copy", "-", stdout=subprocess.PIPE)
    blob = savefile.build(packets, NATIVE, 9, linktype=101)
    ring.append(packets[:20])
    with program.process.stdout as out:
        half = len(savefile.build(packets[:20], NATIVE, 9))
        same(out.read(half) == blob[:half], True, "what came first is right")
        ring.append(packets[20:])
        program.stop(0)
        same(out.read() == blob[half:], True, "what came then is right")
    server.stop()


@case("ease: --copy: all of it is there though no receiver is, and none came")
def _(folder):
    packets = packets_of(60)
    ring = Ring(folder, 3, linktype=101)
    program = ring.relay(free_port(), "--copy", folder("copy"))
    program.wait_line(" is away")
    for n, packet in enumerate(packets):
        ring.append([packet], n % 3)
    size = len(savefile.build(packets, NATIVE, 9))
    until(lambda: os.path.getsize(folder("copy")) == size, "all packets in the file")
    same(copied(folder("copy")) == packets, True, "packets are right, by time")
    program.stop(0)
    same([ring.tail(n) for n in range(3)], [0] * 3, "tails")


@case("ease: --copy to what is slow: the stream goes on, the tail waits")
def _(folder):
    packets = packets_of(700, seed=2)       # more than a pipe takes
    for protocol in "records", "packet":
        ring = Ring(folder, linktype=101)
        os.mkfifo(folder("copy"))
        slow = os.open(folder("copy"), os.O_RDONLY | os.O_NONBLOCK)
        holders, receiver = Holders(), Receiver()
        server = Server(holders)
        program = ring.relay(server.port if protocol == "records" else receiver.port,
                             "--protocol", protocol, "--copy", folder("copy"))
        for packet in packets:
            ring.append([packet])
        until(lambda: len(receiver.messages) == 700 or
              (holders.rings and holders.rings[0].data and holders.rings[0].end() == ring.head()),
              "all packets at the receiver")
        assert ring.tail() < ring.head(), "the tail did not wait"
        blob = b""
        os.set_blocking(slow, True)
        while len(blob) < ring.head() + savefile.HEADER_BYTES:
            blob += os.read(slow, 1 << 16)
        same(blob == savefile.build(packets, NATIVE, 9, linktype=101), True, "copy is right")
        until(lambda: ring.tail() == ring.head(), "the tail at the head")
        program.stop(0)
        os.close(slow)
        server.stop()
        receiver.stop()
        clear(folder)


@case("ease: --copy where nothing can be written: it is said, the stream goes on, exit 1")
def _(folder):
    packets = packets_of(200)
    ring = Ring(folder, linktype=101)
    holders = Holders()
    server = Server(holders)
    os.symlink("/dev/full", folder("full"))
    program = ring.relay(server.port, "--copy", folder("full"), "--count", "200")
    program.wait_line("--copy .*/full: No space left on device: it ends here; the stream goes on")
    ring.append(packets)
    program.wait(1)
    same(holders.packets() == packets, True, "packets are right")
    same(ring.tail(), ring.head(), "tail")
    server.stop()


@case("ease: --copy to a disk that gets full: the file ends with a whole record")
def _(folder):
    packets = packets_of(200)
    ring = Ring(folder, linktype=101)
    holders = Holders()
    server = Server(holders)
    program = ring.relay(server.port, "--copy", folder("copy"), "--count", "200",
                         wrapper="trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"")
    ring.append(packets[:10])
    until(lambda: os.path.exists(folder("copy")) and
          os.path.getsize(folder("copy")) > savefile.HEADER_BYTES, "something in the file")
    ring.append(packets[10:])
    text = program.wait(1)
    server.stop()
    same(holders.packets() == packets, True, "packets are right")
    got = copied(folder("copy"))
    same(got == packets[:len(got)] and len(got) >= 10, True, "copy is right")
    assert "File too large: it ends here" in text, text


@case("ease: --copy - behind what a file has: that stays where the disk gets full")
def _(folder):
    packets = packets_of(200)
    before = b"what somebody else has written\n" * 100
    for room in 64, 1:                      # of a few packets, and of not even the header
        write(folder("out"), before)
        ring = Ring(folder, linktype=101)
        holders = Holders()
        server = Server(holders)
        out = os.open(folder("out"), os.O_WRONLY | os.O_APPEND)     # as a shell does
        program = ring.relay(server.port, "--copy", "-", "--count", "200", stdout=out,
                             wrapper=f"trap '' XFSZ; ulimit -f {room}; exec \"$0\" \"$@\"")
        os.close(out)
        ring.append(packets)
        text = program.wait(1)
        server.stop()
        same(holders.packets() == packets, True, "packets are right")
        assert "--copy -: File too large: it ends here; the stream goes on" in text, text
        blob = read(folder("out"))
        same(blob[:len(before)] == before, True, "what was there is there")
        got = savefile.parse(blob[len(before):])[3] if room > 1 else []
        same(got == packets[:len(got)], True, "copy is right")
        same(len(blob) > len(before), room > 1, "a copy")
        clear(folder)


@case("ease: --copy FILE that cannot be made, or is of no use, is refused")
def _(folder):
    ring = Ring(folder)
    text = ring.relay(free_port(), "--copy", folder("no", "where")).wait(1)
    assert "--copy" in text and "No such file or directory" in text, text
    usage("--copy is for --device", "--copy", "y")


class Wire:
    """A TCP proxy that counts what sensors send."""

    def __init__(self, port):
        self.port = port
        self.bytes = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.port))
            for source, sink, counts in (near, far, True), (far, near, False):
                threading.Thread(target=self._pump, args=(source, sink, counts),
                                 daemon=True).start()

    def _pump(self, source, sink, counts):
        while True:
            try:
                blob = source.recv(1 << 16)
                sink.sendall(blob)
            except OSError:
                return
            if not blob:
                sink.close()
                return
            self.bytes += len(blob) if counts else 0

    def close(self):
        self.listener.close()


@case("ease: the receiver knows packets only, and comes after a spool took what was there")
def _(folder):
    packets = packets_of(900)
    ring = Ring(folder, size=1 << 16)
    port = free_port()
    program = ring.relay(port, "--spool", folder("spool"))
    program.wait_line(" is away")
    for n, packet in enumerate(packets[:600]):      # around the ring, many times
        until(lambda n=n: ring.head() + 1600 - ring.tail() <= ring.size, f"room for packet {n}")
        ring.append([packet])
    receiver = Receiver(port)
    program.wait_line("connected to")
    for n, packet in enumerate(packets[600:]):
        until(lambda n=n: ring.head() + 1600 - ring.tail() <= ring.size, f"room for packet {n}")
        ring.append([packet])
    until(lambda: ring.tail() == ring.head(), "the tail")
    program.stop(0)
    receiver.stop()
    got = data_of(receiver)
    same(got == [packet[3] for packet in packets[900 - len(got):]], True, "packets are right")
    holder = Holder()
    server = Server(holder)
    ring.relay(server.port, "--spool", folder("spool"), "--drain").wait(0)
    server.stop()
    same(bytes(holder.data) == contents(packets[:900 - len(got)], 9), True, "the others are there")


@case("ease: --count and --copy, with a spool and a collector that comes and goes: exactly once")
def _(folder):
    packets = packets_of(1500)
    ring = Ring(folder, 2, size=1 << 16, linktype=101)
    holders = Holders()
    port = free_port()
    program = ring.relay(port, "--spool", folder("spool"), "--copy", folder("copy"),
                         "--count", "1400")
    for part in range(5):
        for n in range(300 * part, 300 * part + 300):
            if n < 1400:
                until(lambda n=n: ring.head(n % 2) + 1600 - ring.tail(n % 2) <= ring.size,
                      f"room for packet {n}")
            if ring.head(n % 2) + 1600 - ring.tail(n % 2) <= ring.size:
                ring.append([packets[n]], n % 2)
        if part == 0:
            program.wait_line(" is away")
        server = Server(holders, port=port)
        until(lambda: len(holders.rings) == 2 and
              all(holder.end() > 0 for holder in holders.rings.values()), "something of each")
        if part < 4:
            server.stop()
    program.wait(0)
    server.stop()
    same(holders.packets() == packets[:1400], True, "packets are right")
    same(copied(folder("copy")) == packets[:1400], True, "the copy is right, by time")
    same([name for name in os.listdir(folder("spool")) if name.endswith(".spool")], [], "spool")


@case("ease: --compression: fewer bytes on the wire, the same packets, over both protocols")
def _(folder):
    text = (b"GET /index.html HTTP/1.1\r\nHost: example.net\r\n" * 40)[:1514]
    packets = [(sec, frac, len(text), text) for sec, frac, _len, _data in packets_of(2000)]
    blob = savefile.build(packets, NATIVE, 9)
    write(folder("in.pcap"), blob)
    for args, out in (("--protocol", "records"), blob), (("--protocol", "packet",
                                                          "--nanoseconds"), blob):
        sizes = {}
        for compression in "", "gzip", "deflate":
            collector, port = start(folder("out.pcap"))
            wire = Wire(port)
            more = ("--compression", compression) if compression else ()
            relay(folder("in.pcap"), wire.address, *args, *more).wait(0)
            collector.stop()
            wire.close()
            same(read(folder("out.pcap")) == out, True, f"{args} {compression}: file is right")
            sizes[compression] = wire.bytes
            for name in folder.names():
                if name.startswith("out."):
                    os.remove(folder(name))
        assert sizes[""] > len(blob), sizes
        assert sizes["gzip"] < len(blob) / 2 and sizes["deflate"] < len(blob) / 2, sizes


@case("ease: --compression to a receiver that does not know it is a clear error")
def _(folder):
    write(folder("in.pcap"), savefile.build(packets_of(300), NATIVE, 9))
    plain = [("grpc.compression_enabled_algorithms_bitset", 1)]
    for protocol in "auto", "records", "packet":
        server = (Receiver(options=plain) if protocol == "packet" else
                  Server(Holder(), options=plain))
        text = relay(folder("in.pcap"), server.port, "--protocol", protocol, "--compression",
                     "gzip").wait(1)
        server.stop()
        assert "it does not know --compression gzip" in text, text
        assert "does not know pcapring.v1" not in text, text


@case("ease: --compression to a receiver that knows packets only falls back, compressed")
def _(folder):
    packets = packets_of(300)
    write(folder("in.pcap"), savefile.build(packets, NATIVE, 9))
    receiver = Receiver()
    relay(folder("in.pcap"), receiver.port, "--compression", "deflate").wait(0)
    receiver.stop()
    same(data_of(receiver) == [packet[3] for packet in packets], True, "packets are right")


@case("ease: a compression that is none exits 2")
def _(_folder):
    for value in ("", "zstd", "identity", "GZIP"):
        usage("--compression '.*' is none of gzip, deflate", f"--compression={value}")
