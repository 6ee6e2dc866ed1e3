# SPDX-License-Identifier: MIT
"""pcapring-relay --read, to a receiver that is not ours and to our collector."""
import os
import socket

import savefile
from collector import NATIVE, SWAPPED, start
from harness import Program, Skip, case, read, same, until, write
from peers import Packet, Receiver, encode

HERE = os.path.dirname(os.path.abspath(__file__))
DATASET = os.path.join(HERE, "..", "..", "..", "shared", "data", "sniffer-dataset.pcap")


def relay(file, port, *args):
    return Program("pcapring-relay", "--read", file, "--target", f"127.0.0.1:{port}",
                   "--sensor", "sensor-1", *args)


def packets_of(file, port, *args):
    """A relay that speaks Run, whatever the collector knows."""
    return relay(file, port, "--protocol", "packet", *args)


def replay(folder, blob, *args, want=None):
    """Through relay and collector; what is written has to be equal."""
    write(folder("in.pcap"), blob)
    collector, port = start(folder("out.pcap"))
    relay(folder("in.pcap"), port, *args).wait(0)
    same(read(folder("out.pcap")), blob if want is None else want, "file")
    collector.stop()
    for name in folder.names():         # the journal, too
        if name.startswith("out."):
            os.remove(folder(name))


def micro(packets):
    """Nanoseconds cut to microseconds."""
    return [(sec, frac // 1000, wire, data) for sec, frac, wire, data in packets]


@case("relay: usage errors exit 2 and name the option")
def _(folder):
    for args, pattern in (((), "--device|--read"),
                          (("--read", "x"), "--target"),
                          (("--target", "127.0.0.1:1"), "--device|--read"),
                          (("--device", "x", "--target", "h:1", "--spool", "d", "--protocol",
                            "packet"), "--spool needs .* --protocol records or auto"),
                          (("--read", "x", "--target", "h:1", "--spool", "d"),
                           "--spool is for --device"),
                          (("--device", "x", "--target", "h:1", "--spool-max", "1G"),
                           "--spool-max is for --spool DIR"),
                          (("--device", "x", "--target", "h:1", "--spool", "d", "--spool-max",
                            "much"), "--spool-max 'much' is not a size"),
                          (("--nonsense",), "unrecognized option '--nonsense'")):
        program = Program("pcapring-relay", *args)
        text = program.wait(2)
        assert program.find(pattern), text


@case("relay: a source that cannot be read exits 1 and names it")
def _(folder):
    write(folder("letters"), b"somebody's letters, longer than a header\n")
    for name in ("none.pcap", "letters"):
        program = relay(folder(name), 1)
        text = program.wait(1)
        assert program.find(f"--read .*{name}"), text


def check_messages(receiver, packets, nanoseconds):
    same(len(receiver.messages), len(packets), "number of messages")
    for n, (raw, (sec, frac, wire, data)) in enumerate(zip(receiver.messages, packets)):
        message = Packet.FromString(raw)
        assert message.HasField("header") and message.HasField("data"), (n, raw[:40])
        header = message.header
        same((header.ts_sec, header.ts_usec, header.ts_nsec, header.len, message.data.data),
             (sec, frac // 1000 if nanoseconds else frac, frac if nanoseconds else 0,
              wire, data), f"message {n}")
        same(header.caplen, len(message.data.data), f"caplen of message {n}")
        same(raw, encode((sec, frac, wire, data), nanoseconds), f"bytes of message {n}")


def check_receiver(folder, packets, resolution, *args, nanoseconds=False):
    write(folder("in.pcap"), savefile.build(packets, NATIVE, resolution, 9000, 101))
    receiver = Receiver()
    receiver.may_answer.clear()
    program = relay(folder("in.pcap"), receiver.port, *args)
    assert receiver.halfclosed.wait(30), "no half-close"
    same(program.process.poll(), None, "relay's status before the answer")
    receiver.may_answer.set()
    program.wait(0)
    receiver.stop()
    same(receiver.calls, 1, "calls")
    sent = receiver.metadata[0]
    same({key: sent.get("pcapring-" + key) for key in
          ("sensor", "linktype", "snaplen", "tsresol", "host")},
         {"sensor": "sensor-1", "linktype": "101", "snaplen": "9000",
          "tsresol": "9" if nanoseconds else "6", "host": socket.gethostname()}, "metadata")
    assert "in.pcap" in sent["pcapring-interface"], sent
    check_messages(receiver, packets, nanoseconds)


@case("relay: a strict receiver gets each field, and answers after the half-close")
def _(folder):
    check_receiver(folder, savefile.packets(1000), 6)


@case("relay: with --nanoseconds it gets ts_nsec, too")
def _(folder):
    check_receiver(folder, savefile.packets(500, 9), 9, "--nanoseconds", nanoseconds=True)


@case("relay: without it, ts_nsec stays off")
def _(folder):
    packets = savefile.packets(500, 9)
    write(folder("in.pcap"), savefile.build(packets, NATIVE, 9))
    receiver = Receiver()
    relay(folder("in.pcap"), receiver.port).wait(0)
    receiver.stop()
    check_messages(receiver, micro(packets), False)


@case("replay: microseconds come back byte for byte")
def _(folder):
    replay(folder, savefile.build(savefile.packets(3000), NATIVE))


@case("replay: nanoseconds come back byte for byte")
def _(folder):
    replay(folder, savefile.build(savefile.packets(3000, 9), NATIVE, 9), "--nanoseconds")


@case("replay: nanoseconds without --nanoseconds come back as microseconds")
def _(folder):
    packets = savefile.packets(300, 9)
    replay(folder, savefile.build(packets, NATIVE, 9), "--protocol", "packet",
           want=savefile.build(micro(packets), NATIVE))


@case("replay: the other byte order comes back in the native one")
def _(folder):
    for resolution, args in ((6, ()), (9, ("--nanoseconds",))):
        packets = savefile.packets(300, resolution)
        replay(folder, savefile.build(packets, SWAPPED, resolution), *args,
               want=savefile.build(packets, NATIVE, resolution))


@case("replay: snaplen 96")
def _(folder):
    packets = savefile.packets(300, snaplen=96)
    replay(folder, savefile.build(packets, NATIVE, snaplen=96))


@case("replay: link type 101")
def _(folder):
    replay(folder, savefile.build(savefile.packets(300), NATIVE, linktype=101))


@case("replay: packets of 0 and of 262144 bytes")
def _(folder):
    packets = savefile.packets(40, sizes=(0, 262144, 1, 262143))
    replay(folder, savefile.build(packets, NATIVE))


@case("replay: an empty savefile")
def _(folder):
    replay(folder, savefile.header(NATIVE, snaplen=1500, linktype=113))


@case("replay: the original's acceptance file comes back byte for byte")
def _(folder):
    if not os.path.exists(DATASET):
        raise Skip(f"{os.path.relpath(DATASET, HERE)} is not there")
    replay(folder, read(DATASET))


@case("replay: twice is appended")
def _(folder):
    packets = savefile.packets(100)
    write(folder("in.pcap"), savefile.build(packets, NATIVE))
    collector, port = start(folder("out.pcap"))
    for _ in range(2):
        packets_of(folder("in.pcap"), port).wait(0)
    same(read(folder("out.pcap")), savefile.build(packets * 2, NATIVE), "file")
    collector.stop()


@case("replay: two sensors at once")
def _(folder):
    programs, blobs = [], []
    collector, port = start(folder("out.pcap"))
    for n in range(2):
        blobs.append(savefile.build(savefile.packets(3000, seed=n), NATIVE, linktype=1 + 100 * n))
        write(folder(f"in{n}.pcap"), blobs[n])
        programs.append(relay(folder(f"in{n}.pcap"), port, "--sensor", f"s{n}"))
    for program in programs:
        program.wait(0)
    collector.stop()
    out = [read(folder(name)) for name in folder.names()
           if name.startswith("out") and name.endswith(".pcap")]
    same(sorted(out), sorted(blobs), "files")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@case("replay: a receiver that is away at first is waited for, and is said to be away once")
def _(folder):
    packets = savefile.packets(100)
    write(folder("in.pcap"), savefile.build(packets, NATIVE))
    port = free_port()
    program = relay(folder("in.pcap"), port)
    program.wait_line(f"127.0.0.1:{port}")
    collector = Program("pcapring-collector", "--listen", f"127.0.0.1:{port}",
                        "--write", folder("out.pcap"))
    text = program.wait(0)
    same(text.count(" is away"), 1, "times it was said")
    same(read(folder("out.pcap")), savefile.build(packets, NATIVE), "file")
    collector.stop()


def feed(folder, blob):
    """A collector, and a relay that has read @blob from a pipe that stays open."""
    os.mkfifo(folder("fifo"))
    collector, port = start(folder("out.pcap"))
    program = packets_of(folder("fifo"), port)
    fifo = open(folder("fifo"), "wb", buffering=0)
    fifo.write(blob)
    until(lambda: os.path.exists(folder("out.pcap")) and
          os.path.getsize(folder("out.pcap")) == len(blob), "all packets in the file")
    return collector, port, program, fifo


@case("replay: SIGTERM to the relay: what it has read arrives and is confirmed")
def _(folder):
    blob = savefile.build(savefile.packets(20), NATIVE)
    collector, _port, program, fifo = feed(folder, blob)
    with fifo:
        text = program.stop(0)
    assert "20 packets" in text and " 0 unconfirmed" in text, text
    collector.wait_line("sensor-1/.*: complete: 20 packets")
    same(read(folder("out.pcap")), blob, "file")
    collector.stop()


@case("replay: a collector killed in the middle: the relay fails, its packets are unconfirmed")
def _(folder):
    blob = savefile.build(savefile.packets(20), NATIVE)
    collector, port, program, fifo = feed(folder, blob)
    with fifo:
        collector.kill()
        text = program.wait(1)
    assert " 20 unconfirmed" in text, text
    collector = Program("pcapring-collector", "--listen", f"127.0.0.1:{port}",
                        "--write", folder("out.pcap"))
    write(folder("fifo.pcap"), blob)
    os.remove(folder("fifo"))
    os.rename(folder("fifo.pcap"), folder("fifo"))      # the name is the interface's
    packets_of(folder("fifo"), port).wait(0)
    same(read(folder("out.pcap")), blob + blob[savefile.HEADER_BYTES:], "file")
    same([name for name in folder.names() if not name.endswith(".journal")],
         ["fifo", "out.pcap"], "files")
    collector.stop()


@case("replay: SIGTERM to the collector: the relay fails and says what is unconfirmed")
def _(folder):
    blob = savefile.build(savefile.packets(20), NATIVE)
    collector, _port, program, fifo = feed(folder, blob)
    with fifo:
        collector.stop()
        text = program.wait(1)
    assert "the collector stops" in text and " 20 unconfirmed" in text, text
    same(read(folder("out.pcap")), blob, "file")
