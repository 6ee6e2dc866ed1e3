# SPDX-License-Identifier: MIT
"""What peers call themselves, and say, in every field: never a path, nor a line, of its own."""
import json
import os
import re
import subprocess
import urllib.parse

import grpc

import savefile
from collector import NATIVE, start, stream
from h2 import DATA, STREAM, Connection, field, frame, headers, message
from harness import BUILD, case, read, same, write
from health import Client, code
from peers import METHOD, encode
from records_peer import FromSensor, Ring, Stream, identity, records
from records_server import Server
from replay import relay
from tls import Authority, collector, pair
from trust import Guest, configure, digest, proof

HOSTILE = {
    "newline": "a\npcapring-collector: listening on 0.0.0.0:1",
    "journal": "a\n<0>kernel: panic",
    "escape": "\x1b]0;owned\x07\x1b[31mred",
    "csi": "\x9b31mred",
    "return": "sensor\rerased",
    "bidi": "a\u202egpj.exe\u2066\u200f",
    "up": "../../../../tmp/up",
    "absolute": "/tmp/absolute",
    "dot": ".hidden",
    "dots": "..",
    "dash": "-rf",
    "percent": "%s%n%d%%",
    "quote": "'\"`$(id)&<b>;|",
    "spaces": "  a  ",
    "long": "l" * 255,
    "wide": "\U0001f4a3" * 60,
    "empty": "",
    "tab": "a\tb",
    "del": "a\x7fb",
}


def tame(program):
    """Each line is one of the program's, and of printable ASCII."""
    for line in program.lines:
        assert line.startswith(program.name + ": "), f"a line of somebody else's: {line!r}"
        assert line.isascii() and line.isprintable(), f"not printable: {line!r}"
        assert len(line) < 2048, f"{len(line)} characters"


def inside(folder, count):
    """All files are in the folder, under tame names that are no options."""
    same(folder.names(), ["in"], "files outside")
    names = os.listdir(folder("in"))
    for name in names:
        assert re.fullmatch(r"x[-A-Za-z0-9._%~]*", name) and len(name) < 200, repr(name)
    same(len([name for name in names if name.endswith(".pcap")]), count, "savefiles")


def accounted(folder, count):
    out = subprocess.run([os.path.join(BUILD, "pcapring-collector"), "--report",
                          folder("in", "x.pcap")], check=True, capture_output=True).stdout
    sensors = json.loads(out)["sensors"]
    same(len(sensors), count, "sensors in the account")
    for sensor in sensors:
        assert sensor["sensor"].isascii() and sensor["sensor"].isprintable(), sensor


@case("names: of packet_streaming's sensors, hosts and interfaces")
def _(folder):
    os.mkdir(folder("in"))
    program, port = start(folder("in", "x.pcap"), ("-v",))
    packets = savefile.packets(3)
    stream(port, packets, "first", "eth0")
    for text in HOSTILE.values():
        encoded = urllib.parse.quote(text, safe="")
        stream(port, packets, encoded, "eth0")
        stream(port, packets, "s", encoded)
        stream(port, packets, "host", "eth0", host=encoded)
    # one each of a sensor, of an interface, and the first and the hosts' together
    inside(folder, 2 * len(HOSTILE) + 2)
    program.stop()
    tame(program)


@case("names: metadata that are not encoded, numbers that are none")
def _(folder):
    os.mkdir(folder("in"))
    program, port = start(folder("in", "x.pcap"), ("-v",))
    for key in ("sensor", "host", "interface", "linktype", "snaplen", "tsresol"):
        for value in (b"a b", b"%", b"%zz", b"%00", b"\xe2\x80\xae", b"a\tb", b"x" * 800,
                      b"\x1b[31m", b"a\nb", b"\x9b", b"%0a%1b" * 60, b"-1", b"99999999999999999999"):
            connection = Connection(port, source="127.0.0.1")
            connection.send(headers(1, "/packet_streaming.PacketStreaming/Run",
                                    ("pcapring-" + key, value)) + frame(DATA, 1, 1))
            assert connection.socket.recv(1), "no answer"
            connection.close()
    for path in ("/\x1b[31m\n", "/" + "x" * 900, "/\xe2\x80\xae", "\n/packet_streaming", "", "../.."):
        connection = Connection(port, source="127.0.0.1")
        connection.send(headers(1, path.encode("latin-1"), ("user-agent", "\x1b[31m"),
                                ("x-\x1b", "\n"), ("authorization", "Bearer \x1b[31m\n")))
        connection.socket.recv(1)
        connection.close()
    stream(port, savefile.packets(3), "first", "eth0")
    program.stop()
    tame(program)
    for name in os.listdir(folder("in")):
        assert re.fullmatch(r"x[-A-Za-z0-9._%~]*", name), repr(name)


@case("names: of records' sensors, hosts, interfaces and versions")
def _(folder):
    os.mkdir(folder("in"))
    program, port = start(folder("in", "x.pcap"), ("-v",))
    blob = records(savefile.packets(3))
    for name, text in HOSTILE.items():
        for key in ("sensor", "interface", "host", "version"):
            ring = Ring(blob, capture=identity(name + key), **{key: text})
            call = Stream(port, ring)
            call.welcome()
            call.send().finish()
    inside(folder, 4 * len(HOSTILE))
    program.stop()
    tame(program)
    # one each of a sensor and of an interface, and that of hosts and versions
    accounted(folder, 2 * len(HOSTILE) + 1)


@case("names: Hellos with texts that are none, or too long")
def _(folder):
    program, port = start(folder("x.pcap"), ("-v",))
    fields = {name: number for name, number in (("sensor", 11), ("host", 12), ("interface", 13),
                                                ("version", 18))}
    for number in fields.values():
        for text in (b"\xff\xfe", b"a\0b", b"x" * 256, b"x" * 60000, b"\x1b[31m" * 99):
            ring = Ring(b"")
            hello = FromSensor()
            for key, value in ring.fields(capture=identity(f"{number}{text[:3]}")).items():
                setattr(hello.hello, key, value)
            raw = hello.hello.SerializeToString() + _field(number, text)
            call = Stream(port, ring, False)
            call.raw(_field(1, raw))
            call.wait(lambda: call.welcomes or call.ended, "an answer")
            call.cancel()
    program.stop()
    tame(program)


def _field(number, blob):
    """A field of bytes, as protobuf writes it."""
    def varint(value):
        out = b""
        while value > 127:
            out += bytes([value & 127 | 128])
            value >>= 7
        return out + bytes([value])
    return varint(number << 3 | 2) + varint(len(blob)) + blob


@case("names: of services that are asked for, of tokens, of certificates")
def _(folder):
    ca = Authority(folder, "ca")
    program, port = collector(folder, *pair(*ca.issue("collector")), "--tls-client-ca",
                              ca.certificate, "-v", *configure(folder, f"""
        [sensor s]
        token-sha256 = {digest("x")}
        """))
    nobody, _ = proof(ca)
    client = Client(port, nobody)
    for text in HOSTILE.values():
        if text:
            same(code(client.check, text), grpc.StatusCode.NOT_FOUND, "Check")
        sensor = Guest(port, urllib.parse.quote(text, safe=""), nobody, "guess")
        same(sensor.status()[0], grpc.StatusCode.UNAUTHENTICATED, "status")
        sensor.close()
    for number, text in enumerate((HOSTILE["escape"], HOSTILE["bidi"], "a\tb", "../x", "l" * 60)):
        certificate, key = ca.issue(f"who-{number}", "DNS:s.example", subject=text)
        sensor = Guest(port, "s", proof(ca, (certificate, key))[0])
        same(sensor.status()[0], grpc.StatusCode.PERMISSION_DENIED, "status")
        sensor.close()
    program.stop()
    tame(program)


@case("names: what a hostile collector says ends up in one line of the relay's")
def _(folder):
    write(folder("in.pcap"), savefile.build(savefile.packets(9), NATIVE))
    for text in HOSTILE.values():
        if "\x9b" in text or not text:
            continue            # Python's server does not send that
        def script(call, text=text):
            call.end(grpc.StatusCode.FAILED_PRECONDITION, text)
        server = Server(script)
        program = relay(folder("in.pcap"), server.port, "--protocol", "records", "-v")
        program.wait_line("FAILED_PRECONDITION")
        program.stop(1)
        server.stop()
        tame(program)


@case("names: a file whose own name is no text is in the account, encoded")
def _(folder):
    path = os.fsdecode(os.fsencode(folder("x")) + b"\xe9 y.pcap")
    program, port = start(path)
    call = Stream(port, Ring(records(savefile.packets(3))))
    call.welcome()
    call.send().finish()
    program.stop()
    out = subprocess.run([os.path.join(BUILD, "pcapring-collector"), "--report", path],
                         check=True, capture_output=True).stdout
    said = json.loads(out)
    same([file["file"] for file in said["files"]], ["x%E9%20y.pcap"], "files")
    same([one["file"] for one in said["sensors"][0]["rings"][0]["intervals"]],
         ["x%E9%20y.pcap"], "files of intervals")
