# SPDX-License-Identifier: MIT
"""pcapring-collector against sensors in Python."""
import os
import select
import signal
import socket
import struct
import subprocess
import sys

import grpc

import savefile
from harness import Program, Skip, case, read, same, until, write
from peers import Packet, Sensor, encode

XATTR = "user.pcapring.stream"
NATIVE = "<" if sys.byteorder == "little" else ">"
SWAPPED = ">" if NATIVE == "<" else "<"


def start(path, options=(), **more):
    """-> (collector, its port)."""
    collector = Program("pcapring-collector", "--listen", "127.0.0.1:0",
                        "--write", path, *options, **more)
    return collector, int(collector.wait_line(r"listening on 127\.0\.0\.1:(\d+)$")[1])


def stream(port, packets, name=None, interface=None, nanoseconds=False, **metadata):
    """A whole stream, answered."""
    sensor = Sensor(port, name, interface, **metadata)
    sensor.send(*[encode(packet, nanoseconds) for packet in packets])
    same(sensor.done(), b"", "answer")
    sensor.close()


def until_size(path, blob):
    until(lambda: os.path.exists(path) and os.path.getsize(path) >= len(blob),
          f"{len(blob)} bytes in {os.path.basename(path)}")


def refuses(status, pattern, *args):
    program = Program("pcapring-collector", *args)
    text = program.wait(status)
    assert program.find(pattern), f"/{pattern}/ is not in:\n{text}"


@case("collector: usage errors exit 2 and name the remedy")
def _(folder):
    x = folder("x.pcap")
    refuses(2, "--listen is missing.*ADDR:PORT")
    refuses(2, "--listen is missing", "--write", x)
    refuses(2, "--directory DIR or --write FILE is missing", "--listen", "127.0.0.1:0")
    refuses(2, "--write ''", "--listen", "127.0.0.1:0", "--write", "")
    refuses(2, "--write: .* end of line", "--listen", "127.0.0.1:0",
            "--write", f"{x}\n.pcap")
    refuses(2, "no such argument", "--listen", "127.0.0.1:0", "--write", x, "more")
    refuses(2, "unrecognized option '--nonsense'", "--nonsense")
    same(folder.names(), [], "files")


@case("collector: --help and --version")
def _(folder):
    for option, text in (("--help", b"--listen"), ("--version", b"pcapring-collector ")):
        program = Program("pcapring-collector", option, stdout=subprocess.PIPE)
        out = program.process.stdout.read()
        program.wait(0)
        assert text in out, out


@case("collector: an address that cannot be is an error with the option and the value")
def _(folder):
    for status, values in ((2, ("127.0.0.1", "127.0.0.1:", ":1", "127.0.0.1:port",
                                "127.0.0.1:99999")),
                           (1, ("300.1.1.1:1", "203.0.113.1:1"))):
        for value in values:
            refuses(status, f"--listen {value}: ", "--listen", value,
                    "--write", folder("x.pcap"))
    same(folder.names(), [], "files")


@case("collector: two do not share a port")
def _(folder):
    collector, port = start(folder("x.pcap"))
    refuses(1, f"--listen 127.0.0.1:{port}: .*already in use", "--listen",
            f"127.0.0.1:{port}", "--write", folder("y.pcap"))
    collector.stop()


@case("collector: a file that is no savefile is refused and stays as it is")
def _(folder):
    for blob in (b"x", b"somebody's letters, longer than a header\n", b"\0" * 24):
        write(folder("x.pcap"), blob)
        refuses(1, "--write .*x.pcap: .*no savefile", "--listen", "127.0.0.1:0",
                "--write", folder("x.pcap"))
        same(read(folder("x.pcap")), blob, "file")
    refuses(1, "--write .*: cannot be written: No such file", "--listen", "127.0.0.1:0",
            "--write", folder("none", "x.pcap"))
    refuses(1, "--write .*: cannot be written: Is a directory", "--listen",
            "127.0.0.1:0", "--write", folder.path)
    refuses(1, "--write /dev/null: .*no savefile", "--listen", "127.0.0.1:0",
            "--write", "/dev/null")


@case("collector: says READY when it listens")
def _(folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(folder("notify"))
        notify.settimeout(30)
        collector, _port = start(folder("x.pcap"), env={"NOTIFY_SOCKET": folder("notify")})
        same(notify.recv(1000), b"READY=1", "notification")
        collector.stop()


@case("collector: a stream without metadata is Ethernet, 262144 bytes, microseconds")
def _(folder):
    packets = savefile.packets(200)
    collector, port = start(folder("x.pcap"))
    stream(port, packets)
    same(read(folder("x.pcap")), savefile.build(packets, NATIVE), "file")
    same(folder.names(), ["x.pcap"], "files")
    text = collector.stop()
    assert "sensor 127.0.0.1/: complete: 200 packets" in text, text


@case("collector: metadata makes the header")
def _(folder):
    packets = savefile.packets(50, 9, 96)
    collector, port = start(folder("x.pcap"))
    stream(port, packets, "s", "eth0", True, linktype=101, snaplen=96, tsresol=9)
    same(read(folder("x.pcap")), savefile.build(packets, NATIVE, 9, 96, 101), "file")
    collector.stop()


@case("collector: an empty stream makes an empty savefile")
def _(folder):
    collector, port = start(folder("x.pcap"))
    stream(port, [], "s", "eth0")
    same(read(folder("x.pcap")), savefile.header(NATIVE), "file")
    collector.stop()


@case("collector: packets of 0 and of 262144 bytes, 20000 in all")
def _(folder):
    large = savefile.packets(8, sizes=(0, 262144, 262143, 65536))
    small = savefile.packets(20000, sizes=(0, 1, 60, 128), seed=2)
    collector, port = start(folder("x.pcap"))
    stream(port, large + small)
    same(read(folder("x.pcap")), savefile.build(large + small, NATIVE), "file")
    collector.stop()


@case("collector: what came is in the file while the stream is idle")
def _(folder):
    packets = savefile.packets(3)
    collector, port = start(folder("x.pcap"))
    sensor = Sensor(port, "s", "eth0")
    for count in range(len(packets) + 1):
        if count:
            sensor.send(encode(packets[count - 1]))
        want = savefile.build(packets[:count], NATIVE)
        until_size(folder("x.pcap"), want)
        same(read(folder("x.pcap")), want, "file")
    sensor.done()
    collector.stop()


@case("collector: sensors at the same time have files of their own")
def _(folder):
    streams = {"x.pcap": ("a", "eth0", 1), "x-a-eth1.pcap": ("a", "eth1", 101),
               "x-b-eth0.pcap": ("b", "eth0", 1), "x-c.pcap": ("c", None, 1)}
    collector, port = start(folder("x.pcap"))
    sensors = {}
    for name, (sensor, interface, linktype) in streams.items():
        sensors[name] = Sensor(port, sensor, interface, linktype=linktype)
        until(lambda name=name: name in folder.names(), name)
    same(folder.names(), sorted(streams), "files")
    for seed, sensor in enumerate(sensors.values()):
        sensor.send(*[encode(p) for p in savefile.packets(300, seed=seed)])
    for seed, (name, sensor) in enumerate(sensors.items()):
        sensor.done()
        same(read(folder(name)), savefile.build(
            savefile.packets(300, seed=seed), NATIVE, linktype=streams[name][2]), name)
    collector.stop()


@case("collector: a sensor that comes back appends to its file")
def _(folder):
    one, two = savefile.packets(10), savefile.packets(10, seed=2)
    collector, port = start(folder("x.pcap"))
    for packets in (one, two):
        stream(port, packets, "a", "eth0")
        stream(port, packets, "b", "eth0")
    for name in ("x.pcap", "x-b-eth0.pcap"):
        same(read(folder(name)), savefile.build(one + two, NATIVE), name)
    collector.stop()


@case("collector: another link type, snaplen or resolution starts a new file")
def _(folder):
    packets = savefile.packets(5, snaplen=96)
    formats = ((1, 262144, 6), (101, 262144, 6), (1, 96, 6), (1, 262144, 9))
    collector, port = start(folder("x.pcap"))
    for _ in range(2):
        for linktype, snaplen, tsresol in formats:
            stream(port, packets, "a", "eth0", tsresol == 9, linktype=linktype,
                   snaplen=snaplen, tsresol=tsresol)
    same(folder.names(), ["x.1.pcap", "x.2.pcap", "x.3.pcap", "x.pcap"], "files")
    for name, (linktype, snaplen, tsresol) in zip(
            ("x.pcap", "x.1.pcap", "x.2.pcap", "x.3.pcap"), formats):
        same(read(folder(name)), savefile.build(packets * 2, NATIVE, tsresol, snaplen,
                                                linktype), name)
    collector.stop()


def need_xattr(folder):
    write(folder("probe"), b"")
    try:
        os.setxattr(folder("probe"), XATTR, b"x")
    except OSError as error:
        raise Skip(f"no user extended attributes in {folder.path}: {error.strerror}")
    finally:
        os.remove(folder("probe"))


@case("collector: a restarted one knows whose file is whose")
def _(folder):
    need_xattr(folder)
    one, two = savefile.packets(10), savefile.packets(10, seed=2)
    for packets, order in ((one, "ab"), (two, "ba")):
        collector, port = start(folder("x.pcap"))
        for name in order:
            stream(port, packets, name, "eth0", linktype=101 if name == "b" else 1)
        collector.stop()
    same(folder.names(), ["x-b-eth0.pcap", "x.pcap"], "files")
    same(read(folder("x.pcap")), savefile.build(one + two, NATIVE), "x.pcap")
    same(read(folder("x-b-eth0.pcap")), savefile.build(one + two, NATIVE, linktype=101),
         "x-b-eth0.pcap")


@case("collector: nobody's savefile is taken over by the first that fits")
def _(folder):
    one, two = savefile.packets(10), savefile.packets(10, seed=2)
    write(folder("x.pcap"), savefile.build(one, NATIVE))
    collector, port = start(folder("x.pcap"))
    stream(port, two, "b", "eth0", linktype=101)
    stream(port, two, "a", "eth0")
    stream(port, two, "c", "eth0")
    same(read(folder("x.pcap")), savefile.build(one + two, NATIVE), "x.pcap")
    same(folder.names(), ["x-b-eth0.pcap", "x-c-eth0.pcap", "x.pcap"], "files")
    collector.stop()


@case("collector: a savefile of the other byte order is left alone")
def _(folder):
    packets = savefile.packets(10)
    write(folder("x.pcap"), savefile.build(packets, SWAPPED))
    collector, port = start(folder("x.pcap"))
    stream(port, packets, "a", "eth0")
    same(read(folder("x.pcap")), savefile.build(packets, SWAPPED), "x.pcap")
    same(read(folder("x-a-eth0.pcap")), savefile.build(packets, NATIVE), "x-a-eth0.pcap")
    collector.stop()


@case("collector: a torn last record is cut first")
def _(folder):
    packets = savefile.packets(10, sizes=(60,))
    whole = savefile.build(packets, NATIVE)
    for torn in (1, 15, 16, 17, 75):
        write(folder("x.pcap"), whole + savefile.record(packets[0], NATIVE)[:torn])
        collector, port = start(folder("x.pcap"))
        stream(port, [], "a", "eth0")
        same(read(folder("x.pcap")), whole, "cut file")
        stream(port, packets, "a", "eth0")
        text = collector.stop()
        assert f"cut a torn record, {torn} bytes at offset {len(whole)}" in text, text
        same(read(folder("x.pcap")), savefile.build(packets * 2, NATIVE), "file")
        os.remove(folder("x.pcap"))


@case("collector: killed and restarted, the file is whole and goes on")
def _(folder):
    packets = savefile.packets(2000)
    collector, port = start(folder("x.pcap"))
    sensor = Sensor(port, "a", "eth0").send(*[encode(p) for p in packets])
    until_size(folder("x.pcap"), savefile.build(packets[:100], NATIVE))
    collector.kill()
    same(sensor.status()[0], grpc.StatusCode.UNAVAILABLE, "status")
    collector, port = start(folder("x.pcap"))
    stream(port, packets, "a", "eth0")
    collector.stop()
    got = savefile.parse(read(folder("x.pcap")))[3]
    before = len(got) - len(packets)
    assert 0 < before <= len(packets), before
    same(got, packets[:before] + packets, "packets")


@case("collector: a newer stream ends the older one")
def _(folder):
    packets = savefile.packets(10)
    collector, port = start(folder("x.pcap"))
    older = Sensor(port, "a", "eth0").send(*[encode(p) for p in packets])
    until_size(folder("x.pcap"), savefile.build(packets, NATIVE))
    stream(port, packets, "a", "eth0")
    same(older.status(), (grpc.StatusCode.ABORTED,
                          "replaced by a newer stream of the same sensor and interface"),
         "status")
    same(read(folder("x.pcap")), savefile.build(packets * 2, NATIVE), "file")
    same(folder.names(), ["x.pcap"], "files")
    collector.stop()


def invalid_messages():
    good = (1, 2, 60, b"x" * 60)

    def change(**fields):
        message = Packet.FromString(encode(good))
        for name, value in fields.items():
            setattr(message.header, name, value)
        return message.SerializeToString()

    return {
        "caplen is 61 bytes, but 60": change(caplen=61),
        "caplen is 59 bytes, but 60": change(caplen=59),
        "caplen is 4294967295 bytes, but 60": change(caplen=4294967295),
        "ts_usec is 1000000 ": change(ts_usec=1000000),
        "ts_nsec is 1000000000 ": change(ts_nsec=1000000000),
        "without header": b"\x12\x00",
        "without data": b"\x0a\x00",
        "not a Packet message": b"no packet at all",
        "caplen is 262145 bytes, at most": encode((1, 2, 3, bytes(262145))),
    }


@case("collector: an invalid message ends its stream, and no other")
def _(folder):
    packets = savefile.packets(10)
    collector, port = start(folder("x.pcap"))
    other = Sensor(port, "other", "eth0")
    until(lambda: "x.pcap" in folder.names(), "x.pcap")
    for count, (why, message) in enumerate(invalid_messages().items(), 1):
        sensor = Sensor(port, "bad", "eth0").send(*[encode(p) for p in packets])
        sensor.send(message, encode(packets[0]))
        code, text = sensor.status()
        same(code, grpc.StatusCode.INVALID_ARGUMENT, why)
        assert why in text and "message 11 " in text, text
        collector.wait_line(f"sensor bad/eth0: message 11 is not valid: .*{why}.*: 10 packets")
        same(read(folder("x-bad-eth0.pcap")), savefile.build(packets * count, NATIVE), why)
        sensor.close()
    other.send(*[encode(p) for p in packets])
    other.done()
    same(read(folder("x.pcap")), savefile.build(packets, NATIVE), "the other's file")
    collector.stop()


@case("collector: a message of unusual shape is taken")
def _(folder):
    message = b"\x12\x04\x0a\x02ab\x0a\x06\x20\x03\x18\x02\x08\x07\x18\x01"
    collector, port = start(folder("x.pcap"))
    sensor = Sensor(port, "a", "eth0").send(message)
    sensor.done()
    same(read(folder("x.pcap")), savefile.build([(7, 0, 3, b"ab")], NATIVE), "file")
    collector.stop()


@case("collector: compressed messages are taken, messages above 4 MiB are not")
def _(folder):
    packets = savefile.packets(50)
    collector, port = start(folder("x.pcap"))
    sensor = Sensor(port, "a", "eth0", compression=grpc.Compression.Gzip)
    sensor.send(*[encode(p) for p in packets])
    sensor.done()
    sensor = Sensor(port, "a", "eth0").send(encode(packets[0]), bytes(5 << 20))
    same(sensor.status()[0], grpc.StatusCode.RESOURCE_EXHAUSTED, "status")
    collector.wait_line("sensor a/eth0: connection broken: 1 packets")
    same(read(folder("x.pcap")), savefile.build(packets + packets[:1], NATIVE), "file")
    collector.stop()


@case("collector: listens on IPv6, and knows a nameless sensor by its address")
def _(folder):
    if not os.path.exists("/proc/net/if_inet6") or not read("/proc/net/if_inet6"):
        raise Skip("no IPv6 here")
    packets = savefile.packets(5)
    collector = Program("pcapring-collector", "--listen", "[::1]:0",
                        "--write", folder("x.pcap"))
    port = collector.wait_line(r"listening on \[::1\]:(\d+)$")[1]
    for _ in range(2):
        sensor = Sensor(f"[::1]:{port}", None, "eth0")
        sensor.send(*[encode(p) for p in packets])
        sensor.done()
    same(read(folder("x.pcap")), savefile.build(packets * 2, NATIVE), "file")
    text = collector.stop()
    assert "sensor %3A%3A1/eth0: complete: 5 packets" in text, text


@case("collector: nameless sensors at one address do not end each other")
def _(folder):
    packets = savefile.packets(5)
    collector, port = start(folder("x.pcap"))
    first, second = Sensor(port), Sensor(port)
    first.send(encode(packets[0]))
    until_size(folder("x.pcap"), savefile.build(packets[:1], NATIVE))
    second.send(*[encode(p) for p in packets])
    second.done()
    first.send(*[encode(p) for p in packets[1:]])
    first.done()
    for name in ("x.pcap", "x-127.0.0.1_2.pcap"):
        same(read(folder(name)), savefile.build(packets, NATIVE), name)
    collector.stop()


@case("collector: other methods and invalid metadata are refused")
def _(folder):
    collector, port = start(folder("x.pcap"))
    same(Sensor(port, "a", "b", method="/pcapring.v1.Stream/Run").status()[0],
         grpc.StatusCode.UNIMPLEMENTED, "status")
    for key, value in (("linktype", "ethernet"), ("snaplen", "-1"), ("tsresol", "7"),
                       ("sensor", "%zz"), ("interface", "x" * 300)):
        code, text = Sensor(port, **{key: value}).status()
        same(code, grpc.StatusCode.INVALID_ARGUMENT, key)
        assert "pcapring-" + key in text, text
    same(folder.names(), [], "files")
    collector.stop()


@case("collector: hostile names stay in the folder and in the line")
def _(folder):
    os.mkdir(folder("in"))
    collector, port = start(folder("in", "x.pcap"))
    packets = savefile.packets(3)
    stream(port, packets, "first", "eth0")
    names = {"..%2F..%2Fx": "x-..%2F..%2Fx-%2E%2E.pcap",
             "a%0Apcapring-collector:%20listening": None,
             "%2e%2e": "x-%2E%2E-%2E%2E.pcap",
             "%1b[31m%C3%A4": "x-%1B%5B31m%C3%A4-%2E%2E.pcap",
             "y" * 200: None}
    for name, file in names.items():
        stream(port, packets, name, "..")
        if file:
            same(read(folder("in", file)), savefile.build(packets, NATIVE), file)
    same(folder.names(), ["in"], "files outside")
    same(len(os.listdir(folder("in"))), 1 + len(names), "number of files")
    collector.stop()
    for line in collector.lines:
        assert line.startswith("pcapring-collector: "), line
        assert line.isprintable() and line.isascii(), line


@case("collector: a stream that breaks is written and counted")
def _(folder):
    packets = savefile.packets(10)
    blob = savefile.build(packets, NATIVE)
    collector, port = start(folder("x.pcap"))
    sensor = Sensor(port, "a", "eth0").send(*[encode(p) for p in packets])
    until_size(folder("x.pcap"), blob)
    sensor.cancel()
    collector.wait_line(r"sensor a/eth0: connection broken: 10 packets, \d+ bytes")
    same(read(folder("x.pcap")), blob, "file")
    collector.stop()


@case("collector: noise on the port harms nobody")
def _(folder):
    packets = savefile.packets(10)
    collector, port = start(folder("x.pcap"))
    sensor = Sensor(port, "a", "eth0").send(*[encode(p) for p in packets[:5]])
    for noise in (b"GET / HTTP/1.1\r\n\r\n", bytes(100),
                  b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.settimeout(30)
            connection.sendall(noise)
            connection.shutdown(socket.SHUT_WR)
            try:
                while connection.recv(1000):
                    pass
            except ConnectionResetError:
                pass
    sensor.send(*[encode(p) for p in packets[5:]])
    sensor.done()
    same(read(folder("x.pcap")), savefile.build(packets, NATIVE), "file")
    collector.stop()


def check_stop(folder, number):
    packets = savefile.packets(10)
    blob = savefile.build(packets, NATIVE)
    collector, port = start(folder("x.pcap"))
    sensors = [Sensor(port, name, "eth0") for name in "ab"]
    for sensor in sensors:
        sensor.send(*[encode(p) for p in packets])
    until(lambda: len(folder.names()) == 2, "two files")
    for name in folder.names():
        until_size(folder(name), blob)
    collector.signal(number)
    text = collector.wait(0)
    for sensor, name in zip(sensors, "ab"):
        same(sensor.status()[0], grpc.StatusCode.UNAVAILABLE, "status")
        assert f"sensor {name}/eth0: the collector stops: 10 packets, " in text, text
    for name in folder.names():
        same(read(folder(name)), blob, name)


@case("collector: SIGTERM ends streams with UNAVAILABLE, writes all, sums up")
def _(folder):
    check_stop(folder, signal.SIGTERM)


@case("collector: so does SIGINT")
def _(folder):
    check_stop(folder, signal.SIGINT)


@case("collector: on a full disk the stream ends, the file stays valid, others go on")
def _(folder):
    os.mkdir(folder("small"))
    if os.geteuid() or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", folder("small")],
            stderr=subprocess.DEVNULL).returncode:
        raise Skip("mounting a small tmpfs needs root")
    try:
        check_full_disk(folder)
    finally:
        subprocess.run(["umount", "-l", folder("small")], check=True)


def takes(port, packets):
    """Once a second a sensor may try."""
    try:
        stream(port, packets, "a", "eth0")
    except grpc.RpcError as error:
        same(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED, "status")
        return False
    return True


def check_full_disk(folder):
    packets = savefile.packets(200, sizes=(1000,))
    collector, port = start(folder("small", "x.pcap"))
    sensor = Sensor(port, "a", "eth0").send(*[encode(p) for p in packets])
    code, text = sensor.status()
    same(code, grpc.StatusCode.RESOURCE_EXHAUSTED, "status")
    assert "No space left" in text, text
    line = collector.wait_line(r"sensor a/eth0: .*: (\d+) packets, (\d+) bytes written")
    got = savefile.parse(read(folder("small", "x.pcap")))[3]
    assert len(got) > 100, len(got)
    same(got, packets[:len(got)], "packets")
    same((int(line[1]), int(line[2])), (len(got), 1000 * len(got)), "counts")
    os.truncate(folder("small", "x.pcap"), savefile.HEADER_BYTES)
    until(lambda: takes(port, packets[:5]), "room again")
    collector.wait_line("x.pcap: there is room again")
    same(len([line for line in collector.lines if "nothing is acknowledged" in line]), 1,
         "what was said")
    same(read(folder("small", "x.pcap")), savefile.build(packets[:5], NATIVE), "file")
    collector.stop()


@case("collector: --write - is live through tcpdump -r -")
def _(folder):
    packets = savefile.packets(5, sizes=(60,))
    collector, port = start("-", stdout=subprocess.PIPE)
    tcpdump = subprocess.Popen(
        ["tcpdump", "-l", "-nn", "-tt", "-r", "-"], stdin=collector.process.stdout,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    collector.process.stdout.close()
    sensor = Sensor(port, "a", "eth0")
    for sec, frac, wire, data in packets:
        sensor.send(encode((sec, frac, wire, data)))
        line = "\t"                          # a hex dump follows the line
        while line.startswith("\t"):
            line = tcpdump.stdout.readline()     # before the next is sent
        assert line.startswith(f"{sec}.{frac:06d} "), line
    sensor.done()
    collector.stop()
    same(tcpdump.wait(30), 0, "tcpdump's status")


@case("collector: standard output takes one stream, and one header")
def _(folder):
    packets = savefile.packets(5)
    with open(folder("out"), "wb") as out:
        collector, port = start("-", stdout=out)
    one = Sensor(port, "a", "eth0").send(*[encode(p) for p in packets])
    until_size(folder("out"), savefile.build(packets, NATIVE))
    code, text = Sensor(port, "b", "eth0").status()
    same(code, grpc.StatusCode.RESOURCE_EXHAUSTED, "status")
    assert "a/eth0" in text, text
    one.done()
    code, text = Sensor(port, "a", "eth0", linktype=101).status()
    same(code, grpc.StatusCode.FAILED_PRECONDITION, "status")
    assert "link type 1" in text, text
    stream(port, packets, "b", "eth0")
    collector.stop()
    same(read(folder("out")), savefile.build(packets * 2, NATIVE), "output")


@case("collector: ends with status 0 when nobody reads standard output any more")
def _(folder):
    collector, port = start("-", stdout=subprocess.PIPE)
    sensor = Sensor(port, "a", "eth0").send(encode((1, 2, 3, b"abc")))
    collector.process.stdout.read(24 + 16 + 3)
    collector.process.stdout.close()
    sensor.send(encode((1, 2, 3, b"abc")))
    text = collector.wait(0)
    assert "nobody reads standard output" in text, text
    assert ": 1 packets, 3 bytes written" in text, text
    sensor.close()


@case("collector: SIGTERM ends it even when its pipe is full")
def _(folder):
    packets = savefile.packets(400, sizes=(9000,))
    reader, writer = os.pipe()
    room = select.poll()
    room.register(writer, select.POLLOUT)
    collector, port = start("-", stdout=writer)
    sensor = Sensor(port, "a", "eth0").send(*[encode(p) for p in packets])
    until(lambda: not room.poll(0), "a full pipe")
    collector.stop(0)
    sensor.close()
    os.close(writer)
    with open(reader, "rb") as pipe:
        blob = pipe.read()
    same(blob, savefile.build(packets, NATIVE)[:len(blob)], "output")


@case("collector: struct layout of the savefile header is that of pcap-savefile(5)")
def _(folder):
    collector, port = start(folder("x.pcap"))
    stream(port, [], tsresol=9)
    same(struct.unpack("=IHHiIII", read(folder("x.pcap"))),
         (0xA1B23C4D, 2, 4, 0, 0, 262144, 1), "header")
    collector.stop()
